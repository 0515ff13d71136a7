#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 4 CPUs, 4 guests, three toolstacks with scheduler commands at random: everybody lives, and the accounts add up.
# SEED: which commands; DURATION: seconds of emulated time (900).
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77
counted_time 4 2 40

SEED=${SEED:-$RANDOM} DURATION=${DURATION:-900}
echo "SEED=$SEED DURATION=$DURATION"
echo "SEED=$SEED DURATION=$DURATION" >"$TEST_LOG/stress.env"
gcc -O1 -o "$TEST_LOG/accounts" "$SOURCE_DIR/tests/system/dom0/accounts.c" -lxenctrl || exit 1

boot stress --cpus 4 --kernel lz4 --timeout $((3000 + DURATION * 8)) --cmdline 'dom0_mem=768M,max:768M maxcpus=4' \
    --add "$TEST_LOG/accounts" --add "$TEST_LOG/stress.env" --add "$SOURCE_DIR/tests/system/dom0/guests.sh" \
    --add "$SOURCE_DIR/tests/system/dom0/loads.sh" --add "$SOURCE_DIR/build/release/guests/guests.elf" \
    --batch "$SOURCE_DIR/tests/system/dom0/sched-stress.sh"

# adds_up: what domains ran and CPUs idled between the two accounts is the time that the CPUs had, to a hundredth.
adds_up() {
    { section accounts; section accounts-after; } | awk '
        $1 == "account" {n++; at[n] = $2; sum[n] = $6 + $8; cpus = $4}
        END {
            had = (at[2] - at[1]) * cpus; part = had > 0 ? (sum[2] - sum[1]) / had : 0
            printf "%.1f s of %d CPUs, %.4f of them accounted for\n", had / cpus / 1e9, cpus, part
            exit !(n == 2 && part > 0.99 && part < 1.01)
        }'
}
guests_add_up() {
    section guest-accounts | awk '{print; n++; bad += !($4 > 0.999 && $4 < 1.001)} END {exit !(n == 4 && bad == 0)}'
}
each_alive() { section alive | awk '{print; n += $3 > 0} END {exit n != 4}'; }

section stress >&2
check 'the script comes to its end' [ "$BOOT_STATUS" -eq 0 ]
check 'all guests begin' eval '[ "$(for g in hog jobs wake many; do section $g; done | grep -c "^status 0$")" = 4 ]'
check 'all toolstacks end' eval '[ "$(section stress | grep -cE "^toolstack [123]: [1-9][0-9]* done")" = 3 ]'
check 'afterwards all CPUs are in the first pool again' section_has pools '^Pool-0 +0,1,2,3$'
check 'and all four guests' eval '[ "$(section parameters | grep -cE "^(hog|jobs|wake|many) .* 256 +0$")" = 4 ]'
check 'each of them works' each_alive
check 'what ran and what idled is the time there was' adds_up
check "and in each guest the times of its vCPUs' states are" guests_add_up
check 'none has ended' eval '[ "$(section list | grep -cE "^(hog|jobs|wake|many) ")" = 4 ]'
check 'they can be destroyed' eval '[ "$(section list-after | wc -l)" = 3 ]'
check 'the hypervisor complains of nothing' section_lacks log 'BUG|Panic|WARN|assert'
