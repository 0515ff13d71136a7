#!/bin/sh
# Runs in dom0: devices and drivers that do what they should not, and whether the others still work afterwards. The machine has an
# edu device and two NVMe disks, the second one for table garbage.
s() { echo "=== $1"; shift; "$@" 2>&1; echo "status $?"; }

disk=$(findmnt -no SOURCE /)
edu=$(basename "$(dirname "$(grep -lx 0x11e8 /sys/bus/pci/devices/*/device)")")
root_function=$(basename "$(readlink -f "/sys/block/$(basename "$disk")/device/device")")
for path in /sys/bus/pci/drivers/nvme/0*; do
    serial=$(cat "$path"/nvme/nvme*/serial 2>/dev/null | tr -d ' ')
    [ "$serial" != spare ] || spare=${path##*/}
done
ecam=$(sed -n 's/^ *\([0-9a-f]*\)-.*MMCONFIG.*/\1/p' /proc/iomem | head -n 1)

table() {
    echo "$spare" >/sys/bus/pci/drivers/nvme/unbind
    /root/bad_devices table "$spare"
    status=$?
    echo 1 >/sys/bus/pci/devices/"$spare"/reset
    echo "$spare" >/sys/bus/pci/drivers/nvme/bind
    sleep 2
    dd if=/dev/"$(ls /sys/bus/pci/devices/"$spare"/nvme/nvme*/ | grep -m1 '^nvme.*n1$' | sed 's/c[0-9]*n/n/')" \
        of=/dev/null bs=1M count=16 iflag=direct
    return $status
}

# How much the disk reads in ten seconds, on the first CPU, while "storm" runs on the second.
read_beside() {
    taskset -c 1 /root/bad_devices storm "$edu" "$@" >/tmp/storm 2>&1 &
    storm=$!
    sleep 1
    taskset -c 0 fio --name=beside --filename="$disk" --readonly --rw=randread --bs=4k --direct=1 --ioengine=psync \
        --runtime=8 --time_based --output-format=terse | awk -F';' '{print "reads a second:", $8, "longest us:", $15}' |
        sed 's/$/ ('"$*"')/'
    wait $storm
    cat /tmp/storm
}

echo "edu $edu, root $root_function, spare $spare, ecam $ecam"
lspci -xxx >/tmp/before 2>/dev/null
s ports /root/bad_devices ports
[ -z "$ecam" ] || s ecam /root/bad_devices ecam "$ecam"
lspci -xxx >/tmp/after 2>/dev/null
s config diff /tmp/before /tmp/after
s messages /root/bad_devices messages "$edu"
s table table
s idle read_beside 1 11 idle
s storm-1 read_beside 1 11
s storm-0 read_beside 0 11
s list xl list
s interrupts cat /proc/interrupts
s keys sh -c 'xl debug-keys i; xl debug-keys x'
s dmesg dmesg
s xl-dmesg xl dmesg
echo "=== end"
