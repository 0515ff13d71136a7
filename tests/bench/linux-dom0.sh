#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs in dom0: how long Debian's kernel takes to its init as a guest of each kind, and there to use its disk and card.
. /root/guests.sh
. /root/guest-lib.sh

# exchange NAME: 4 MiB to the guest and from it, once it listens; who waits for that takes no time from it.
exchange() {
    timeout 900 tail -n +1 -F "$1.console" 2>/dev/null | grep -aqm 1 'guest: network up'
    head -c 4194304 /dev/zero | bash -c 'cat >/dev/tcp/192.168.77.2/7'
    bash -c 'cat </dev/tcp/192.168.77.2/7 >/dev/null'
}

# linux NAME TYPE DISK CARD LINE...: its figures, and what came of it. On the platform's console or, without one, Xen's.
linux() {
    name=$1
    console=ttyS0
    [ "$2" != pvh ] || console=hvc0
    {
        echo "type = \"$2\""
        echo "name = \"$name\""
        printf '%s\n' 'memory = 256' 'vcpus = 1' 'tsc_mode = "native"' 'kernel = "/root/vmlinuz"' 'ramdisk = "/root/guest-initrd"'
        echo "cmdline = \"console=$console quiet time=$3 card=$4\""
        interface=$4
        shift 4
        for line; do echo "$line"; done
    } >"$name.cfg"
    s "$name-create" xl create -p "$name.cfg"
    [ $console = ttyS0 ] || reader "$name"
    [ -z "$interface" ] || exchange "$name" &
    xl unpause "$name"
    s "$name-gone" await 900 is_gone "$name"
    is_gone "$name" || xl destroy "$name"
    tr -d '\r' <"$name.console" | sed -n "s/^guest: took \(.*\) \([0-9]*\)$/guest: bench \1-$name \2 \2 \2 1/p"
}

hvm='vnc = 0'
disk='disk = [ "format=raw,vdev=xvda,access=rw,backendtype=qdisk,target=/root/data.img" ]'
disk_image data.img 16
card='vif = [ "mac=00:16:3e:00:00:02,bridge=xenbr0" ]'
drivers
bridge
linux pvh pvh xvda eth0 "$disk" "$card"
linux pvhvm hvm xvda eth0 "$disk" "$card" "$hvm" 'serial = "file:/root/pvhvm.console"'
linux hvm hvm '' '' "$hvm" 'serial = "file:/root/hvm.console"' 'xen_platform_pci = 0'
echo "=== end"
exit 0
