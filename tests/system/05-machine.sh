#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Timers, interrupts, CPUs and clocks under Tenon, without a dom0: tests/machine on both emulators. An
# old CPU has neither x2APIC nor TSC deadlines: those paths are other ones.
. "$(dirname "$0")/lib.sh"

machine() { image_boot "$1" machine_test 'machine test' "${@:2}"; }

machine bochs-1 --emulator bochs --cpus 1
machine bochs-4 --emulator bochs --cpus 4
check "4 CPUs on Bochs" console_has '4 CPUs online'
BOCHS_CPU=p4_prescott_celeron_336 machine bochs-old --emulator bochs --cpus 2
machine tcg-3 --emulator tcg --cpus 3
check "3 CPUs on TCG" console_has '3 CPUs online'
machine maxcpus --emulator tcg --cpus 3 --cmdline maxcpus=2
check "maxcpus=2 leaves one of 3 CPUs alone" console_has '2 CPUs online'
machine q35 --emulator tcg --machine q35 --cpus 2
for kind in pc q35; do
    machine uefi-$kind --emulator tcg --machine $kind --firmware uefi --kernel none --cpus 2
    check "uefi-$kind: the firmware's services are in use" console_has 'UEFI 2.*runtime services in use'
    check "uefi-$kind: GRUB hands over a frame buffer" console_has 'frame buffer [0-9]+x[0-9]+'
done
