#!/bin/sh
# Runs in dom0: fio with checksums on NVMe, AHCI and virtio at once, while iperf3 runs over two cards. SECONDS of it, which the host
# has put in front. Each disk is the one that is empty on its bus; each card has a name space, for their networks are alike.
s() { echo "=== $1"; shift; "$@" 2>&1; echo "status $?"; }

# The disk of the given driver that has neither a file system nor an archive on it.
empty_disk() {
    for path in /sys/block/*; do
        case $(readlink -f "$path/device")/ in *"/$1"*) ;; *) continue ;; esac
        disk=/dev/$(basename "$path")
        [ "$(head -c 65536 "$disk" | tr -d '\0' | wc -c)" = 0 ] && echo "$disk" && return
    done
}

disks() {
    for bus in nvme ata virtio; do
        disk=$(empty_disk $bus)
        [ -n "$disk" ] || { echo "no empty disk on $bus"; continue; }
        fio --name=$bus --filename="$disk" --rw=randrw --bsrange=4k-64k --size=64M --direct=1 --ioengine=libaio --iodepth=8 \
            --verify=crc32c --verify_fatal=1 --do_verify=1 --runtime=$SECONDS_OF_LOAD --time_based \
            --output=/tmp/fio.$bus && echo "$bus $disk good" || echo "$bus $disk failed" &
    done
    wait
    cat /tmp/fio.*
}

net() {
    ip netns add "$1"
    ip link set "$1" netns "$1"
    ip netns exec "$1" ip addr add 10.0.2.15/24 dev "$1"
    ip netns exec "$1" ip link set "$1" up
    sleep 3
    ip netns exec "$1" iperf3 -c 10.0.2.2 -p "$2" -t "$SECONDS_OF_LOAD" -i 60 $3
    echo "$1 ended with $?"
}

for module in virtio_pci virtio_net e1000e ahci nvme virtio_blk; do modprobe $module 2>/dev/null; done
sleep 2
s lspci lspci
s before cat /proc/interrupts
net eth0 5201 >/tmp/net0 2>&1 &
one=$!
net eth1 5202 -R >/tmp/net1 2>&1 &
two=$!
s disks disks
wait $one $two
s eth0 cat /tmp/net0
s eth1 cat /tmp/net1
s list xl list
s interrupts cat /proc/interrupts
s keys sh -c 'xl debug-keys i; xl debug-keys x'
s dmesg dmesg
s xl-dmesg xl dmesg
echo "=== end"
