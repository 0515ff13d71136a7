#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What Debian's xl, xentop and friends show of Tenon and its dom0.
. "$(dirname "$(realpath "$0")")/lib.sh"
rig_enter "$@"

# shows COMMAND... : keeps its output in $out; REGEXes on standard input, one line each, must match a line of it.
shows() {
    local want missing=0
    out=$(tool "$@" 2>&1) || { echo "$* ended with status $?: $out" && cat >/dev/null && return 1; }
    while IFS= read -r want; do
        has "$out" "$want" || { echo "$*: no line matches '$want'" && missing=1; }
    done
    [ $missing -eq 0 ] || { echo "$out" && return 1; }
}

field() { sed -n "s/^$1 *: *//p" <<<"$out"; }
between() { [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]; }

check 'rigd, oxenstored and xen-init-dom0 start' start_tools oxenstored --preempt

check 'xl info' shows xl info <<'END2'
^nr_cpus +: 4$
^max_cpu_id +: 3$
^nr_nodes +: 1$
^cores_per_socket +: 2$
^threads_per_core +: 1$
^cpu_mhz +: 1000\.000$
^hw_caps +: bfebfbff:7ffafbff:2c100800:00000021:00000001:000027ab:00000000:00000100$
^virt_caps +: hvm hap gnttab-v1$
^total_memory +: 2048$
^sharing_freed_memory +: 0$
^sharing_used_memory +: 0$
^outstanding_claims +: 0$
^free_cpus +: 0$
^xen_major +: 4$
^xen_minor +: 17$
^xen_version +: 4\.17\..*tenon$
^xen_caps +: hvm-3\.0-x86_32 hvm-3\.0-x86_32p hvm-3\.0-x86_64 $
^xen_scheduler +: credit2$
^xen_pagesize +: 4096$
^xen_commandline +: placeholder dom0_mem=512M,max:512M console=com1 loglvl=all$
^xend_config_format +: 4$
END2
check 'xl info: free memory is what dom0 and the hypervisor leave' between "$(field free_memory)" 1500 1536
check 'xl info: nothing went wrong' eval '! has "$out" "rror|ailed"'

check 'xl info -n' shows xl info -n <<'END2'
^ +0: +0 +0 +0$
^ +1: +1 +0 +0$
^ +2: +0 +1 +0$
^ +3: +1 +1 +0$
^No device topology data available$
^ +0: +2048 +15[0-9]{2} +10$
END2

check 'xl list' shows xl list <<'END2'
^Domain-0 +0 +511 +4 +r----- +[0-9]+\.[0-9]$
END2

tool xl list -l >"$TEST_LOG/list.json" 2>>"$TEST_LOG/log"
check 'xl list -l is JSON with the facts about dom0' python3 - "$TEST_LOG/list.json" <<'END2'
import json, sys
d, = json.load(open(sys.argv[1]))
assert d["domid"] == 0
c = d["config"]
assert c["c_info"]["type"] == "pvh" and c["c_info"]["name"] == "Domain-0"
assert c["b_info"]["max_memkb"] == 524288
assert 520000 < c["b_info"]["target_memkb"] <= 524288
assert c["b_info"]["sched_params"] == {"sched": "credit2", "weight": 256, "cap": 0}
END2

check 'xl vcpu-list' shows xl vcpu-list <<'END2'
^Domain-0 +0 +0 +0 +r-- +[0-9]+\.[0-9] +all / all$
^Domain-0 +0 +1 +1 +-b- +0\.0 +all / all$
^Domain-0 +0 +3 +3 +-b- +0\.0 +all / all$
END2

check 'xl dmesg' shows xl dmesg <<'END2'
^\(XEN\) Tenon's hypercall layer in the ABI rig
END2
check 'xl uptime' shows xl uptime <<'END2'
^Domain-0 +0 .*[0-9]+:[0-9]{2}:[0-9]{2}$
END2
check 'xl debug-keys reaches the key' eval 'tool xl debug-keys q && has "$(tool xl dmesg)" "debug key .q. of the rig"'
check 'xl dmesg -c empties the log' eval 'tool xl dmesg -c && [ -z "$(tool xl dmesg)" ]'

check 'xl sched-credit2' shows xl sched-credit2 <<'END2'
^Cpupool Pool-0: ratelimit=1000us$
^Domain-0 +0 +256 +0$
END2
check 'xl sched-credit2 -w sets the weight' eval \
    'tool xl sched-credit2 -d 0 -w 512 && has "$(tool xl sched-credit2)" "^Domain-0 +0 +512 +0$"'
