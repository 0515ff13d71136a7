#!/bin/sh
# Runs in dom0: HVM guests that SeaBIOS and GRUB boot from a disk and from a CD: the image is both.
. /root/guest-lib.sh

# config LINE...
config() {
    cat >disk.cfg <<END
type = "hvm"
name = "disk"
memory = 192
vcpus = 1
vnc = 0
serial = "file:/root/serial"
on_crash = "preserve"
END
    for line; do echo "$line" >>disk.cfg; done
}

# guest NAME
guest() {
    rm -f serial
    s "$1-create" timeout 300 xl create disk.cfg
    await "$2" is_gone disk
    s "$1-gone" is_gone disk
    s "$1-serial" tr -d '\r' <serial
    is_gone disk || { xl debug-keys q && xl debug-keys x && xl destroy disk; }
}

before=$(free)
s sums disk_sums disk.img
config 'xen_platform_pci = 0' 'disk = [ "format=raw,vdev=hda,access=rw,target=/root/disk.img" ]' 'boot = "c"'
guest disk 400
config 'disk = [ "format=raw,vdev=hda,access=rw,target=/root/disk.img", "format=raw,vdev=hdc,devtype=cdrom,target=/root/disk.img" ]' \
    'boot = "d"'
guest iso 400
memory_is "$before"
s dmesg xl dmesg
echo "=== end"
exit 0
