# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# dom0's root disk, kernel and initrd, made of Debian packages and kept in the cache under a hash of
# the recipe.  Needs root (a chroot) and mmdebstrap; takes the packages from the host's own sources.

IMAGE_PACKAGES=(mmdebstrap e2fsprogs zstd xz-utils lz4)
IMAGE_SECTORS=$((1008 * 1600)) # Bochs wants whole cylinders of 16 * 63 sectors

DOM0_PACKAGES=(
    linux-image-amd64 initramfs-tools kmod zstd
    xen-utils-4.17 xenstore-utils qemu-system-xen seabios ovmf
    sysvinit-core util-linux pciutils procps iproute2 bridge-utils net-tools
    tcc libc6-dev efibootmgr fio iperf3
)

# What no test wants of those packages: it would double the image.
DOM0_EXCLUDES=(
    '/usr/share/doc/*' '/usr/share/man/*' '/usr/share/info/*' '/usr/share/locale/*'
)
DOM0_EXCLUDED_MODULES=(
    sound net/wireless net/mac80211 net/bluetooth net/netfilter
    drivers/gpu drivers/media drivers/infiniband drivers/staging drivers/iio drivers/scsi/[b-ln-r]*
    drivers/net/wireless drivers/net/ethernet/[j-qs-z]* drivers/hwmon drivers/comedi drivers/mtd
    fs/ocfs2 fs/xfs fs/btrfs fs/smb fs/nfs
)

# The suite's own sources, wherever the host keeps them.
image_apt_sources() {
    local file
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
        /etc/apt/sources.list.d/*.sources; do
        [ -s "$file" ] && grep -q bookworm "$file" && echo "$file"
    done
    return 0
}

image_recipe_hash() {
    { cat "$TESTBED_DIR/image.sh"; tar -C "$TESTBED_DIR/dom0" --sort=name --mtime=@0 -c .; } |
        sha256sum | cut -c1-16
}

# image_make LOG: sets IMAGE_DIR to a directory with root.img, vmlinuz, vmlinuz-lz4, initrd.img (for the
# disks of Bochs) and initrd-buses.img (for QEMU's others).
image_make() {
    local log=$1 hash
    hash=$(image_recipe_hash)
    IMAGE_DIR=$CACHE_DIR/dom0-$hash
    mkdir -p "$CACHE_DIR"
    (
        flock 9
        [ -d "$IMAGE_DIR" ] && exit 0
        say "making dom0's image from Debian packages (kept in $IMAGE_DIR)"
        image_build "$log" "$IMAGE_DIR"
    ) 9>"$CACHE_DIR/image.lock" || exit
}

image_build() {
    local log=$1 final=$2 work path options=() sources=()
    [ "$(id -u)" -eq 0 ] || die "making the image needs root: run this once with sudo"
    rm -rf "$CACHE_DIR"/making.*
    find "$CACHE_DIR" -maxdepth 1 -name 'dom0-*' -mtime +7 -exec rm -rf {} +
    work=$(mktemp -d "$CACHE_DIR/making.XXXXXX")
    for path in "${DOM0_EXCLUDES[@]}"; do options+=("--dpkgopt=path-exclude=$path"); done
    for path in "${DOM0_EXCLUDED_MODULES[@]}"; do
        options+=("--dpkgopt=path-exclude=/lib/modules/*/kernel/$path/*")
    done
    mapfile -t sources < <(image_apt_sources)
    quietly "$log" mmdebstrap --mode=root --variant=minbase --format=tar "${options[@]}" \
        --include="$(IFS=,; echo "${DOM0_PACKAGES[*]}")" \
        --essential-hook='mkdir -p "$1/etc/initramfs-tools"' \
        --essential-hook="cp -rT '$TESTBED_DIR/dom0' \"\$1\"" \
        --customize-hook='chroot "$1" tcc -o /usr/lib/testbed/tsc /usr/lib/testbed/tsc.c' \
        --customize-hook='TESTBED_BUSES=1 chroot "$1" sh -c "mkinitramfs -o /boot/buses.img \$(ls /lib/modules)"' \
        --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*' \
        --customize-hook='rm -rf "$1"/usr/lib/udev/hwdb.d "$1"/usr/lib/udev/hwdb.bin' \
        bookworm "$work/root.tar" "${sources[@]}"
    mkdir "$work/root" "$work/out"
    tar -C "$work/root" --numeric-owner -xf "$work/root.tar"
    cp "$work/root"/boot/vmlinuz-* "$work/out/vmlinuz"
    cp "$work/root"/boot/initrd.img-* "$work/out/initrd.img"
    mv "$work/root/boot/buses.img" "$work/out/initrd-buses.img"
    image_repack "$work/out/vmlinuz" "$work/out/vmlinuz-lz4" "$work"
    truncate -s $((IMAGE_SECTORS * 512)) "$work/out/root.img"
    quietly "$log" mke2fs -q -t ext4 -L tenon-dom0 -m 0 -E root_owner=0:0,lazy_itable_init=1 \
        -d "$work/root" "$work/out/root.img"
    mv -T "$work/out" "$final"
    rm -rf "$work"
}

# image_repack BZIMAGE OUT WORK_DIR: the same kernel with its payload packed by LZ4 instead of XZ, which
# takes an emulated CPU a minute less.  Only for hypervisors, which unpack it by themselves: the
# kernel's own loader, in front of the payload, still wants XZ.
image_repack() {
    local from=$1 to=$2 work=$3 setup offset length size
    setup=$((($(image_word "$from" 0x1f1 1) + 1) * 512))
    offset=$((setup + $(image_word "$from" 0x248 4)))
    length=$(image_word "$from" 0x24c 4)
    tail -c +$((offset + 1)) "$from" | head -c $((length - 4)) | xz -dc >"$work/vmlinux" || die "no XZ: $from"
    lz4 -q -f -l -9 "$work/vmlinux" "$work/payload" || die "lz4 failed"
    image_bytes "$(stat -c %s "$work/vmlinux")" >>"$work/payload"
    size=$(stat -c %s "$work/payload")
    { head -c $offset "$from" && cat "$work/payload"; } >"$to"
    image_bytes "$size" | dd of="$to" bs=1 seek=$((0x24c)) conv=notrunc status=none
    image_bytes $(((offset + size - setup + 15) / 16)) | dd of="$to" bs=1 seek=$((0x1f4)) conv=notrunc status=none
}

# image_word FILE OFFSET SIZE: a little-endian number; image_bytes NUMBER: its four bytes.
image_word() {
    od -An -j $(($2)) -N "$3" -t "u$3" "$1" | tr -d ' '
}

image_bytes() {
    local i
    # shellcheck disable=SC2059
    for i in 0 8 16 24; do printf "\\x$(printf %02x $(($1 >> i & 255)))"; done
}
