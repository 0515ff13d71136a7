#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Machines and command lines that Tenon cannot use: a sentence on the serial line and on the screen, then a halt in order.
# QEMU's CPU is given without SVM, so that every boot there ends at the latest with the sentence about that.
. "$(dirname "$0")/lib.sh"

check() {
    local what=$1
    shift
    if "$@" >&2; then echo "ok $what"; else echo "not ok $what: $GUEST_END"; fi
}
# The screen breaks lines at 80 columns.
screen_has() { tr -d '\n' <"$RUN_DIR/screen" | grep -aqE -- "$1"; }

# refuses NAME REGEX CMDLINE QEMU_OPTION...
refuses() {
    local name=$1 regex=$2
    shift 2
    qemu_boot "${name// /-}" "$@"
    tail -n 3 "$CONSOLE_LOG" >&2
    check "$name: the sentence says why" console_has "$regex"
    check "$name: halts in order" console_has 'Tenon halts here'
    check "$name: the screen has the same" screen_has "$regex"
}

NO_SVM='Tenon needs AMD SVM'
NO_ACPI='Tenon found no usable ACPI tables'
NO_MADT='ACPI tables name no CPU or no IO-APIC'

# table_address SIGNATURE: of an ACPI table in the last boot's memory.
table_address() {
    python3 -c 'import struct, sys
raw = open(sys.argv[1], "rb").read()
at = -1
while True:
    at = raw.index(sys.argv[2].encode(), at + 1)
    size = struct.unpack_from("<I", raw, at + 4)[0]
    if 36 <= size <= 4096 and sum(raw[at:at + size]) % 256 == 0:
        print(64 * 1048576 - 131072 + at)
        break' "$RUN_DIR/top.raw" "$1"
}

refuses 'a CPU without SVM' "$NO_SVM" ''
madt=$(table_address APIC) rsdt=$(table_address RSDT)
refuses 'a garbage command line' "$NO_SVM" \
    'dom0_mem=,,,-9999999999999999999G:%% com1=banana,9x9 com1=,,,, loglvl=x/y/z maxcpus=-1 mem=0 ==== , = dom0_max_vcpus=7-3 dom0= console= '"$(printf 'x%.0s' {1..900})"
DISK_GRUB_EXTRA="write_byte $((madt + 9)) 0x5a" refuses 'a MADT with a wrong checksum' "$NO_MADT" ''
DISK_GRUB_EXTRA="write_byte $((rsdt + 9)) 0x5a" refuses 'an RSDT with a wrong checksum' "$NO_ACPI" ''
DISK_GRUB_EXTRA="write_dword $((madt + 4)) 0xfffffff0" refuses 'a MADT of impossible length' "$NO_MADT" ''
refuses 'no RSDP' "$NO_ACPI" '' -machine pc,acpi=off
refuses 'too little memory' 'less than 16 MiB of RAM' 'mem=12M'

# The firmware's CPUs that Tenon leaves alone must not notice its end.
refuses 'CPUs left alone' "$NO_SVM" maxcpus=2 -smp 4
if [ -n "${TEST_FULL:-}" ]; then
    refuses 'more CPUs than supported' "$NO_SVM" '' -smp 130
    check 'more CPUs than supported: said' console_has 'more than the 128 supported'
fi
