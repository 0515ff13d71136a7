#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# In dom0: Debian's xentrace takes two seconds of everything while dom0 works, xenalyze reads them.
part() { echo "=== $1"; }
set -o pipefail
mode=
grep -q AMD /proc/cpuinfo && mode=--svm-mode

part trace
xentrace -D -e all -T 2 /tmp/trace &
for i in 1 2 3 4 5 6; do xl list >/dev/null; done
wait $!
echo "status $?"
ls -l /tmp/trace
part summary
xenalyze $mode --summary /tmp/trace 2>/tmp/warnings
echo "status $?"
part warnings
sort /tmp/warnings | uniq -c | sort -rn | head -n 40
part dump
xenalyze $mode --dump-all /tmp/trace 2>/dev/null | awk 'NR > 2000 && NR <= 2150'
part small
xentrace -D -e 0x2f000 -s 500 -T 2 /tmp/trace-small >/dev/null
echo "status $?"
xenalyze --summary /tmp/trace-small 2>/dev/null | head -n 20
part messages
xl dmesg | tail -n 20
