# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The two small disks of a run: GRUB with what it boots, and the files that dom0 finds in its root.

DISK_PACKAGES=(grub-common grub-pc-bin xorriso mtools)
DISK_UEFI_PACKAGES=(grub-common grub-efi-amd64-bin fdisk mtools)
DISK_GRUB_MODULES='biosdisk iso9660 part_msdos part_gpt multiboot multiboot2 linux gzio serial terminal normal echo test'
DISK_GRUB_MODULES+=' rdmsr wrmsr memrw acpi' # for tests that spoil the machine, and for measuring
DISK_UEFI_MODULES='part_gpt fat multiboot2 linux gzio serial terminal normal configfile echo test efi_gop'
DISK_UEFI_MODULES+=" rdmsr wrmsr memrw acpi boot"

# disk_pad FILE: Bochs takes whole cylinders only.
disk_pad() {
    local size
    size=$(stat -c %s "$1")
    truncate -s $(((size + 516095) / 516096 * 516096)) "$1"
}

# disk_boot OUT LOG HYPERVISOR CMDLINE KERNEL KERNEL_CMDLINE INITRD: a disk that boots by GRUB (BIOS, or
# with FIRMWARE=uefi from an EFI system partition), talking on the first serial port. HYPERVISOR, KERNEL
# and INITRD may be "none". DISK_GRUB_EXTRA in the environment: commands for GRUB to carry out before it jumps.
disk_boot() {
    local out=$1 log=$2 tree=$1.tree
    mkdir -p "$tree/boot/grub"
    disk_grub_config "$tree" "${@:3}" >"$tree/boot/grub/grub.cfg"
    if [ "${FIRMWARE:-bios}" = uefi ]; then
        disk_uefi "$out" "$log" "$tree"
        rm -rf "$tree"
        return
    fi
    quietly "$log" grub-mkrescue -d /usr/lib/grub/i386-pc --install-modules="$DISK_GRUB_MODULES" \
        --fonts= --locales= --themes= -o "$out" "$tree"
    rm -rf "$tree"
    disk_pad "$out"
}

# disk_uefi OUT LOG TREE: a GPT disk with one partition, an EFI system partition that holds GRUB where
# firmware looks for it on a disk it does not know, and the tree.
disk_uefi() {
    local out=$1 log=$2 tree=$3 size
    mkdir -p "$tree/EFI/BOOT"
    # shellcheck disable=SC2086
    quietly "$log" grub-mkimage -O x86_64-efi -p /boot/grub -o "$tree/EFI/BOOT/BOOTX64.EFI" \
        $DISK_UEFI_MODULES
    size=$(($(du -sm "$tree" | cut -f1) + 48)) # FAT32 wants 33 MB at least
    rm -f "$out"
    truncate -s $((size + 2))M "$out"
    printf 'label: gpt\nstart=1MiB, size=%dMiB, type=U\n' "$size" >"$out.parts"
    quietly "$log" sh -c 'sfdisk "$1" <"$1.parts"' - "$out"
    rm -f "$out.parts"
    quietly "$log" mformat -i "$out@@1M" -T $((size * 2048)) -F ::
    quietly "$log" mcopy -s -i "$out@@1M" "$tree/EFI" "$tree/boot" ::
}

disk_grub_config() {
    local tree=$1 hypervisor=$2 cmdline=$3 kernel=$4 kernel_cmdline=$5 initrd=$6 name='' load=multiboot2 module=module2
    name=$(basename "$hypervisor")
    # Xen's multiboot2 header asks for a frame buffer, and GRUB dies in Bochs's BIOS looking for one.
    if [[ $name == xen-4.* && ${FIRMWARE:-bios} = bios ]]; then load=multiboot module=module; fi
    [ "$hypervisor" = none ] || cp "$hypervisor" "$tree/boot/$name"
    [ "$kernel" = none ] || cp "$kernel" "$tree/boot/vmlinuz"
    [ "$initrd" = none ] || cp "$initrd" "$tree/boot/initrd.img"
    echo 'serial --unit=0 --speed=115200'
    echo 'terminal_output serial'
    if [ "${FIRMWARE:-bios}" = uefi ]; then echo 'set gfxpayload=auto'; else echo 'set gfxpayload=text'; fi
    echo 'echo "testbed: GRUB"'
    if [ "$hypervisor" = none ]; then
        echo "linux /boot/vmlinuz $(disk_quote "$kernel_cmdline")"
        [ "$initrd" = none ] || echo 'initrd /boot/initrd.img'
    else
        echo "$load /boot/$name placeholder $(disk_quote "$cmdline")"
        [ "$kernel" = none ] || echo "$module /boot/vmlinuz placeholder $(disk_quote "$kernel_cmdline")"
        [ "$kernel" = none ] || [ "$initrd" = none ] || echo "$module --nounzip /boot/initrd.img"
    fi
    [ -z "${DISK_GRUB_EXTRA:-}" ] || echo "$DISK_GRUB_EXTRA"
    echo 'echo "testbed: GRUB jumps"'
    echo boot
}

# GRUB's shell reads these words: keep its special characters away from it.
disk_quote() {
    printf '%s' "$1" | sed 's/[\\$;"'\''{}|&<>#]/\\&/g'
}

# disk_payload OUT SCRIPT|'' FILE:DEST...: a tar archive as a disk, unpacked over dom0's root.
disk_payload() {
    local out=$1 script=$2 tree=$1.tree add dest
    shift 2
    mkdir -p "$tree"
    for add; do
        dest=$tree/${add##*:}
        case $dest in */) dest+=$(basename "${add%:*}") ;; esac
        mkdir -p "$(dirname "$dest")"
        cp -rT "${add%:*}" "$dest"
    done
    if [ -n "$script" ]; then
        cp "$script" "$tree/run-batch"
        chmod +x "$tree/run-batch"
    fi
    tar -C "$tree" --owner=0 --group=0 --mtime=@0 --format=ustar -cf "$out" .
    rm -rf "$tree"
    disk_pad "$out"
}
