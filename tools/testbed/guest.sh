# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# ./run --guest: a Debian 12 system on a disk of its own (GRUB, ext4), kept in the cache under a hash of its recipe, and
# what dom0 does to run it as a guest. The disk is the machine's fourth; dom0 hands it on as a whole.

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
    { cat "$TESTBED_DIR/guest.sh"; tar -C "$TESTBED_DIR/guest" --sort=name --mtime=@0 -c .; } |
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

# guest_grub ROOT: what GRUB reads from the root's file system.
guest_grub() {
    mkdir -p "$1/boot/grub"
    cat >"$1/boot/grub/grub.cfg" <<'END'
serial --unit=0 --speed=115200
terminal_output serial
echo "Debian, by GRUB"
linux /vmlinuz root=LABEL=tenon-guest ro console=ttyS0,115200 net.ifnames=0
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

# guest_files MODE RUN_DIR BATCH|'': what dom0 needs for a guest (hvm, pvhvm or pvh), as FILE:DEST words in GUEST_ADDS:
# its configuration, kernel and initrd, the script of --batch on a disk of its own, and what runs in dom0.
guest_files() {
    local mode=$1 dir=$2/guest batch=$3
    mkdir -p "$dir"
    guest_config "$mode" "$batch" >"$dir/guest.cfg"
    cp "$TESTBED_DIR/guest-dom0.sh" "$dir/guest-dom0"
    GUEST_ADDS=("$dir/guest.cfg:/root/" "$dir/guest-dom0:/root/")
    case $mode in
    pvh) GUEST_ADDS+=("$GUEST_DIR/vmlinuz:/root/guest-vmlinuz" "$GUEST_DIR/initrd.img:/root/guest-initrd") ;;
    esac
    if [ -n "$batch" ]; then
        disk_payload "$dir/script.img" '' "$batch:/run-batch"
        GUEST_ADDS+=("$dir/script.img:/root/guest-script.img")
        printf '#!/bin/sh\nexec sh /root/guest-dom0 batch\n' >"$dir/batch"
    else
        printf 'sh /root/guest-dom0 console\n' >"$dir/profile"
        GUEST_ADDS+=("$dir/profile:/root/.bash_profile")
    fi
}

# guest_config MODE BATCH: xl's configuration; dom0 writes the guest's disk in the place of @DISK@.
guest_config() {
    local mode=$1 disks="'phy:@DISK@,hda,w'" kind=hvm
    if [ "$mode" = pvh ]; then
        kind=pvh
        disks="'phy:@DISK@,xvda,w'"
    fi
    [ -z "$2" ] || disks+=", 'format=raw,vdev=$([ $kind = pvh ] && echo xvdb || echo hdb),access=ro,target=/root/guest-script.img'"
    cat <<END
name = "guest"
type = "$kind"
memory = 256
vcpus = 1
disk = [ $disks ]
END
    case $mode in
    pvh)
        echo 'kernel = "/root/guest-vmlinuz"'
        echo 'ramdisk = "/root/guest-initrd"'
        echo 'cmdline = "root=/dev/xvda1 ro console=hvc0 net.ifnames=0"'
        ;;
    hvm) printf '%s\n' 'xen_platform_pci = 0' 'serial = "pty"' 'vnc = 0' ;;
    pvhvm) printf '%s\n' 'serial = "pty"' 'vnc = 0' ;;
    esac
}
