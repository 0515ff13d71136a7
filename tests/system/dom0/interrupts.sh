#!/bin/sh
# Runs in dom0: COUNT reads, one after the other, from the NVMe and the virtio disk that the host has put there for it: each read
# is one interrupt.
s() { echo "=== $1"; shift; "$@" 2>&1; echo "status $?"; }
exits() { xl dmesg -c >/dev/null; xl debug-keys x; xl dmesg; }
reads() {
    fio --name=reads --filename="$1" --readonly --rw=randread --bs=4k --direct=1 --ioengine=psync --number_ios="$COUNT" \
        --size=64M --io_size=100G | grep -E 'IOPS=|issued'
}

modprobe nvme
modprobe virtio_pci
modprobe virtio_blk
sleep 2
s exits-0 exits
s before cat /proc/interrupts
s nvme reads /dev/nvme0n1
s exits-1 exits
s virtio reads /dev/vda
s exits-2 exits
s interrupts cat /proc/interrupts
s keys sh -c 'xl debug-keys i; xl dmesg'
s dmesg dmesg
echo "=== end"
