#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Modules that are no dom0, and amounts of memory that are none: a sentence on the console, then a halt in order. (A
# damaged Debian kernel is for tests/system and, bit by bit, for tests/unit/dom0.)
. "$(dirname "$0")/lib.sh"
mkdir -p "$TEST_LOG"
ELF=$SOURCE_DIR/build/release/guests/guests.elf

# refuses NAME REGEX MODULE|none [CMDLINE]
refuses() {
    GUEST_KERNEL=$3 guest_boot "${1// /-}" 1 "${4:-}" ''
    tr -d '\r' <"$CONSOLE_LOG" | tail -n 3 >&2
    if console_has "$2" && console_has 'Tenon halts here'; then echo "ok $1"; else echo "not ok $1: $GUEST_END"; fi
}

# patched OUT OFFSET BYTES(hex): a copy of the guest with other bytes there.
patched() {
    cp "$ELF" "$1"
    # shellcheck disable=SC2059
    printf "$(sed 's/../\\x&/g' <<<"$3")" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

note=$(grep -obUaP 'Xen\x00' "$ELF" | head -n 1 | cut -d: -f1)
head -c 100000 /dev/urandom >"$TEST_LOG/noise"
: >"$TEST_LOG/empty"
head -c 5000 "$ELF" >"$TEST_LOG/half"
patched "$TEST_LOG/no-note" "$note" 58656f00
patched "$TEST_LOG/wild-entry" $((note + 4)) 00000070
patched "$TEST_LOG/class32" 4 01

build_product "$TEST_LOG/build.log"
refuses 'no module' 'No dom0 kernel' none
refuses 'noise as a module' 'the first module is no kernel' "$TEST_LOG/noise"
refuses 'half an ELF file' 'truncated' "$TEST_LOG/half"
refuses 'a kernel without the PVH note' 'no PVH entry note' "$TEST_LOG/no-note"
refuses 'an entry point outside of the kernel' 'PVH entry point outside' "$TEST_LOG/wild-entry"
refuses 'a 32-bit ELF file' 'not a 64-bit' "$TEST_LOG/class32"
refuses 'dom0_mem too small' 'dom0_mem' "$ELF" dom0_mem=4M
# SeaBIOS leaves IA32_FEATURE_CONTROL for others to lock; Bochs's own BIOS does not.
SEABIOS='romimage: file=/usr/share/seabios/bios.bin
vgaromimage: file=/usr/share/seabios/vgabios-stdvga.bin'
need_packages "$TEST_LOG/packages.log" seabios
BOCHS_EXTRA=$SEABIOS DISK_GRUB_EXTRA='wrmsr 0x3a 1' refuses 'VMX locked off' 'VMX is disabled by the firmware' "$ELF"
guest_boot dom0-mem-large 1 dom0_mem=64G run=entry_memory_map
if console_has 'entry_memory_map SUCCESS' && console_has 'dom0_mem'; then
    echo 'ok dom0_mem larger than the RAM gives what there is'
else
    echo "not ok dom0_mem larger than the RAM gives what there is: $GUEST_END"
fi
