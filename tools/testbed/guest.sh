# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# ./run --guest: what dom0 is given to run the Debian system of guest-image.sh as its guest. The disk is the machine's fourth;
# dom0 hands it on as a whole.

. "$(dirname "${BASH_SOURCE[0]}")/guest-image.sh"

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
        install -m 755 "$batch" "$dir/run-batch"
        disk_payload "$dir/script.img" '' "$dir/run-batch:/"
        GUEST_ADDS+=("$dir/script.img:/root/guest-script.img")
        printf '#!/bin/sh\nexec sh /root/guest-dom0 batch\n' >"$dir/batch"
    else
        printf 'sh /root/guest-dom0 console\n' >"$dir/profile"
        GUEST_ADDS+=("$dir/profile:/root/.bash_profile")
    fi
}

# guest_config MODE BATCH: xl's configuration; dom0 writes the guest's disk in the place of @DISK@. QEMU serves the disks: blkback's
# hotplug script has ten seconds, which an emulated CPU that shares its host may not make.
guest_config() {
    local mode=$1 disk='format=raw,access=rw,backendtype=qdisk' first=hda second=hdb kind=hvm disks
    case $mode in
    pvh) kind=pvh first=xvda second=xvdb ;;
    pvhvm) first=sda second=sdb ;;
    esac
    disks="'$disk,vdev=$first,target=@DISK@'"
    [ -z "$2" ] || disks+=", '$disk,vdev=$second,target=/root/guest-script.img'"
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
    # The firmware reads by DMA from AHCI and SCSI, and word by word from IDE: seconds instead of a quarter of an hour. QEMU
    # unplugs SCSI disks, but not those on AHCI: a guest with drivers for both would find each disk twice.
    hvm) printf '%s\n' 'xen_platform_pci = 0' 'hdtype = "ahci"' 'serial = "pty"' 'vnc = 0' ;;
    pvhvm) printf '%s\n' 'serial = "pty"' 'vnc = 0' ;;
    esac
}
