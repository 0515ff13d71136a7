#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# With --full: fifty boots in a row on QEMU's emulation of SVM, at 1, 2, 3 and 4 CPUs, on both machines and all kinds of disks.
# BOOTS in the environment: another number of them.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tour.sh"
[ -n "${TEST_FULL:-}${BOOTS:-}" ] || exit 77

cat >"$TEST_LOG/list.sh" <<'END'
#!/bin/sh
echo "=== list"
xl list
status=$?
echo "=== dmesg"
dmesg
exit $status
END
disks=(ide nvme virtio scsi ahci)
for ((i = 1; i <= ${BOOTS:-50}; i++)); do
    cpus=$((i % 4 + 1)) machine=pc disk=${disks[i % 5]} firmware=bios
    [ $((i % 2)) = 0 ] || machine=q35
    [ $((i % 7)) != 0 ] || firmware=uefi
    what="boot $i: $cpus CPUs, $machine, $firmware, $disk"
    boot "boot-$i" --emulator tcg --kernel lz4 --cpus $cpus --machine $machine --firmware $firmware --disks "$disk" \
        --timeout 2400 --batch "$TEST_LOG/list.sh"
    check "$what" [ "$BOOT_STATUS" -eq 0 ]
    check "$what: dom0's kernel complains of nothing" tour_complaints dmesg
    [ "$BOOT_STATUS" -ne 0 ] || rm -rf "$TEST_LOG/boot-$i"
done
