#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# With --full: guests of sixteen vCPUs on two CPUs, of our own and of Debian's kernel, PVH and HVM.
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77
. "$SOURCE_DIR/tests/system/guest/build.sh"
. "$SOURCE_DIR/tools/testbed/build.sh"

image_make "$TEST_LOG/image.log"
build_product "$TEST_LOG/build.log"
guest_work_initrd "$TEST_LOG/guest-initrd" || exit
boot many --kernel lz4 --cpus 2 --timeout 5400 --cmdline "dom0_mem=640M,max:640M guest_loglvl=all run_limit=4000" \
    --add "$IMAGE_DIR/vmlinuz" --add "$TEST_LOG/guest-initrd" --add "$SOURCE_DIR/build/release/guests/guests.elf" \
    --add "$SOURCE_DIR/build/release/guests/guests.bzimage" --add "$SOURCE_DIR/tests/system/dom0/guests.sh" \
    --add "$SOURCE_DIR/tests/system/dom0/guest-lib.sh" --batch "$SOURCE_DIR/tests/system/dom0/many-vcpus.sh"

check "the script's exit status comes back" [ "$BOOT_STATUS" -eq 0 ]
for n in own own-hvm pvh pvhvm; do
    check "$n: xl create makes it" section_has "$n-create" '^status 0$'
    check "$n: it has come to its end" section_has "$n-gone" '^status 0$'
done
for n in own own-hvm; do
    for test in start ids ipi wake ping_pong nmi memory tsc restart events; do
        check "$n: smp_$test" section_has "$n-says" "guest: smp_$test SUCCESS"
    done
done
for n in pvh pvhvm; do
    check "$n: its kernel has all sixteen" section_has "$n-says" 'guest: online 0-15$'
done
check "free memory is what it was" section_has memory '^the same$'
check "dom0's kernel complains of nothing" section_lacks dom0-log '\] (BUG|WARNING):|unhandled|segfault'
