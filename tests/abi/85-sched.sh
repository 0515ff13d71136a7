#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What an admin may ask of the scheduler with stock xl, what is refused, and how: xl's way, the errno below it, the log.
. "$(dirname "$(realpath "$0")")/lib.sh"
rig_enter "$@"

row() { tool "${@:2}" | grep -E "^$1 "; }
pinned() { has "$(row "$1" xl vcpu-list)" " $2 +[0-9-]+ +--?[a-z-]+ +[0-9.]+ +$3\$"; }
logged() { has "$(tool xl dmesg)" "$1"; }
refused() { ! tool "$@"; }

check 'rigd, oxenstored and xen-init-dom0 start' start_tools oxenstored --preempt
tool xenconsoled --pid-file=/run/xen/xenconsoled.pid >>"$TEST_LOG/xenconsoled" 2>&1
guest_config /run/guest.cfg guest "$RIG_BUILD/rig_guest" 16 4

# ---- configuration keys ----
cat >>/run/guest.cfg <<'END2'
maxvcpus = 4
cpus = "1-3,^2"
cpus_soft = "3"
cpu_weight = 512
cap = 150
END2
sed -i 's/^vcpus = .*/vcpus = 2/' /run/guest.cfg
check 'xl create with cpus, cpus_soft, cpu_weight, cap, vcpus and maxvcpus' tool timeout 60 xl create -p /run/guest.cfg
check 'cpus: a range less an exclusion; cpus_soft' pinned guest 0 '1,3 / 3'
check 'cpu_weight and cap' has "$(row guest xl sched-credit2)" ' 512 +150$'
check 'maxvcpus: four of them' eval '[ "$(row guest xl vcpu-list | wc -l)" = 4 ]'

# ---- vcpu-pin ----
check 'vcpu-pin all 0-1' eval 'tool xl vcpu-pin guest all 0-1 && [ "$(row guest xl vcpu-list | grep -c " 0-1 / 3$")" = 4 ]'
check 'vcpu-pin 2 all,^0' eval 'tool xl vcpu-pin guest 2 all,^0 && pinned guest 2 "1-3 / 3"'
check 'vcpu-pin 1 - 2: soft alone' eval 'tool xl vcpu-pin guest 1 - 2 && pinned guest 1 "0-1 / 2"'
check 'vcpu-pin all all all' eval 'tool xl vcpu-pin guest all all all && [ "$(row guest xl vcpu-list | grep -c " all / all$")" = 4 ]'
check 'vcpu-pin to a CPU that is not there' refused xl vcpu-pin guest 0 7
check 'vcpu-pin of a vCPU that is not there' refused xl vcpu-pin guest 9 0
check 'vcpu-pin to nothing' refused xl vcpu-pin guest 0 all,^0-3
check 'the pins are what they were' eval '[ "$(row guest xl vcpu-list | grep -c " all / all$")" = 4 ]'
check 'xl dmesg says why' logged 'setvcpuaffinity: no CPU left for vcpu: 0 refused .errno 22.'
check 'vcpu-set' eval 'tool xl vcpu-set guest 3 && [ "$(tool xenstore-read /local/domain/$(tool xl domid guest)/cpu/2/availability)" = online ]'
check 'vcpu-set beyond maxvcpus' refused xl vcpu-set guest 5

# ---- sched-credit2 ----
for w in 0 65536; do check "a weight of $w" refused xl sched-credit2 -d guest -w $w; done
check 'a weight of 65535' eval 'tool xl sched-credit2 -d guest -w 65535 && has "$(row guest xl sched-credit2)" " 65535 +150$"'
check 'a weight of 1' eval 'tool xl sched-credit2 -d guest -w 1 && has "$(row guest xl sched-credit2)" " 1 +150$"'
check 'a cap of all its vCPUs' tool xl sched-credit2 -d guest -c 400
check 'a cap beyond its vCPUs' refused xl sched-credit2 -d guest -c 401
check 'the cap is what it was' has "$(row guest xl sched-credit2)" ' 1 +400$'
check 'a domain that is not there' refused xl sched-credit2 -d nobody -w 256

# ---- cpupools ----
cat >/run/pool.cfg <<'END2'
name = "second"
sched = "credit2"
cpus = "2-3"
END2
check 'a pool of CPUs that are in use' refused xl cpupool-create /run/pool.cfg
tool xl cpupool-destroy second >>"$TEST_LOG/log" 2>&1
check 'cpupool-cpu-remove of a range' tool xl cpupool-cpu-remove Pool-0 2-3
check 'cpupool-create from a file' tool xl cpupool-create /run/pool.cfg
check 'cpupool-list -c' has "$(row second xl cpupool-list -c)" ' 2,3$'
check 'the CPUs of another pool are out of reach' refused xl vcpu-pin guest 0 2-3
check 'cpupool-migrate' eval 'tool xl cpupool-migrate guest second && has "$(row second xl cpupool-list)" " credit2 +y +1$"'
check 'where it may run on all CPUs' pinned guest 0 'all / all'
check 'its weight and cap have come with it' has "$(row guest xl sched-credit2 -p second)" ' 1 +400$'
check 'a pool with domains keeps its last CPU' eval 'tool xl cpupool-cpu-remove second 2 && has "$(tool xl cpupool-cpu-remove second 3 2>&1)" "removing cpu 3 from cpupool: Device or resource busy"'
check 'xl dmesg says why it does' logged 'XEN_SYSCTL_cpupool_op: op: 0x5 refused .errno 16.'
check 'a pool with domains is not destroyed' refused xl cpupool-destroy second
check 'back to Pool-0' tool xl cpupool-migrate guest Pool-0
check 'cpupool-rename' eval 'tool xl cpupool-rename second other && row other xl cpupool-list'
check 'cpupool-destroy' tool xl cpupool-destroy other
check 'cpupool-cpu-add of a range' eval 'tool xl cpupool-cpu-add Pool-0 2-3 && has "$(row Pool-0 xl cpupool-list -c)" " 0,1,2,3$"'
check 'cpupool-numa-split on one node keeps all in one pool' eval \
    'tool xl cpupool-numa-split && has "$(tool xl cpupool-list -c)" "^Pool-node0 +0,1,2,3$"'