check 'xl sched-credit2 -s sets the rate limit' eval \
    'tool xl sched-credit2 -s -r 2000 && has "$(tool xl sched-credit2)" "ratelimit=2000us"'
check 'xl sched-credit2 refuses a rate limit out of range' eval '! tool xl sched-credit2 -s -r 999999'

check 'xl cpupool-list' shows xl cpupool-list <<'END2'
^Pool-0 +4 +credit2 +y +1$
END2
check 'xl cpupool-list -c' shows xl cpupool-list -c <<'END2'
^Pool-0 +0,1,2,3$
END2
check 'xl cpupool-cpu-remove frees a CPU' eval \
    'tool xl cpupool-cpu-remove Pool-0 3 && has "$(tool xl cpupool-list -c)" "^Pool-0 +0,1,2$"'
check 'xl cpupool-create makes a pool with another scheduler' eval \
    'tool xl cpupool-create "name=\"second\"" "sched=\"null\"" "cpus=[\"3\"]" && tool xl list'
check 'xl cpupool-list shows both' shows xl cpupool-list <<'END2'
^Pool-0 +3 +credit2 +y +1$
^second +1 +null +y +0$
END2
check 'xl sched-credit2 shows the rate limit by pool' eval \
    'tool xl sched-credit2 -p Pool-0 -s -r 1000 && has "$(tool xl sched-credit2 -p Pool-0)" "ratelimit=1000us"'
check 'xl vcpu-pin to a CPU of another pool is refused' eval '! tool xl vcpu-pin 0 1 3'
check 'xl cpupool-cpu-add of a CPU that is not free is refused' eval \
    'has "$(tool xl cpupool-cpu-add Pool-0 3 2>&1)" "some cpus may"'
check 'xl cpupool-migrate of dom0 is refused' eval '! tool xl cpupool-migrate 0 second'
check 'xl cpupool-destroy gives the CPUs back' eval \
    'tool xl cpupool-destroy second && tool xl cpupool-cpu-add Pool-0 3 && has "$(tool xl cpupool-list -c)" "^Pool-0 +0,1,2,3$"'
check 'xl cpupool-destroy of Pool-0 is refused' eval '! tool xl cpupool-destroy Pool-0'

check 'xl vcpu-pin: hard affinity' eval \
    'tool xl vcpu-pin 0 1 2 && has "$(tool xl vcpu-list)" "^Domain-0 +0 +1 .*[^0-9]2 / all$"'
check 'xl vcpu-pin: soft affinity' eval \
    'tool xl vcpu-pin 0 1 all 1-3 && has "$(tool xl vcpu-list)" "^Domain-0 +0 +1 .*all / 1-3$"'
check 'xl vcpu-pin 0 0 0' eval 'tool xl vcpu-pin 0 0 0 && has "$(tool xl vcpu-list)" "^Domain-0 +0 +0 +0 .* 0 / all$"'
check 'xl vcpu-pin: a CPU that is not there is refused' eval '! tool xl vcpu-pin 0 0 9'

check 'xl mem-max' eval 'tool xl mem-max 0 600 && has "$(tool xl list -l 0)" "\"max_memkb\": 61[0-9]{4}"'
check 'xl mem-set' eval 'tool xl mem-set 0 400 && [ "$(tool xenstore-read /local/domain/0/memory/target)" -eq 409600 ]'
check 'xl domid, domname' eval '[ "$(tool xl domid Domain-0)$(tool xl domname 0)" = 0Domain-0 ]'

check 'xentop' shows xentop -b -i1 <<'END2'
^ *Domain-0 -----r +[0-9]+ +[0-9.]+ +524[0-9]{3} +25\.0 +41[0-9]{4} +19\.6 +4 
END2
check 'xen-cpuid -p' shows xen-cpuid -p <<'END2'
maximum 1[0-9]{2} leaves and [0-9] MSRs
^Host policy: [0-9]+ leaves, 2 MSRs$
^HVM Max policy: [0-9]+ leaves, 2 MSRs$
^HVM Default policy: [0-9]+ leaves, 2 MSRs$
END2
check 'lsevtchn 0' shows lsevtchn 0 <<'END2'
VCPU 0: Interdomain \(Connected\) - Remote Domain 0
VCPU 0: Virtual IRQ 3$
END2

kill "$(cat /run/xen/xenstored.pid)"
check 'dom0 has no port, no mapping left when the tools are gone' wait_for 'no port, no mapping' eval \
    '[ "$(rig_report tool_ports) $(rig_report scratch) $(rig_report maptrack)" = "0 0 0" ]'
check 'rigd ends without a finding' stop_rigd
