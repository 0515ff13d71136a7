#!/bin/sh
# Runs in dom0: Debian's kernel in HVM guests with emulated devices alone (no platform device): started by QEMU, with an IDE
# disk and an e1000; by SeaBIOS and GRUB from a disk; and from a CD: boot.img is both. The firmware reads IDE
# disks word by word, each an exit to the device model, and AHCI's by DMA: those it boots from are AHCI's.
. /root/guest-lib.sh

# config LINE...
config() {
    cat >plain.cfg <<END
type = "hvm"
name = "plain"
memory = 192
vcpus = 1
xen_platform_pci = 0
vnc = 0
serial = "file:/root/serial"
on_crash = "preserve"
END
    for line; do echo "$line" >>plain.cfg; done
}

# look PREFIX: what is left of a guest that did not end.
look() {
    s "$1qemu" tail -n 30 /var/log/xen/qemu-dm-plain.log
    s "$1keys" sh -c 'xl debug-keys q; xl debug-keys x'
    xl destroy plain
}

before=$(free)
disk_image data.img 16
s drivers drivers
s bridge bridge
s image disk_sums data.img
config 'kernel = "/root/vmlinuz"' 'ramdisk = "/root/guest-initrd"' 'cmdline = "console=ttyS0 quiet xen_nopv disk=sda net=eth0 log=paravirtualized"' \
    'disk = [ "format=raw,vdev=hda,access=rw,target=/root/data.img" ]' \
    'vif = [ "mac=00:16:3e:00:00:01,model=e1000,type=ioemu,bridge=xenbr0" ]'
s create timeout 600 xl create plain.cfg
until_says 900 plain serial 'guest: network up|Kernel panic|guest: done'
s list xl list
s net timeout 200 sh -c '. /root/guest-lib.sh; echoed 262144'
await 300 is_gone plain
s gone is_gone plain
s serial tr -d '\r' <serial
s disk disk_sums data.img
is_gone plain || look direct-

# started NAME: by its own boot loader
started() {
    rm -f serial
    s "$1-create" timeout 600 xl create plain.cfg
    await 900 is_gone plain
    s "$1-gone" is_gone plain
    s "$1-serial" tr -d '\r' <serial
    is_gone plain || look "$1-"
}

s sums disk_sums boot.img
cp boot.img cd.img
config 'disk = [ "format=raw,vdev=hda,access=rw,target=/root/boot.img" ]' 'hdtype = "ahci"' 'boot = "c"'
started disk
cp cd.img boot.img
config 'disk = [ "format=raw,vdev=hda,access=rw,target=/root/boot.img", "format=raw,vdev=hdc,devtype=cdrom,target=/root/cd.img" ]' \
    'hdtype = "ahci"' 'boot = "d"'
started cd
memory_is "$before"
s dmesg xl dmesg
s dom0-log dmesg
echo "=== end"
exit 0
