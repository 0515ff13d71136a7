#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# xl's commands, with the C xenstored, on a CPU without PML, TSC scaling, SMAP and AVX-512.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tour.sh"
export BOCHS_CPU=corei7_haswell_4770

boot tools --kernel lz4 --xenstored xenstored --batch "$SOURCE_DIR/tests/system/dom0/tools.sh"
check "the script's exit status comes back" [ "$BOOT_STATUS" -eq 42 ]
check "the C xenstored runs" section_has daemons '/xenstored'
check "xenconsoled runs" section_has daemons '/xenconsoled'
check "xl info -n shows topology" section_has info-n '^cpu_topology'
check "xl list -l is JSON of Domain-0" section_has list-l '"domid": 0'
check "xl dmesg shows the boot" section_has dmesg 'Tenon'
check "xl uptime" section_has uptime '^Domain-0 .*:'
check "xl debug-keys q" section_has debug-keys '^status 0$'
check "the key's answer is in xl dmesg" section_has dmesg-keys 'd0: refs=[0-9]+ pages=[0-9]+'
check "xl sched-credit2" section_has sched-credit2 'Domain-0'
check "xl cpupool-list" section_has cpupool-list 'Pool-0'
check "xentop" section_has top 'Domain-0'
check "xl vcpu-pin" section_has vcpu-pin '^status 0$'
check "xl mem-max" section_has mem-max '^status 0$'
check "xenstore-write, -read, -rm" section_has xenstore '^b$'
check "dom0's kernel complains of nothing" tour_complaints kernel-log
