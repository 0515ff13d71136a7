#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Machines that Tenon cannot use: each ends in a sentence on the console that says why, and an orderly halt. VMX locked
# off cannot be had here (Bochs locks IA32_FEATURE_CONTROL with VMX on): tests/unit/vmx has it.
. "$(dirname "$0")/lib.sh"

# refuses NAME REGEX OPTION...
refuses() {
    local name=$1 regex=$2
    shift 2
    boot "${name// /-}" --emulator bochs --serial --mem 512 --kernel none --timeout 300 "$@"
    check "$name: halts in order" console_has 'Tenon halts here'
    check "$name: the sentence says why" console_has "$regex"
}

# Bochs's BIOS puts the RSDT 64 KiB below the end of RAM; byte 9 is in its checksum.
DISK_GRUB_EXTRA='write_byte 0x1fff0009 0x55' \
    refuses 'an RSDT with a wrong checksum' 'no usable ACPI tables'
BOCHS_EXTRA='pci: enabled=0' refuses 'no ACPI at all' 'no usable ACPI tables'
BOCHS_CPU=core2_penryn_t9600 \
    refuses 'VMX without EPT' 'Tenon needs EPT'