check 'and does it once' eval '! tool xl cpupool-numa-split || [ "$(tool xl cpupool-list | grep -c Pool)" = 1 ]'
check 'pool = in a configuration' eval 'tool xl cpupool-rename Pool-node0 Pool-0; tool xl destroy guest &&
    tool xl cpupool-cpu-remove Pool-0 3 && tool xl cpupool-create "name=\"null\"" "sched=\"null\"" "cpus=[\"3\"]" &&
    printf "pool = \"null\"\n" >>/run/guest.cfg && sed -i "/^cpus/d" /run/guest.cfg && tool timeout 60 xl create -p /run/guest.cfg &&
    has "$(row null xl cpupool-list)" " null +y +1$"'
check 'a pool that is not there' eval 'sed "s/\"null\"/\"nowhere\"/; s/\"guest\"/\"lost\"/" /run/guest.cfg >/run/lost.cfg &&
    refused xl create -p /run/lost.cfg'
check 'all away again' eval 'tool xl destroy guest && tool xl cpupool-destroy null && tool xl cpupool-cpu-add Pool-0 3'

# ---- below xl ----
tool python3 "$SOURCE_DIR/tests/abi/errnos.py" 2>>"$TEST_LOG/log" || echo 'not ok errnos.py comes to its end'
check 'xl dmesg says what was wrong with the cap' logged 'scheduler_op: cap: 0x191 refused .errno 22.'

# ---- several toolstacks at once ----
storm() {
    local who=$1 i
    for ((i = 0; i < 25; i++)); do
        case $((RANDOM % 6)) in
        0) tool xl vcpu-pin guest $((RANDOM % 4)) $((RANDOM % 4)) ;;
        1) tool xl pause guest; tool xl unpause guest ;;
        2) tool xl cpupool-migrate guest side ;;
        3) tool xl cpupool-migrate guest Pool-0 ;;
        4) tool xl sched-credit2 -d guest -w $((1 + RANDOM)) ;;
        5) tool xl vcpu-pin guest all all all ;;
        esac
    done >>"$TEST_LOG/storm-$who" 2>&1
}
sed -i '/^pool/d' /run/guest.cfg
check 'a guest and a second pool' eval 'tool xl cpupool-cpu-remove Pool-0 3 &&
    tool xl cpupool-create "name=\"side\"" "sched=\"credit2\"" "cpus=[\"3\"]" && tool timeout 60 xl create -p /run/guest.cfg'
for who in 1 2 3; do storm $who & storms[who]=$!; done
wait "${storms[@]}"
check 'pins, pauses and moves by three toolstacks at once leave it whole' eval \
    '[ "$(row guest xl vcpu-list | wc -l)" = 4 ] && tool xl list guest'
check 'it can be destroyed, and its pool with it' eval \
    'tool timeout 60 xl destroy guest && tool xl cpupool-destroy side && tool xl cpupool-cpu-add Pool-0 3 &&
     has "$(tool xl cpupool-list)" "^Pool-0 +4 +credit2 +y +1$"'

kill "$(cat /run/xen/xenconsoled.pid)" "$(cat /run/xen/xenstored.pid)"
check 'rigd ends without a finding' stop_rigd

# ---- sched=null at boot ----
rm -rf /run/xen/* /run/xenstored/* $RIG_RUN /var/lib/xenstored/*
check 'sched=null: rigd, oxenstored and xen-init-dom0 start' start_tools oxenstored --null
tool xenconsoled --pid-file=/run/xen/xenconsoled.pid >>"$TEST_LOG/xenconsoled" 2>&1
check 'sched=null: xl info' has "$(tool xl info)" '^xen_scheduler +: null$'
check 'sched=null: each vCPU of dom0 on a CPU of its own' eval '[ "$(tool xl vcpu-list 0 | awk "NR > 1 {print \$4}" | sort -u | wc -l)" = 4 ]'
check 'sched=null: the debug key names the owners' eval 'tool xl debug-keys r; [ "$(tool xl dmesg | grep -c "CPU [0-3] belongs to d0v[0-3]")" = 4 ]'
check 'sched=null: credit2 has no parameters to set' refused xl sched-credit2 -d 0 -w 512
check 'sched=null: a guest beyond the CPUs is made' tool timeout 60 xl create -p /run/guest.cfg
check 'sched=null: moves to a pool with credit2' eval 'tool xl cpupool-cpu-remove Pool-0 3 &&
    tool xl cpupool-create "name=\"side\"" "sched=\"credit2\"" "cpus=[\"3\"]" && tool xl cpupool-migrate guest side &&
    tool xl sched-credit2 -d guest -w 300 && has "$(row guest xl sched-credit2 -p side)" " 300 +0$"'
check 'sched=null: all away again' eval 'tool timeout 60 xl destroy guest && tool xl cpupool-destroy side && tool xl cpupool-cpu-add Pool-0 3'
kill "$(cat /run/xen/xenconsoled.pid)" "$(cat /run/xen/xenstored.pid)"
check 'sched=null: rigd ends without a finding' stop_rigd
