#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Debian's kernel in HVM guests with emulated devices: started by QEMU directly, by SeaBIOS and GRUB from a disk, and from a
# CD. It reads and writes its disk, speaks over an e1000, and powers off.
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77
. "$SOURCE_DIR/tests/system/guest/build.sh"
. "$SOURCE_DIR/tools/testbed/disk.sh"

image_make "$TEST_LOG/image.log"
guest_work_initrd "$TEST_LOG/guest-initrd" sd_mod ata_piix ahci sr_mod e1000 xen-blkfront xen-netfront || exit
disk_boot "$TEST_LOG/boot.img" "$TEST_LOG/disk.log" none '' "$IMAGE_DIR/vmlinuz" 'console=ttyS0 quiet disk=sda' "$TEST_LOG/guest-initrd"
boot hvm --kernel lz4 --cmdline "dom0_mem=640M,max:640M guest_loglvl=all" --add "$IMAGE_DIR/vmlinuz" \
    --add "$TEST_LOG/guest-initrd" --add "$TEST_LOG/boot.img" --add "$SOURCE_DIR/tests/system/dom0/guest-lib.sh" \
    --batch "$SOURCE_DIR/tests/system/dom0/hvm-boot.sh"

# same_sums WHAT SECTION-BEFORE FIELD GUEST-SECTION: the guest's checksum is the one that dom0 has.
field() { section "$1" | sed -n "s/^$2 //p"; }

check "the script's exit status comes back" [ "$BOOT_STATUS" -eq 0 ]
check "xl create makes an HVM guest of Debian's kernel" section_has create '^status 0$'
check "its kernel is told of no hypervisor" section_has serial 'Booting paravirtualized kernel on bare hardware'
check "init runs and speaks on the emulated serial port" section_has serial 'guest: init runs'
check "it finds the IDE disk and reads it right" section_has serial "guest: disk read $(field image read)\$"
check "dom0 reads what it wrote" section_has serial "guest: disk written $(field disk written)\$"
check "its e1000 is up" section_has serial 'guest: network up'
check "what is sent to it comes back" [ "$(field net went)" = "$(field net came)" ]
check "it has powered itself off" section_has gone '^status 0$'
for how in disk cd; do
    check "from a $how: SeaBIOS and GRUB start the kernel" section_has "$how-serial" 'testbed: GRUB jumps'
    check "from a $how: init runs" section_has "$how-serial" 'guest: init runs'
    check "from a $how: it reads its disk right" section_has "$how-serial" "guest: disk read $(field sums read)\$"
    check "from a $how: it has powered itself off" section_has "$how-gone" '^status 0$'
done
check "free memory is what it was" section_has memory '^the same$'
check "dom0's kernel complains of nothing" section_lacks dom0-log '\] (BUG|WARNING):|unhandled|segfault'
