#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# dom0's devices on QEMU's buses: MSI and MSI-X, UEFI, disks and network cards of several kinds. One machine is always
# tried, the others with --full. The table in docs/testing.md says what there is.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tour.sh"
. "$(dirname "$0")/buses.sh"

buses q35-uefi-nvme 'PCI-MSI.*nvme' virtio_net --machine q35 --firmware uefi --disks nvme
[ -n "${TEST_FULL:-}${BUSES:-}" ] || exit 0
buses q35-bios-ahci 'PCI-MSI.*ahci' e1000e --machine q35
buses q35-bios-virtio 'PCI-MSI.*virtio.*req' 'virtio_net e1000e' --machine q35 --disks virtio
buses q35-uefi-scsi 'PCI-MSI.*virtio.*req' e1000e --machine q35 --firmware uefi --disks scsi
buses pc-bios-nvme 'PCI-MSI.*nvme' virtio_net --disks nvme
buses pc-bios-scsi 'PCI-MSI.*virtio.*req' e1000e --disks scsi
buses pc-uefi-virtio 'PCI-MSI.*virtio.*req' virtio_net --firmware uefi --disks virtio
buses pc-uefi-ahci 'PCI-MSI.*ahci' e1000e --firmware uefi --disks ahci
buses pc-bios-ide 'IO-APIC.*ata_piix' virtio_net
exit 0
