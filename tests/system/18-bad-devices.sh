#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Wrong configuration accesses, messages that lead nowhere, garbage in MSI-X tables, interrupts that nobody asked for, and a
# storm of them: dom0 and its other devices go on. With --full.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tour.sh"
[ -n "${TEST_FULL:-}" ] || exit 77

gcc -O1 -static -o "$TEST_LOG/bad_devices" "$SOURCE_DIR/tests/system/dom0/bad_devices.c" || exit 1
QEMU_EXTRA='-blockdev null-co,node-name=spare,size=67108864,read-zeroes=on -device edu -device nvme,serial=spare,drive=spare' \
    boot bad-devices --emulator tcg --cpus 2 --kernel lz4 --timeout 1800 --machine q35 --disks nvme \
    --dom0-cmdline iomem=relaxed --add "$TEST_LOG/bad_devices:/root/" --batch "$SOURCE_DIR/tests/system/dom0/bad-devices.sh"
check "the script comes to its end" [ "$BOOT_STATUS" -eq 0 ]
check "ports: accesses that straddle registers" section_has ports '^ports: survived'
check "ports: only 32 bits are the latch" section_has ports '^latch 0x80fff8fc'
check "ECAM: accesses that straddle registers and functions" section_has ecam '^ecam: survived'
check "no register has changed by them" section_has config '^status 0'
check "messages to nobody" section_has messages '^messages: survived'
check "an MSI-X table full of garbage" section_has table '^table of [0-9]+ rows: survived'
check "the device works when its driver is back" section_has table '16777216 bytes'
check "a storm on the other CPU" section_has storm-1 '^raised [0-9]{5}'
check "a storm on the CPU that reads" section_has storm-0 '^raised [0-9]{5}'
check "xl list still works" section_has list '^Domain-0'
check "no NMI, no machine check" section_lacks dmesg 'NMI received|Machine check|MCE.*error'
check "dom0's kernel complains of nothing else" tour_complaints dmesg

# The disk's reads beside a storm against those beside the same loop without interrupts.
reads() { section "$1" | awk '/^reads a second:/ {n = $4} END {print int(n)}'; }
for cpu in 0 1; do
    echo "storm on CPU $cpu: $(section storm-$cpu | grep -E 'reads|raised' | tr '\n' ' '); without: $(reads idle)"
    check "the disk is not starved by a storm on CPU $cpu" [ "$(reads idle)" -gt 0 -a $((10 * $(reads storm-$cpu))) -ge "$(reads idle)" ]
done
