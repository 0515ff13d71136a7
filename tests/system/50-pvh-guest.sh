#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Debian's kernel as a PVH guest, made by xl create: it boots, speaks on hvc0, powers off, and leaves nothing behind.
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77
. "$SOURCE_DIR/tests/system/guest/build.sh"

guest_pvh_boot pvh pvh-guest.sh

check "the script's exit status comes back" [ "$BOOT_STATUS" -eq 0 ]
check "xl create makes a PVH guest of Debian's kernel" section_has create '^status 0$'
# (earlyprintk=xen: what it says before hvc0 is there stands in xl dmesg.)
check "its kernel finds itself a PVH guest" section_has dmesg 'd1 .*Booting kernel on Xen PVH'
check "its events come through FIFO channels" section_has dmesg 'd1 .*xen:events: Using FIFO-based ABI'
check "init runs and speaks on hvc0" section_has console 'guest: init runs'
check "both of its CPUs are up" section_has console-2 'guest: online 0-1'
check "its clock is Xen's" section_has console 'guest: clocksource xen'
check "it has powered itself off" section_has list-after '^status 0$'
check "xl list no longer shows it" section_lacks list-after '^pvh '
check "xl destroy ends a guest that runs" section_lacks list-destroyed '^pvh '
check "a guest that panics is shown as crashed" section_has crashed '^pvh .* ---c-|^pvh .*---sc'
check "free memory is what it was" section_has memory '^the same$'
check "dom0's kernel complains of nothing" section_lacks dom0-log 'BUG:|WARNING: CPU|unhandled|segfault'
