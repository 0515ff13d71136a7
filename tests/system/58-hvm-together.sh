#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# With --full: PVHVM guests of Debian's kernel beside each other. Two exchange traffic over a bridge while a third boots from a qcow2 disk;
# one with a disk and a card is saved and restored.
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77
. "$SOURCE_DIR/tests/system/guest/build.sh"

image_make "$TEST_LOG/image.log"
guest_work_initrd "$TEST_LOG/guest-initrd" xen-blkfront xen-netfront || exit
need_packages "$TEST_LOG/packages.log" qemu-utils
(. "$SOURCE_DIR/tests/system/dom0/guest-lib.sh" && disk_image "$TEST_LOG/data.img" 16) && qemu-img convert -O qcow2 "$TEST_LOG/data.img" \
    "$TEST_LOG/data.qcow2" && rm "$TEST_LOG/data.img" || exit
boot together --kernel lz4 --mem 2560 --timeout 5400 --cmdline "dom0_mem=768M,max:768M guest_loglvl=all" \
    --add "$IMAGE_DIR/vmlinuz" --add "$TEST_LOG/guest-initrd" --add "$TEST_LOG/data.qcow2" --add "$SOURCE_DIR/tests/system/dom0/guest-lib.sh" \
    --batch "$SOURCE_DIR/tests/system/dom0/hvm-together.sh"

field() { section "$1" | sed -n "s/^\(guest: \)\?$2 //p"; }
works() { check "$1" section_has "$2" '^status 0$'; }

check "the script's exit status comes back" [ "$BOOT_STATUS" -eq 0 ]
for n in one two three saved; do
    works "$n: xl create makes it" "$n-create"
    works "$n: it has powered itself off" "$n-gone"
done
for n in one two three; do
    check "$n: its events come through FIFO channels" section_has "$n-serial" 'Using FIFO-based ABI'
done
works "two talks to one when the third is created" two-talks
check "xl list shows all three" eval '[ "$(section all | grep -cE "^(one|two|three) ")" -eq 3 ]'
check "4 MiB went to the other guest and came back" eval \
    '[ "$(field two-serial "network sent")" = "$(field two-serial "network received")" ] && section_has two-serial "received [0-9]+ 4194304$"'
check "the other guest saw them" section_has one-serial 'guest: network echoed 4194304$'
check "the third reads its qcow2 disk right" section_has three-serial "guest: disk read $(field image read)\$"
check "what it wrote is in the image" section_has three-serial "guest: disk written $(field disk written)\$"
works "xl save" save
works "the saved guest is gone" save-gone
works "xl restore" restore
check "its card works" eval '[ -n "$(field net went)" ] && [ "$(field net went)" = "$(field net came)" ]'
check "it goes on to its end" section_has saved-serial 'guest: done'
check "free memory is what it was" section_has memory '^the same$'
check "dom0's kernel complains of nothing" section_lacks dom0-log '\] (BUG|WARNING):|unhandled|segfault'
