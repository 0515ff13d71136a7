#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# With --full: other kinds of HVM guests, all of Debian's packages: a 32-bit kernel (two-level page tables; Debian builds it without Xen's drivers), UEFI
# firmware that starts GRUB from an EFI system partition, and memtest86+, by QEMU's loader and from its ISO.
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77
. "$SOURCE_DIR/tests/system/guest/build.sh"
. "$SOURCE_DIR/tools/testbed/disk.sh"

# kernel_686 OUT: the kernel for 32-bit CPUs without PAE (QEMU's nested paging mis-runs PAE), from lists of its architecture's own.
kernel_686() {
    local dir=$TEST_LOG/i386 package
    local apt=(-o APT::Architecture=i386 -o APT::Architectures=i386 -o "Dir::State::Lists=$dir/lists" -o "Dir::Cache=$dir"
        -o Dir::State::status=/dev/null -o APT::Sandbox::User=root)
    mkdir -p "$dir/lists/partial" "$dir/archives/partial"
    # One list of several may fail for a while: what counts is that the kernel is found.
    apt-get "${apt[@]}" update >"$TEST_LOG/i386.log" 2>&1
    package=$(apt-cache "${apt[@]}" depends linux-image-686 2>/dev/null | awk '/Depends: linux-image/ {print $2; exit}')
    (cd "$dir" && apt-get "${apt[@]}" download "$package" && dpkg -x ./*.deb .) >>"$TEST_LOG/i386.log" 2>&1
    cp "$dir"/boot/vmlinuz-* "$1"
    rm -rf "$dir"
}

memtest() {
    (mkdir -p "$TEST_LOG/memtest" && cd "$TEST_LOG/memtest" && apt-get -o APT::Sandbox::User=root download memtest86+ && dpkg -x ./*.deb .) \
        >"$TEST_LOG/memtest.log" 2>&1
}

image_make "$TEST_LOG/image.log"
kernel_686 "$TEST_LOG/vmlinuz-686" || exit
GUEST_CFLAGS='-m32 -isystem /usr/include/x86_64-linux-gnu' guest_work_initrd "$TEST_LOG/guest-initrd32" || exit
memtest || exit
need_packages "$TEST_LOG/packages.log" "${DISK_UEFI_PACKAGES[@]}"
guest_work_initrd "$TEST_LOG/guest-initrd" || exit
FIRMWARE=uefi disk_boot "$TEST_LOG/uefi.img" "$TEST_LOG/disk.log" none '' "$IMAGE_DIR/vmlinuz" 'console=ttyS0 quiet log=efi:,EFI' \
    "$TEST_LOG/guest-initrd"

boot kinds --kernel lz4 --cmdline "dom0_mem=640M,max:640M guest_loglvl=all" \
    --add "$TEST_LOG/vmlinuz-686" --add "$TEST_LOG/guest-initrd32" --add "$TEST_LOG/uefi.img" \
    --add "$TEST_LOG/memtest/boot/memtest86+x64.bin:/root/memtest.bin" \
    --add "$TEST_LOG/memtest/usr/lib/memtest86+/memtest86+x64.iso:/root/memtest.iso" \
    --add "$SOURCE_DIR/tests/system/dom0/guest-lib.sh" --batch "$SOURCE_DIR/tests/system/dom0/hvm-kinds.sh"

check "the script's exit status comes back" [ "$BOOT_STATUS" -eq 0 ]
check "a 32-bit kernel is created" section_has i386-create '^status 0$'
check "it is Debian's for 32-bit CPUs" section_has i386-serial 'Linux version .*-686 '
check "its init runs" section_has i386-serial 'guest: init runs'
check "it has powered itself off" section_has i386-gone '^status 0$'
check "UEFI: the firmware starts GRUB from the disk" section_has uefi-serial 'testbed: GRUB jumps'
check "UEFI: the kernel finds OVMF's tables" section_has uefi-serial 'EFI v2.*EDK II'
check "UEFI: its init runs" section_has uefi-serial 'guest: init runs'
check "UEFI: it has powered itself off" section_has uefi-gone '^status 0$'
for how in direct iso; do
    check "memtest86+ ($how) says who it is" section_has "memtest-$how-screen" 'Memtest86\+'
    check "memtest86+ ($how) has passed a test" section_has "memtest-$how-screen" '#[1-9]'
    check "memtest86+ ($how) has found no error" section_lacks "memtest-$how-screen" 'errors: *[1-9]|interrupt'
done
check "free memory is what it was" section_has memory '^the same$'
