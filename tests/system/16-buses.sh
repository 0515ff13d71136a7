#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# dom0's devices on QEMU's buses: MSI and MSI-X, UEFI, disks and network cards of several kinds. One machine is always
# tried, the others with --full. The table in docs/testing.md says what there is. BUSES="NAME..." in the environment: these
# alone.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tour.sh"

# buses NAME VECTORS CARD,... RUN-OPTION...: boots, and looks at what tests/system/dom0/buses.sh found. VECTORS: what
# /proc/interrupts calls those of the disk; CARD: drivers of network cards.
buses() {
    local name=$1 vectors=$2 card options=()
    [[ -z ${BUSES:-} || " $BUSES " == *" $name "* ]] || return 0
    for card in ${3//,/ }; do
        case $card in virtio_net) options+=(--net virtio-net-pci) ;; *) options+=(--net "$card") ;; esac
    done
    boot "$name" --emulator tcg --cpus 2 --kernel lz4 --timeout 600 \
        --batch "$SOURCE_DIR/tests/system/dom0/buses.sh" "${options[@]}" "${@:4}"
    check "$name: the script comes to its end" [ "$BOOT_STATUS" -eq 0 ]
    check "$name: xl list shows Domain-0" section_has list '^Domain-0 '
    check "$name: the disk interrupts by $vectors" section_has interrupts "[1-9][0-9]* .*$vectors"
    check "$name: the disk is read" section_has read '67108864 bytes'
    check "$name: and while its interrupts move from CPU to CPU" section_has affinity '67108864 bytes'
    check "$name: which they do" section_has affinity '^moved [1-9]'
    check "$name: without an error" section_lacks affinity 'failed|error'
    check "$name: a CPU goes and comes back" section_has offline '^status 0'
    for card in ${3//,/ }; do
        check "$name: $card carries data" section_has cards "$card: .*echo good 1048576"
        check "$name: $card carries data after a rescan" section_has rescan "$card: .*echo good 1048576"
    done
    check "$name: dom0's kernel complains of nothing" tour_complaints dmesg
    if [[ $name == *-uefi-* ]]; then
        check "$name: efibootmgr shows the variables" section_has efi '^BootCurrent: [0-9]+'
        check "$name: dom0 writes a variable" section_has efi '^written$'
    fi
    check "$name: no interrupt went astray" section_lacks xl-dmesg 'names no vCPU|leads to nobody|to nobody'
}

buses q35-uefi-nvme 'PCI-MSI.*nvme' virtio_net --machine q35 --firmware uefi --disks nvme
[ -n "${TEST_FULL:-}${BUSES:-}" ] || exit 0
buses q35-bios-ahci 'PCI-MSI.*ahci' e1000e --machine q35
buses q35-bios-virtio 'PCI-MSI.*virtio.*req' virtio_net,e1000e --machine q35 --disks virtio
buses q35-uefi-scsi 'PCI-MSI.*virtio.*req' e1000e --machine q35 --firmware uefi --disks scsi
buses pc-bios-nvme 'PCI-MSI.*nvme' virtio_net --disks nvme
buses pc-bios-scsi 'PCI-MSI.*virtio.*req' e1000e --disks scsi
buses pc-uefi-virtio 'PCI-MSI.*virtio.*req' virtio_net --firmware uefi --disks virtio
buses pc-uefi-ahci 'PCI-MSI.*ahci' e1000e --firmware uefi --disks ahci
buses pc-bios-ide 'IO-APIC.*ata_piix' virtio_net
