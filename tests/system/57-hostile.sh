#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Guests of our own that do whatever a guest can do, beside one that only wants to go on: they may die, with a reason in the log;
# dom0, Tenon and the other one go on, and no page is left of them. TEST_SEED: other numbers; HOSTILE="grants init": these alone.
. "$(dirname "$0")/lib.sh"
. "$SOURCE_DIR/tools/testbed/lib.sh"
. "$SOURCE_DIR/tools/testbed/build.sh"
[ -n "${TEST_FULL:-}${HOSTILE:-}" ] || exit 77

build_product "$TEST_LOG/build.log"
names=${HOSTILE:-calls registers ports devices tables events apic grants smp rewrite initialise init contexts rings platform halt triple}
rounds=500 storm=20
[ -z "${TEST_FULL:-}" ] || rounds=8000 storm=400
{
    echo "SEED=${TEST_SEED:-1} ROUNDS=$rounds STORM=$storm ONLY=\"$names\""
    cat "$SOURCE_DIR/tests/system/dom0/hostile.sh"
} >"$TEST_LOG/hostile.sh"
TEST_EMULATOR=${TEST_EMULATOR:-tcg} boot hostile --cpus 2 --kernel lz4 --timeout 3600 \
    --cmdline "dom0_mem=640M,max:640M guest_loglvl=info/all run_limit=4000" \
    --add "$SOURCE_DIR/build/release/guests/guests.elf" --add "$SOURCE_DIR/build/release/guests/guests.bzimage" \
    --add "$SOURCE_DIR/tests/system/dom0/guests.sh" --batch "$TEST_LOG/hostile.sh"

# succeeds SECTION TEST...: the guest itself found nothing wrong.
succeeds() {
    local where=$1 name
    shift
    [[ " $names " == *" $where "* ]] || return
    for name; do check "$name" section_has "$where-says" "guest: $name SUCCESS"; done
}

# says WHERE REGEX: one that was not there has nothing to say.
says() { [[ " $names " != *" $1 "* ]] || section_has "$1-says" "$2"; }

check "the script's exit status comes back" [ "$BOOT_STATUS" -eq 0 ]
check "the well-behaved guest begins" section_has witness-wakes '^status 0$'
for name in $names; do
    check "$name: the guest comes to an end" section_has "$name-gone" '^status 0$'
    check "$name: the other one goes on" section_has "$name-witness" '^status 0$'
done
succeeds calls hypercall_cpl3 hypercall_storm hypercall_storm_32bit
succeeds registers msr_every_write msr_ranges
succeeds ports ports_every_one ports_every_write
succeeds devices mmio_every_page mmio_instructions
succeeds tables wild_tables wild_registers
succeeds events storm_events
succeeds apic storm_apic storm_timers
succeeds grants storm_grants
succeeds smp hypercall_storm_smp
succeeds rewrite rewrite_instructions
succeeds initialise storm_initialise
succeeds init storm_init
succeeds platform ports_every_one ports_every_write mmio_every_page mmio_instructions storm_timers
succeeds rings rings_console rings_xenstore
check "the end by wild tables has its reason in the log" says tables 'd[0-9]+v0: triple fault at RIP'
check "so has a halt for ever" says halt 'vCPU 0 halted with interrupts off'
check "and a triple fault" says triple 'd[0-9]+v0: triple fault at RIP'
check "only dom0 and the well-behaved guest are left" eval '[ "$(section list | grep -c "^[a-zA-Z(]")" -eq 4 ]'
check "xenstored and xenconsoled live" eval '[ "$(section tools | grep -cE "xenstored|xenconsoled")" -ge 2 ]'
check "free memory is what it was" section_has memory '^the same$'
check "dom0's kernel complains of nothing" section_lacks dom0-log 'BUG:|WARNING: CPU|unhandled|segfault'
