#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# In dom0, 4 CPUs: scheduler commands at random from three toolstacks at once while four guests work. stress.env sets
# SEED and DURATION (seconds).
. /root/guests.sh
. /root/loads.sh
. /root/stress.env
guests=(hog jobs wake many)

account() { /root/accounts || echo 'no account'; }
# one VARIABLE VALUE...: one of them. (Not by $(...): a subshell has arbitrary numbers of its own, whatever the seed.)
# shellcheck disable=SC2034
one() {
    local -n to=$1
    shift
    shift $((RANDOM % $#))
    to=$1
}

# One command at random; what is refused is part of it.
any() {
    local name pool new cpu vcpu mask sched weight cap rate dom0 dom0_vcpu
    one name "${guests[@]}"
    one pool Pool-0 Pool-0 one two
    one new one two
    one cpu 1 2 3
    one vcpu all 0 1
    one mask all 0 1 2 3 0-1 1-3 2-3 all,^0 1,3 all all
    one sched credit2 null
    one weight 0 1 64 256 256 512 1024 65535 65536
    one cap 0 0 10 50 100 150 200 400 900
    one rate 0 100 1000 1000 5000 30000
    one dom0 16384 32768 65535
    one dom0_vcpu 0 1 2 3
    case $((RANDOM % 16)) in
    0 | 1) xl sched-credit2 -d "$name" -w "$weight" ;;
    2 | 3) xl sched-credit2 -d "$name" -c "$cap" ;;
    4) xl vcpu-pin "$name" "$vcpu" "$mask" ;;
    5) xl vcpu-pin "$name" "$vcpu" - "$mask" ;;
    6) xl vcpu-pin "$name" all all all ;;
    7) xl pause "$name"; xl vcpu-list "$name"; xl unpause "$name" ;;
    8) xl cpupool-cpu-remove "$pool" "$cpu" ;;
    9) xl cpupool-cpu-add "$pool" "$cpu" ;;
    10) xl cpupool-create "name=\"$new\"" "sched=\"$sched\"" "cpus=[\"$cpu\"]" ;;
    11) xl cpupool-migrate "$name" "$pool" ;;
    12) xl cpupool-migrate "$name" Pool-0; xl cpupool-destroy "$new" ;;
    13) xl sched-credit2 -s -p Pool-0 -r "$rate" ;;
    14) xl debug-keys r; xl list; xl cpupool-list -c ;;
    15) xl sched-credit2 -d Domain-0 -w "$dom0"; xl vcpu-pin Domain-0 "$dom0_vcpu" "$mask" ;;
    esac
}

# toolstack NUMBER: what it did stands in commands.NUMBER.
toolstack() {
    RANDOM=$((SEED + $1)) done=0 refused=0
    while [ "$(cut -d. -f1 /proc/uptime)" -lt "$end" ]; do
        if any >>"commands.$1" 2>&1; then done=$((done + 1)); else refused=$((refused + 1)); fi
        sleep "0.$((RANDOM % 4))"
    done
    echo "toolstack $1: $done done, $refused refused"
}

s hog load hog 'load_hog report=2000' 4
s jobs load jobs 'load_jobs report=2000' 3
s wake load wake 'load_wake report=2000 work=50' 2
s many load many 'load_jobs report=2000 work=50 sleep=100' 6
s free free
echo '=== accounts'
# A guest may get 65,535. The toolstacks run in dom0, which beside that would have a hundredth of a CPU by right, and these minutes no end.
xl sched-credit2 -d Domain-0 -w 65535
account
end=$(($(cut -d. -f1 /proc/uptime) + DURATION))
echo '=== stress'
for n in 1 2 3; do toolstack $n & stacks[n]=$!; done
wait "${stacks[@]}"
echo 'status 0'

# All as it was: nobody paused, capped, pinned or in another pool.
echo '=== restore'
for name in "${guests[@]}"; do
    xl unpause "$name" 2>/dev/null
    xl cpupool-migrate "$name" Pool-0
    xl vcpu-pin "$name" all all all
    xl sched-credit2 -d "$name" -c 0 -w 256
done 2>&1
for pool in one two; do xl cpupool-destroy $pool; done 2>/dev/null
for cpu in 1 2 3; do xl cpupool-cpu-add Pool-0 $cpu; done 2>/dev/null
xl vcpu-pin Domain-0 all all all
xl sched-credit2 -d Domain-0 -w 256
xl sched-credit2 -s -p Pool-0 -r 1000
s pools xl cpupool-list -c
s parameters xl sched-credit2
s vcpus xl vcpu-list
sleep 3
echo '=== alive'
speeds 4 "${guests[@]}"
echo '=== guest-accounts'
for name in "${guests[@]}"; do
    tr -d '\r' <"$name.console" | grep '^load: .* each' | awk -v name="$name" '
        {at[NR] = $4; sum[NR] = $8 + $10 + $12; cpus = NF - 13}
        END {printf "%s %d reports %.5f\n", name, NR, (sum[NR] - sum[1]) / (at[NR] - at[1]) / cpus}'
done
s accounts-after account
s list xl list
s log xl dmesg
s gone unload "${guests[@]}"
s list-after xl list
