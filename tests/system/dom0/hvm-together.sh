#!/bin/sh
# Runs in dom0: PVHVM guests beside each other. Two exchange traffic over a bridge while a third, with a qcow2 disk, boots; then one that
# has a disk and a card is saved and restored.
. /root/guest-lib.sh

# config NAME WORDS LINE...: a guest whose kernel's command line has these words
config() {
    name=$1
    cat >"$1.cfg" <<END
type = "hvm"
name = "$1"
memory = 160
vcpus = 1
vnc = 0
kernel = "/root/vmlinuz"
ramdisk = "/root/guest-initrd"
cmdline = "console=ttyS0 quiet log=FIFO,blkfront,netfront $2"
serial = "file:/root/$1.serial"
on_crash = "preserve"
END
    shift 2
    for line; do echo "$line" >>"$name.cfg"; done
}
vif() { echo "vif = [ \"mac=00:16:3e:00:00:0$1,bridge=xenbr0\" ]"; }

# look NAME: what is left of a guest
look() {
    s "$1-gone" is_gone "$1"
    s "$1-serial" tr -d '\r' <"$1.serial"
    is_gone "$1" || { xl debug-keys q; xl destroy "$1"; }
}

# attached_sums: what dom0 reads of the qcow2 disk, as a disk of its own.
attached_sums() {
    xl block-attach 0 'format=qcow2,vdev=xvdz,access=rw,target=/root/data.qcow2' && await 60 test -b /dev/xvdz && disk_sums /dev/xvdz
    xl block-detach 0 xvdz
}

modprobe xen-blkfront
before=$(free)
s drivers drivers
s bridge bridge
config one 'net=eth0' "$(vif 1)"
config two 'net=eth0 net2 peer mib=4' "$(vif 2)"
s image attached_sums
config three 'disk=xvda' 'disk = [ "format=qcow2,vdev=xvda,access=rw,target=/root/data.qcow2" ]'
s one-create timeout 600 xl create one.cfg
s one-up until_says 900 one one.serial 'guest: network up'
s two-create timeout 600 xl create two.cfg
s two-talks until_says 900 two two.serial 'guest: network talks'
s three-create timeout 600 xl create three.cfg
s all xl list
s vcpus xl vcpu-list
for guest in three two one; do
    await 900 is_gone $guest
    look $guest
done
s disk attached_sums
disk_image data.img 16

# It talks to dom0 after it was restored.
config saved 'net=eth0' "$(vif 1)" 'disk = [ "format=raw,vdev=xvda,access=rw,backendtype=qdisk,target=/root/data.img" ]'
s saved-create timeout 600 xl create saved.cfg
s saved-up until_says 900 saved saved.serial 'guest: network up'
s save timeout 600 xl save saved state
s save-gone is_gone saved
s restore timeout 600 xl restore state
rm -f state
s restored-list xl list
s net timeout 300 sh -c '. /root/guest-lib.sh; echoed 65536'
await 300 is_gone saved
look saved
memory_is "$before"
s dmesg xl dmesg
s dom0-log dmesg
echo "=== end"
exit 0
