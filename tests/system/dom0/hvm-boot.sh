#!/bin/sh
# Runs in dom0: Debian's kernel in an HVM guest with emulated devices alone (no platform device): IDE disk, e1000.
. /root/guest-lib.sh

cat >plain.cfg <<END
type = "hvm"
name = "plain"
kernel = "/root/vmlinuz"
ramdisk = "/root/guest-initrd"
cmdline = "console=ttyS0 xen_nopv disk=sda net=eth0"
memory = 192
vcpus = 1
xen_platform_pci = 0
disk = [ "format=raw,vdev=hda,access=rw,target=/root/data.img" ]
vif = [ "mac=00:16:3e:00:00:01,model=e1000,type=ioemu,bridge=xenbr0" ]
vnc = 0
serial = "file:/root/serial-plain"
on_crash = "preserve"
END

before=$(free)
disk_image data.img 16
s bridge bridge
s image disk_sums data.img
s create timeout 300 xl create plain.cfg
await 400 says serial-plain 'guest: network up'
s list xl list
s net timeout 60 sh -c '. /root/guest-lib.sh; echoed 262144'
await 120 is_gone plain
s gone is_gone plain
s keys sh -c 'xl debug-keys q; xl debug-keys x'
s serial tr -d '\r' <serial-plain
s disk disk_sums data.img
is_gone plain || xl destroy plain
memory_is "$before"
s qemu sh -c 'tail -n 30 /var/log/xen/qemu-dm-plain.log'
s dmesg xl dmesg
s dom0-log dmesg
echo "=== end"
exit 0
