#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# With --full: sequential reads of dom0 against those of the bare kernel in the same machine, NVMe and virtio-blk. dom0 uses
# bounce buffers (swiotlb=force, which Tenon appends); what they take is shown by dom0 without and the bare kernel with them.
# In turns, because the host has other things to do: ROUNDS (2) of each.
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77

for disk in a b; do truncate -s 256M "$TEST_LOG/$disk.img"; done
export QEMU_EXTRA="-drive file=$TEST_LOG/a.img,format=raw,if=none,id=a -drive file=$TEST_LOG/b.img,format=raw,if=none,id=b"
QEMU_EXTRA+=' -device nvme,serial=a,drive=a -device virtio-blk-pci,drive=b,disable-legacy=on'

speed() {
    boot "$1-$round" --emulator tcg --machine q35 --cpus 1 --timeout 3600 \
        --batch "$SOURCE_DIR/tests/system/dom0/disk-speed.sh" "${@:2}"
    check "$1, round $round" [ "$BOOT_STATUS" -eq 0 ]
    cat "$BOOT_OUT" >>"$TEST_LOG/$1"
}

for ((round = 1; round <= ${ROUNDS:-2}; round++)); do
    speed bare --hypervisor none
    speed tenon --kernel lz4
    speed direct --kernel lz4 --dom0-cmdline swiotlb=noforce
    speed bare-bounced --hypervisor none --dom0-cmdline swiotlb=force
done

# median WHO DISK: KiB/s
median() { grep "^$2 " "$TEST_LOG/$1" | cut -d' ' -f2 | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)] + 0}'; }
for disk in nvme0n1 vda; do
    bare=$(median bare $disk)
    echo "$disk: bare $bare KiB/s, with bounce buffers $(median bare-bounced $disk);" \
        "Tenon $(median tenon $disk), without bounce buffers $(median direct $disk)"
    check "$disk: at least 0.85 of the bare kernel's speed" [ $((100 * $(median tenon $disk))) -ge $((85 * bare)) ]
done
rm -f "$TEST_LOG"/*.img
