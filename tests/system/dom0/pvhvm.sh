#!/bin/sh
# Runs in dom0: Debian's kernel as PVHVM guest, with one CPU and with two: disk and network through Xen's drivers.
. /root/guest-lib.sh

# config VCPUS LINE...: the guest's configuration
config() {
    vcpus=$1
    shift
    cat >pvhvm.cfg <<END
type = "hvm"
name = "pvhvm"
memory = 192
vcpus = $vcpus
disk = [ "format=raw,vdev=xvda,access=rw,$DISK" ]
vif = [ "mac=00:16:3e:00:00:02,bridge=xenbr0" ]
vnc = 0
serial = "file:/root/serial"
on_crash = "preserve"
END
    for line; do echo "$line" >>pvhvm.cfg; done
}

# guest NAME: makes it, talks to it, waits for its end.
guest() {
    rm -f serial
    s "$1-image" disk_sums data.img
    s "$1-create" timeout 600 xl create pvhvm.cfg
    until_says 900 pvhvm serial 'guest: network up|Kernel panic|guest: done'
    s "$1-vcpus" xl vcpu-list
    s "$1-net" timeout 200 sh -c '. /root/guest-lib.sh; echoed 262144'
    await 300 is_gone pvhvm
    s "$1-gone" is_gone pvhvm
    s "$1-serial" tr -d '\r' <serial
    s "$1-disk" disk_sums data.img
    if ! is_gone pvhvm; then
        xl debug-keys q
        s "$1-qemu" tail -n 30 /var/log/xen/qemu-dm-pvhvm.log
        xl destroy pvhvm
    fi
}

direct='kernel = "/root/vmlinuz"
ramdisk = "/root/guest-initrd"
cmdline = "console=ttyS0 quiet disk=xvda net=eth0 log=xen,Xen,blkfront,netfront"'

before=$(free)
disk_image data.img 16
s drivers drivers
s bridge bridge
DISK=backendtype=qdisk,target=/root/data.img config 1 "$direct"
guest one
DISK=backendtype=phy,target=$(losetup -f --show data.img) config 2 "$direct"
guest two
losetup -D
s modules lsmod
memory_is "$before"
s dmesg xl dmesg
s dom0-log dmesg
s keys sh -c 'xl debug-keys x; xl dmesg'
echo "=== end"
exit 0
