#!/bin/sh
# Runs in dom0 or on the bare kernel: sequential reads from an NVMe and a virtio disk of their own.
modprobe nvme
modprobe virtio_pci
modprobe virtio_blk
sleep 2
for round in 1 2 3; do
    for disk in nvme0n1 vda; do
        echo "$disk $(fio --name=read --filename=/dev/$disk --readonly --rw=read --bs=256k --direct=1 --ioengine=libaio \
            --iodepth=8 --runtime=5 --time_based --output-format=terse | cut -d';' -f7)"
    done
done
