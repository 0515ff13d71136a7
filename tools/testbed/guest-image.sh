# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The disk of ./run --guest: a Debian 12 system with GRUB and ext4, kept in the cache under a hash of its recipe.

GUEST_PACKAGES=(mmdebstrap e2fsprogs fdisk grub-pc-bin grub-common)
GUEST_DEBIAN=(linux-image-amd64 initramfs-tools kmod zstd sysvinit-core util-linux procps iproute2 pciutils)
GUEST_EXCLUDED_MODULES=(
    sound net/wireless net/mac80211 net/bluetooth net/netfilter drivers/gpu drivers/media drivers/infiniband
    drivers/staging drivers/iio drivers/net/wireless drivers/hwmon drivers/comedi drivers/mtd drivers/usb drivers/scsi/[a-r]*
    fs/ocfs2 fs/xfs fs/btrfs fs/smb fs/nfs
)
GUEST_SECTORS=$((1008 * 1300))   # Bochs wants whole cylinders of 16 * 63 sectors
GUEST_FIRST=2048                 # sector of the partition; GRUB is in front of it

guest_recipe_hash() {
    { cat "$TESTBED_DIR/guest-image.sh"; tar -C "$TESTBED_DIR/guest" --sort=name --mtime=@0 -c .; } |
        sha256sum | cut -c1-16
}

# guest_make LOG: sets GUEST_DIR to a directory with disk.img, vmlinuz and initrd.img.
guest_make() {
    local log=$1
    GUEST_DIR=$CACHE_DIR/guest-$(guest_recipe_hash)
    mkdir -p "$CACHE_DIR"
    (
        flock 9
        [ -d "$GUEST_DIR" ] && exit 0
        say "making the guest's disk from Debian packages (kept in $GUEST_DIR)"
        guest_build "$log" "$GUEST_DIR"
    ) 9>"$CACHE_DIR/image.lock" || exit
}

guest_build() {
    local log=$1 final=$2 work path options=() sources=()
    [ "$(id -u)" -eq 0 ] || die "making the image needs root: run this once with sudo"
    find "$CACHE_DIR" -maxdepth 1 -name 'guest-*' -mtime +7 -exec rm -rf {} +
    work=$(mktemp -d "$CACHE_DIR/making-guest.XXXXXX")
    for path in "${DOM0_EXCLUDES[@]}"; do options+=("--dpkgopt=path-exclude=$path"); done
    for path in "${GUEST_EXCLUDED_MODULES[@]}"; do
        options+=("--dpkgopt=path-exclude=/lib/modules/*/kernel/$path/*")
    done
    mapfile -t sources < <(image_apt_sources)
    quietly "$log" mmdebstrap --mode=root --variant=minbase --format=tar "${options[@]}" \
        --include="$(IFS=,; echo "${GUEST_DEBIAN[*]}")" \
        --essential-hook='mkdir -p "$1/etc/initramfs-tools"' \
        --essential-hook="cp -rT '$TESTBED_DIR/guest/etc/initramfs-tools' \"\$1/etc/initramfs-tools\"" \
        --customize-hook="cp -rT '$TESTBED_DIR/guest' \"\$1\"" \
        --customize-hook='echo "LABEL=tenon-guest / ext4 defaults 0 1" >"$1/etc/fstab"' \
        --customize-hook='echo guest >"$1/etc/hostname"; chroot "$1" passwd -d root' \
        --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*' \
        bookworm "$work/root.tar" "${sources[@]}"
    mkdir "$work/root" "$work/out"
    tar -C "$work/root" --numeric-owner -xf "$work/root.tar"
    rm "$work/root.tar"
    cp "$work/root"/boot/vmlinuz-* "$work/out/vmlinuz"
    cp "$work/root"/boot/initrd.img-* "$work/out/initrd.img"
    guest_grub "$work/root"
    guest_disk "$log" "$work"
    mv -T "$work/out" "$final"
    rm -rf "$work"
}

# guest_grub ROOT: what GRUB reads from the root's file system. Each character on the emulated serial port is two visits to QEMU: quiet.
guest_grub() {
    mkdir -p "$1/boot/grub"
    cat >"$1/boot/grub/grub.cfg" <<'END'
serial --unit=0 --speed=115200
terminal_output serial
echo "Debian, by GRUB"
linux /vmlinuz root=LABEL=tenon-guest ro console=ttyS0,115200 quiet net.ifnames=0
initrd /initrd.img
boot
END
}

# guest_disk LOG WORK: a partition with the root, GRUB in front of it.
guest_disk() {
    local log=$1 work=$2 disk=$2/out/disk.img
    truncate -s $((GUEST_SECTORS * 512)) "$disk"
    printf 'label: dos\nstart=%d, type=83, bootable\n' $GUEST_FIRST >"$work/parts"
    quietly "$log" sh -c 'sfdisk "$1" <"$2"' - "$disk" "$work/parts"
    truncate -s $(((GUEST_SECTORS - GUEST_FIRST) * 512)) "$work/root.img"
    quietly "$log" mke2fs -q -t ext4 -L tenon-guest -m 0 -E root_owner=0:0,lazy_itable_init=1 -d "$work/root" "$work/root.img"
    quietly "$log" dd if="$work/root.img" of="$disk" bs=1M seek=$((GUEST_FIRST * 512 / 1048576)) conv=notrunc,sparse
    # GRUB's boot sector looks for the rest in the sectors behind it, as it is made.
    quietly "$log" grub-mkimage -O i386-pc -o "$work/core.img" -p '(hd0,msdos1)/boot/grub' \
        biosdisk part_msdos ext2 linux serial terminal normal echo configfile
    quietly "$log" dd if=/usr/lib/grub/i386-pc/boot.img of="$disk" bs=440 count=1 conv=notrunc
    quietly "$log" dd if="$work/core.img" of="$disk" bs=512 seek=1 conv=notrunc
}
