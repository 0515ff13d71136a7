#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# An HVM guest made by xl create, with Debian's QEMU, hvmloader and SeaBIOS: the firmware comes up and says so at the debug port.
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77

boot hvm --kernel lz4 --cmdline 'dom0_mem=640M,max:640M guest_loglvl=all' \
    --batch "$SOURCE_DIR/tests/system/dom0/hvm-guest.sh"

check "the script's exit status comes back" [ "$BOOT_STATUS" -eq 0 ]
check "xl create makes an HVM guest" section_has create '^status 0$'
check "hvmloader runs" section_has log 'd1 HVM Loader'
check "it finds the hypervisor and its rings" section_has log 'd1 Xenbus rings @0xfeffc000'
check "it gives QEMU's devices their addresses" section_has log 'd1 pci dev 02:0 bar 14 size 001000000'
check "it starts SeaBIOS" section_has log 'd1 Invoking SeaBIOS'
check "SeaBIOS finds the PM timer and the PCI devices" section_has log 'd1 Found [0-9]+ PCI devices'
check "SeaBIOS runs the video BIOS" section_has log 'd1 Turning on vga text mode console'
check "xl destroy" section_has destroy '^status 0$'
check "xl list no longer shows it" section_lacks list-destroyed '^hvm '
check "free memory is what it was" section_has memory '^the same$'
