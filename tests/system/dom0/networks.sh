#!/bin/bash
# Runs in dom0: PVH guests whose cards are connected by Debian's scripts for routing and for NAT, and one with two queues for its card and
# its disk.
. /root/guests.sh
. /root/guest-lib.sh

# card NAME VCPUS WORDS VIF [LINE...]: a guest with this card; what is sent to it comes back.
card() {
    name=$1
    {
        echo 'type = "pvh"'
        echo "name = \"$1\""
        printf '%s\n' 'memory = 192' 'kernel = "/root/vmlinuz"' 'ramdisk = "/root/guest-initrd"' "vcpus = $2"
        echo "cmdline = \"console=hvc0 quiet net=eth0 $3\""
        echo "vif = [ \"mac=00:16:3e:00:00:02,$4\" ]"
        shift 4
        for line; do echo "$line"; done
    } >"$name.cfg"
    s "$name-create" begin "$name"
    s "$name-up" until_says 300 "$name" "$name.console" 'guest: network up'
    id=$(xl domid "$name")
    s "$name-address" ip addr show dev "vif$id.0"
    s "$name-route" ip route get 192.168.77.2
    s "$name-queues" ls "/sys/class/net/vif$id.0/queues"
    s "$name-negotiated" xenstore-ls -f "/local/domain/$id/device"
    s "$name-interrupts" grep -E "vif$id|blkif" /proc/interrupts
    s "$name-net" timeout 200 sh -c '. /root/guest-lib.sh; echoed 262144'
    s "$name-gone" await 300 is_gone "$name"
    is_gone "$name" || xl destroy "$name"
    s "$name-console" tr -d '\r' <"$name.console"
}

before=$(free)
disk_image data.img 16
s drivers drivers
echo 2 >/sys/module/xen_netback/parameters/max_queues
echo 2 >/sys/module/xen_blkback/parameters/max_queues
s bridge bridge
card routed 1 '' 'script=vif-route,gatewaydev=xenbr0,ip=192.168.77.2'
card nat 1 '' 'script=vif-nat,ip=192.168.77.2/24'
s image disk_sums data.img
card queues 2 'disk=xvda' 'bridge=xenbr0' "disk = [ \"format=raw,vdev=xvda,access=rw,backendtype=phy,target=$(losetup -f --show data.img)\" ]"
losetup -D
s disk disk_sums data.img
s routes ip route
memory_is "$before"
s dmesg xl dmesg
s dom0-log dmesg
echo "=== end"
exit 0
