#!/bin/sh
# Runs in dom0 or on the bare kernel: sequential reads from an NVMe and a virtio disk of their own. The host looks at its clocks
# when a line comes: so many KiB were read since the one before.
modprobe nvme
modprobe virtio_pci
modprobe virtio_blk
sleep 2
depth=$(cat /root/depth)
idle() { awk '/^cpu /{print $5 + $6}' /proc/stat; }
for round in 1 2 3; do
    for disk in nvme0n1 vda; do
        echo "begin $disk"
        sleep 0.5
        before=$(idle)
        fio --name=read --filename=/dev/$disk --readonly --rw=read --bs=256k --direct=1 --ioengine=libaio \
            --iodepth="$depth" --runtime=1 --time_based --output-format=terse |
            awk -F';' -v disk=$disk '{print disk, "read", $6, "KiB at", $7, "KiB/s, CPU:", $88, "user", $89, "system"}'
        echo "idle for $(($(idle) - before)) ticks; $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
    done
done
grep -E 'nvme|virtio|LOC|HYP' /proc/interrupts
