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

# Writes the whole disk in random order, reads it back and checks it, again and again.
load_disk() {
    end=$(($(date +%s) + SECONDS_OF_LOAD))
    passes=0
    while [ "$(date +%s)" -lt $end ]; do
        fio --name="$1" --filename="$2" --rw=randwrite --bs=16k --size=64M --direct=1 --ioengine=libaio --iodepth=8 \
            --verify=crc32c --verify_fatal=1 --do_verify=1 >"/tmp/fio.$1" 2>&1 || { cat "/tmp/fio.$1"; echo "$1 $2 failed"; return; }
        passes=$((passes + 1))
    done
    grep IOPS= "/tmp/fio.$1" | sed "s/^ */$1 in its last pass: /"
    echo "$1 $2 good $passes times"
}

disks() {
    for bus in nvme ata virtio; do
        disk=$(empty_disk $bus)
        [ -n "$disk" ] || { echo "no empty disk on $bus"; continue; }
        load_disk $bus "$disk" &
    done
    wait
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
