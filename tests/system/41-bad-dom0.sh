#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Things that are no dom0: each ends in a sentence on the console, never in a triple fault or silence. More memory than there
# is has its sentence, too, but is no reason to stay down: dom0 gets what there is, as from Xen.
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77
. "$SOURCE_DIR/tools/testbed/lib.sh"
. "$SOURCE_DIR/tools/testbed/image.sh"
image_make "$TEST_LOG/image.log"

# refuses NAME REGEX OPTION...: the boot halts with a sentence that matches.
refuses() {
    local name=$1 regex=$2
    shift 2
    boot "${name// /-}" --serial --stall 240 --timeout 400 "$@"
    check "$name: halts in order" console_has 'Tenon halts here'
    check "$name: the sentence says why" console_has "$regex"
}

# flipped FILE OFFSET: a copy with one bit changed.
flipped() {
    local byte
    cp "$IMAGE_DIR/vmlinuz" "$1"
    byte=$(dd if="$1" bs=1 skip="$2" count=1 2>/dev/null | od -An -tu1)
    printf "\\x$(printf %02x $((byte ^ 16)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

size=$(stat -c %s "$IMAGE_DIR/vmlinuz")
head -c 300000 /dev/urandom >"$TEST_LOG/noise"
head -c $((size / 2)) "$IMAGE_DIR/vmlinuz" >"$TEST_LOG/half"
head -c 700 "$IMAGE_DIR/vmlinuz" >"$TEST_LOG/stub"
flipped "$TEST_LOG/flipped" $((size / 3))
flipped "$TEST_LOG/flipped-early" 40000

refuses 'no module' 'module|kernel' --kernel none
refuses 'noise as kernel' 'kernel' --kernel "$TEST_LOG/noise"
refuses 'half a kernel' 'kernel|payload|truncated' --kernel "$TEST_LOG/half"
refuses '700 bytes of a kernel' 'kernel|payload|truncated' --kernel "$TEST_LOG/stub"
refuses 'a flipped bit' 'kernel|payload|corrupt' --kernel "$TEST_LOG/flipped"
refuses 'a flipped bit early on' 'kernel|payload|corrupt' --kernel "$TEST_LOG/flipped-early"
refuses 'dom0_mem too small' 'dom0_mem|memory|RAM' --kernel lz4 --cmdline 'dom0_mem=16M'

printf '#!/bin/sh\nxl list\n' >"$TEST_LOG/list.sh"
boot memory --kernel lz4 --cmdline 'dom0_mem=64G' --batch "$TEST_LOG/list.sh"
check "dom0_mem beyond the RAM: a sentence says so" console_has 'dom0_mem= asks for 65536 MiB, but only [0-9]+ MiB are free'
check "dom0_mem beyond the RAM: dom0 comes up with what there is" [ "$BOOT_STATUS" -eq 0 ]
