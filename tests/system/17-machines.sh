#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# With --full: machines that differ from the usual in more than their buses. RAM above the PCI hole, nodes of memory,
# a large window of 64-bit BARs, devices behind ports and bridges, USB, and lines that several functions share.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tour.sh"
. "$(dirname "$0")/buses.sh"
[ -n "${TEST_FULL:-}${BUSES:-}" ] || exit 77

# Two nodes of 3 GiB, 4 GiB of device memory in one BAR, a card behind a root port, one behind a bridge to PCI.
server='-object memory-backend-ram,id=node0,size=3G -object memory-backend-ram,id=node1,size=3G'
server+=' -numa node,nodeid=0,cpus=0-1,memdev=node0 -numa node,nodeid=1,cpus=2-3,memdev=node1 -numa dist,src=0,dst=1,val=20'
server+=' -object memory-backend-ram,id=window,size=4G,share=on -device ivshmem-plain,memdev=window'
server+=' -device pcie-root-port,id=port1,chassis=1,io-reserve=0'
server+=' -device pcie-root-port,id=port2,chassis=2 -device pcie-root-port,id=port3,chassis=3,io-reserve=0'
server+=' -device pcie-pci-bridge,id=bridge,bus=port2'
server+=' -blockdev null-co,node-name=stick,size=67108864,read-zeroes=on -device qemu-xhci -device usb-storage,drive=stick'

# server_has NAME: what these machines have besides.
server_has() {
    check "$1: 4 CPUs" section_has cpus '^4$'
    check "$1: RAM above the hole" [ "$(section memory | awk '/^MemTotal/ {print ($2 > 5500000)}')" = 1 ]
    check "$1: a USB disk is read" section_has usb '67108864 bytes'
    check "$1: 4 GiB of a device's memory above 4 GiB" section_has window '^bar 0x[0-9a-f]{9,} .*last word kept'
    check "$1: a port has MSI" section_has interrupts 'PCI-MSI.*(PCIe|pciehp|aerdrv)'
}

# With that BAR SeaBIOS puts all 64-bit BARs above 4 GiB, where its own driver for NVMe does not reach: it boots from AHCI.
QEMU_EXTRA=$server buses server-bios 'PCI-MSI.*ahci' 'virtio_net@bus=port1 e1000@bus=bridge,addr=1 e1000e@bus=port3' \
    --machine q35 --disks ahci --cpus 4 --mem 6144 && server_has server-bios
QEMU_EXTRA=$server buses server-uefi 'PCI-MSI.*nvme' 'virtio_net@bus=port1 e1000@bus=bridge,addr=1 e1000e@bus=port3' \
    --machine q35 --firmware uefi --disks nvme --cpus 4 --mem 6144 && server_has server-uefi

# Without MSI everything has a line; a PIIX has four for all slots: functions 4 slots apart share one.
QEMU_EXTRA='-device pci-bridge,id=bridge,chassis_nr=1,addr=0x10' \
    buses pc-lines 'IO-APIC.*virtio' 'e1000@addr=0x8 e1000@addr=0xc virtio_net@addr=0x14 e1000@bus=bridge,addr=4' \
    --disks virtio --dom0-cmdline pci=nomsi &&
    check "pc-lines: several functions share a line" section_has interrupts 'IO-APIC.*(eth|virtio)[0-9]*, *(eth|virtio)[0-9]'
QEMU_EXTRA='-device pcie-root-port,id=port1,chassis=1' \
    buses q35-lines 'IO-APIC.*ahci' 'e1000e e1000 e1000e@bus=port1' --machine q35 --dom0-cmdline pci=nomsi &&
    check "q35-lines: by GSIs above 15" section_has interrupts '^ *(1[6-9]|2[0-3]): .*IO-APIC.*fasteoi'
exit 0
