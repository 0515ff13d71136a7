#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs in dom0: how long Debian's kernel takes to its init as a guest of each kind, and there to read its disk.
. /root/guests.sh
. /root/guest-lib.sh

# linux NAME TYPE DISK LINE...: its figures, and what came of it. On the platform's console or, without one, Xen's.
linux() {
    name=$1
    console=ttyS0
    [ "$2" != pvh ] || console=hvc0
    {
        echo "type = \"$2\""
        echo "name = \"$name\""
        printf '%s\n' 'memory = 256' 'vcpus = 1' 'tsc_mode = "native"' 'kernel = "/root/vmlinuz"' 'ramdisk = "/root/guest-initrd"'
        echo "cmdline = \"console=$console quiet time=$3\""
        shift 3
        for line; do echo "$line"; done
    } >"$name.cfg"
    s "$name-create" xl create -p "$name.cfg"
    [ $console = ttyS0 ] || reader "$name"
    xl unpause "$name"
    s "$name-gone" await 900 is_gone "$name"
    is_gone "$name" || xl destroy "$name"
    tr -d '\r' <"$name.console" | sed -n "s/^guest: took \(.*\) \([0-9]*\)$/guest: bench \1-$name \2 \2 \2 1/p"
}

hvm='vnc = 0'
disk='disk = [ "format=raw,vdev=xvda,access=rw,backendtype=qdisk,target=/root/data.img" ]'
disk_image data.img 16
drivers
linux pvh pvh xvda "$disk"
linux pvhvm hvm xvda "$disk" "$hvm" 'serial = "file:/root/pvhvm.console"'
linux hvm hvm '' "$hvm" 'serial = "file:/root/hvm.console"' 'xen_platform_pci = 0'
echo "=== end"
exit 0
