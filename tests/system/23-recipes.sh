#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What an admin does with the scheduler on 4 CPUs, by stock xl, with guests that say how fast they are (guests/load).
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77
counted_time 4 2 40

boot recipes --cpus 4 --kernel lz4 --cmdline 'dom0_mem=768M,max:768M maxcpus=4' --add "$SOURCE_DIR/tests/system/dom0/guests.sh" \
    --add "$SOURCE_DIR/tests/system/dom0/loads.sh" --add "$SOURCE_DIR/build/release/guests/guests.elf" \
    --batch "$SOURCE_DIR/tests/system/dom0/recipes.sh"

# works WHAT SECTION...
works() {
    local name
    for name in "${@:2}"; do check "$1${3:+ ($name)}" section_has "$name" '^status 0$'; done
}
# figure SECTION GUEST done|run|wait
figure() { section "$1" | awk -v name="$2" -v what="$3" '$1 == name {for (i = 2; i < NF; i++) if ($i == what) print $(i + 1)}'; }
# near VALUE WANTED PERCENT
near() { awk -v v="${1:-x}" -v w="${2:-y}" -v p="$3" 'BEGIN {exit !(v + 0 > 0 && v >= w * (1 - p / 100) && v <= w * (1 + p / 100))}'; }
# near_share SECTION GUEST PERCENT-OF-A-CPU TOLERANCE: by the hypervisor's own account
near_share() { near "$(figure "$1" "$2" run)" "$3" "$4"; }
# near_speed SECTION GUEST FACTOR SECTION GUEST TOLERANCE: so many times as much work a second there as here. The clock counts the
# instructions of all CPUs, so this is for sections in which equally many are busy.
near_speed() { near "$(figure "$1" "$2" 'done')" "$(awk -v a="$(figure "$4" "$5" 'done')" -v f="$3" 'BEGIN {print a * f}')" "$6"; }

check 'the script comes to its end' [ "$BOOT_STATUS" -eq 0 ]

works 'dom0 gets weight 512' weight weight-back
check 'xl sched-credit2 says so' section_has after-weight '^Domain-0 +0 +512 '
check 'at 256 dom0 and the guest have half of the machine each' near_share dom0-alone guest 200 4
check 'at 512 the guest has a third' near_share dom0-512 guest 133.3 4
check 'and does two thirds of the work it did' near_speed dom0-512 guest 0.667 dom0-alone guest 4

works 'dom0 is pinned to CPU 0, the guest to the others' pin-dom0 pin-guest
check 'xl vcpu-list: all of dom0 on CPU 0, nothing of the guest' eval \
    '! section placed | grep -E "^Domain-0 +0 +[0-9]+ +[1-9]" && ! section placed | grep -E "^guest +[0-9]+ +[0-9]+ +0 "'
check 'the guest has three CPUs while dom0 is busy' near_share pinned-busy guest 300 2
check 'and is no faster when dom0 is not' near_share pinned-idle guest 300 2

works 'a guest is made with cpus=, cpus_soft=, cpu_weight= and cap=' keys
check 'xl sched-credit2 shows weight and cap' section_has keys-parameters '^keys +[0-9]+ +300 +150$'
check 'xl vcpu-list shows the affinities' section_has keys-vcpus '1-3 / 2$'
check 'its cap holds' near_share keys-speed keys 150 2

works 'a guest gets a cap of 50' cap uncap
check 'it has half a CPU' near_share capped-speed capped 50 2
check 'without the cap it has two' near_share uncapped-speed capped 200 3
check 'a guest beside it has two CPUs all the time' near_share capped-speed open 200 3

works 'two CPUs go to a second pool with the null scheduler, by xlcpupool.cfg' pool-remove pool-create
check 'xl cpupool-list' section_has pools '^other +2 +null +y +0$'
check 'xl cpupool-list -c' section_has pool-cpus '^other +2,3$'
check 'in one pool of two CPUs two guests have one CPU each' eval \
    'near_share pool-before capped 100 6 && near_share pool-before open 100 6'
works 'a guest moves while it runs' migrate back
check 'xl cpupool-list counts it' section_has migrated '^other +2 +null +y +1$'
check 'its vCPUs are on the CPUs of that pool' eval '[ "$(section migrated-vcpus | grep -cE "^capped +[0-9]+ +[01] +[23] ")" = 2 ]'
check 'apart both have two CPUs' eval 'near_share pool-apart capped 200 3 && near_share pool-apart open 200 3'
check 'moved back they share again' eval 'near_share pool-after capped 100 6 && near_share pool-after open 100 6'
works 'a guest is made in the pool by pool=' in-pool
check 'where it has two CPUs' near_share in-pool-speed pooled 200 3
works 'the pool goes, its CPUs come back' pool-destroy pool-add
check 'xl cpupool-list -c afterwards' section_has pools-after '^Pool-0 +0,1,2,3$'
check 'all guests are gone' eval '[ "$(section list | wc -l)" = 3 ]'
check 'free memory is what it was' eval '[ "$(section free-before)" = "$(section free-after)" ]'
