#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# With --full: ten minutes of fio with checksums on NVMe, AHCI and virtio at once, while iperf3 runs over virtio-net and e1000e.
# LOAD_SECONDS in the environment: another time. The servers of iperf3 are the host's.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tour.sh"
. "$SOURCE_DIR/tools/testbed/lib.sh"
[ -n "${TEST_FULL:-}${LOAD_SECONDS:-}" ] || exit 77
seconds=${LOAD_SECONDS:-600}

need_packages "$TEST_LOG/packages.log" iperf3
servers=()
for port in 5201 5202; do
    iperf3 -s -B 127.0.0.1 -p $port >"$TEST_LOG/iperf3-$port" 2>&1 </dev/null &
    servers+=($!)
done
trap 'kill "${servers[@]}" 2>/dev/null' EXIT

extra=''
for disk in nvme virtio ahci; do
    truncate -s 64M "$TEST_LOG/$disk.img"
    extra+=" -drive file=$TEST_LOG/$disk.img,format=raw,if=none,id=load-$disk,snapshot=on"
done
extra+=' -device nvme,serial=load,drive=load-nvme -device virtio-blk-pci,drive=load-virtio'
extra+=' -device ide-hd,bus=ide.0,drive=load-ahci'

{ printf '#!/bin/sh\nSECONDS_OF_LOAD=%s\n' "$seconds"; cat "$SOURCE_DIR/tests/system/dom0/load.sh"; } >"$TEST_LOG/load.sh"
QEMU_EXTRA=$extra boot load --emulator tcg --cpus 2 --kernel lz4 --timeout $((seconds * 4 + 2400)) --machine q35 \
    --disks virtio --net virtio-net-pci --net e1000e --batch "$TEST_LOG/load.sh"
check "the script comes to its end" [ "$BOOT_STATUS" -eq 0 ]
for bus in nvme ata virtio; do
    check "$bus: $seconds s of writing and reading, checksums right" section_has disks "^$bus /dev/.* good [1-9]"
done
check "no disk failed" section_lacks disks 'failed|verify:|no empty'
for card in eth0 eth1; do
    check "$card: iperf3 gets through" section_has $card "^$card ended with 0"
    echo "$card: $(section $card | grep -E 'sender|receiver' | tr -s ' ' | tr '\n' ';')"
done
section disks | grep -aE 'IOPS=|good'
check "xl list shows Domain-0" section_has list '^Domain-0 '
check "dom0's kernel complains of nothing" tour_complaints dmesg
check "no interrupt went astray" section_lacks xl-dmesg 'names no vCPU|leads to nobody|to nobody'
rm -f "$TEST_LOG"/*.img
