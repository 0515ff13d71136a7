#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every operation that a command asks for is made to fail in turn: the command ends by itself, what is fatal to it and
# what is not is as it is with stock tools, and nothing is left behind. TEST_FULL: with three errnos instead of one.
. "$(dirname "$(realpath "$0")")/lib.sh"
. "$(dirname "$(realpath "$0")")/faults.sh"
rig_enter "$@"

# What xl create does without when it fails with ENOSYS (its exit status stays 0), and what it does not. Numbers are the
# ABI's: version.N XENVER_*, memory.N XENMEM_*, domctl.N, sysctl.N, evtchn.N, hvm.set.N the HVM parameter. Without a
# port for its console (evtchn.6) a guest gets no terminal, for which xl waits in vain.
TOLERATED='version\.(0|1|2|4|5|7|9|10)|memory\.(18|19|24)|xsm|sysctl\.16|domctl\.(9|25|68)|hvm\.set\.(1|5|6|12|17|27|28|29)'
FATAL='version\.3|sysctl\.(3|6|17|18|26|29)|domctl\.(1|5|11|15|16|33|34|60|83|86)|memory\.(6|13)|hvm\.set\.(2|10|18|35)|mmap\.(foreign|resource)|evtchn\.6'

# A guest whose building was cut short may be without a name.
create_and_destroy() {
    local status=0 id
    timeout -k 1 30 xl create -p /run/guest.cfg || status=$?
    export TENON_RIG_FAIL='' TENON_RIG_TAG=clean:
    for id in $(xl list | awk 'NR > 1 && $(NF - 4) > 0 {print $(NF - 4)}'); do timeout -k 1 30 xl destroy "$id"; done
    return $status
}
export -f create_and_destroy

check 'rigd, oxenstored and xen-init-dom0 start' start_tools oxenstored --preempt
tool xenconsoled --pid-file=/run/xen/xenconsoled.pid >>"$TEST_LOG/xenconsoled" 2>&1
guest_config /run/guest.cfg guest "$RIG_BUILD/rig_guest" 16 2
tool bash -c create_and_destroy >>"$TEST_LOG/log" 2>&1

with_faults info xl info -n
with_faults list xl list -l
with_faults vcpu-list xl vcpu-list
with_faults vcpu-pin xl vcpu-pin 0 0 0
with_faults dmesg xl dmesg
with_faults sched xl sched-credit2 -d 0 -w 256
with_faults cpupool-list xl cpupool-list
with_faults mem-set xl mem-set 0 400
with_faults xentop xentop -b -i1
with_faults lsevtchn lsevtchn 0
with_faults create bash -c create_and_destroy

while read -r name operation errno status; do
    [ "$name" = create ] && [ "$errno" = 38 ] || continue
    if grep -Exq "$FATAL" <<<"$operation"; then
        check "create does not do without $operation" test "$status" -ne 0
    else
        check "create is known to do without $operation" eval 'grep -Exq "$TOLERATED" <<<"$operation"'
        check "create does without $operation" test "$status" -eq 0
    fi
done <"$TEST_LOG/statuses"
# Other errnos that tell the tools something.
for fault in memory.24=95:3 domctl.86=95:3; do
    run_tagged other "${fault%:*}" bash -c create_and_destroy
    check "create with ${fault%:*} ends with ${fault#*:}" test $? -eq "${fault#*:}"
done
for fault in memory.18=38:0 sysctl.4=38:0 version.3=38:0; do
    run_tagged other "${fault%:*}" xl info
    check "info with ${fault%:*} ends with ${fault#*:}" test $? -eq "${fault#*:}"
done
run_info_95() { TENON_RIG_FAIL=memory.18=95 tool xl info 2>&1; }
check 'info wants ENOSYS of the sharing queries, not EOPNOTSUPP' has "$(run_info_95)" 'libxl_physinfo failed'
check 'everything works afterwards' tool bash -c create_and_destroy
kill "$(cat /run/xen/xenconsoled.pid)" "$(cat /run/xen/xenstored.pid)"
check 'rigd ends without a finding' stop_rigd
