#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Debian's kernel as PVHVM guest with one CPU and with two: FIFO events, disks through QEMU's and the kernel's backend, a
# network card on a bridge.
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77
. "$SOURCE_DIR/tests/system/guest/build.sh"

image_make "$TEST_LOG/image.log"
guest_work_initrd "$TEST_LOG/guest-initrd" sd_mod ata_piix sr_mod e1000 xen-blkfront xen-netfront || exit
boot pvhvm --kernel lz4 --cmdline "dom0_mem=640M,max:640M guest_loglvl=all ${TEST_HV_CMDLINE:-}" --add "$IMAGE_DIR/vmlinuz" \
    --add "$TEST_LOG/guest-initrd" --add "$SOURCE_DIR/tests/system/dom0/guest-lib.sh" \
    --batch "$SOURCE_DIR/tests/system/dom0/pvhvm.sh"

field() { section "$1" | sed -n "s/^$2 //p"; }

check "the script's exit status comes back" [ "$BOOT_STATUS" -eq 0 ]
for n in one two; do
    check "$n: xl create makes it" section_has "$n-create" '^status 0$'
    check "$n: its kernel finds itself a guest of Xen" section_has "$n-serial" 'Hypervisor detected: Xen HVM'
    check "$n: its events come through FIFO channels" section_has "$n-serial" 'xen:events: Using FIFO-based ABI'
    check "$n: by vectors of its CPUs' own" section_has "$n-serial" 'Xen HVM callback vector for event delivery is enabled'
    check "$n: the emulated disk and card are unplugged" section_lacks "$n-serial" 'e1000: .*Intel|ata1.00: ATA-7'
    check "$n: its clock is Xen's" section_has "$n-serial" 'guest: clocksource xen'
    check "$n: blkfront reads the disk right" section_has "$n-serial" "guest: disk read $(field "$n-image" read)\$"
    check "$n: dom0 reads what it wrote" section_has "$n-serial" "guest: disk written $(field "$n-disk" written)\$"
    check "$n: its network card is up" section_has "$n-serial" 'guest: network up'
    check "$n: what is sent to it comes back" [ "$(field "$n-net" went)" = "$(field "$n-net" came)" ]
    check "$n: it has powered itself off" section_has "$n-gone" '^status 0$'
done
check "both of its CPUs are up" section_has two-serial 'guest: online 0-1'
check "dom0 has its backends" section_has modules 'xen_netback'
check "free memory is what it was" section_has memory '^the same$'
check "dom0's kernel complains of nothing" section_lacks dom0-log '\] (BUG|WARNING):|unhandled|segfault'
