#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Guests are destroyed in every state; no domain, no device model and no page is left of them. With --full fifty of them come and go.
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77
. "$SOURCE_DIR/tools/testbed/lib.sh"
. "$SOURCE_DIR/tools/testbed/build.sh"

build_product "$TEST_LOG/build.log"
{
    echo "CYCLES=${CYCLES:-50}"
    cat "$SOURCE_DIR/tests/system/dom0/destroy.sh"
} >"$TEST_LOG/destroy.sh"
TEST_EMULATOR=${TEST_EMULATOR:-tcg} boot destroy --cpus 2 --kernel lz4 --timeout 3600 --cmdline "dom0_mem=640M,max:640M" \
    --add "$SOURCE_DIR/build/release/guests/guests.elf" --add "$SOURCE_DIR/build/release/guests/guests.bzimage" \
    --add "$SOURCE_DIR/tests/system/dom0/guests.sh" --batch "$TEST_LOG/destroy.sh"

check "the script's exit status comes back" [ "$BOOT_STATUS" -eq 0 ]
check "a PVH and an HVM guest of our own begin" eval 'section_has busy-first "^status 0$" && section_has plain-first "^status 0$"'
for name in busy plain early-{1..6} run paused io-{0,2,4} io killed save-{0..2}; do
    check "$name: destroyed" section_has "$name-gone" '^status 0$'
done
check "those that come and go do so" section_lacks cycles 'failed|error'
check "no device model is left" section_has qemu '^status 1$'
check "memory and domains are what they were" section_has memory '^the same$'
check "dom0's kernel complains of nothing" section_lacks dom0-log 'BUG:|WARNING: CPU|unhandled|segfault'
