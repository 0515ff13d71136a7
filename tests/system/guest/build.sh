# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The initramfs of test guests: one program, written into a cpio archive ("newc") without further tools.

# guest_archive_entry NAME MODE FILE: header, name and contents, each filled up to four bytes.
guest_archive_entry() {
    local name=$1 mode=$2 file=$3 size=0 i
    [ -z "$file" ] || size=$(stat -c %s "$file")
    printf '070701'
    for i in 1 "$((mode))" 0 0 1 0 "$size" 0 0 0 0 $((${#name} + 1)) 0; do printf '%08X' "$i"; done
    printf '%s\0' "$name"
    for ((i = 110 + ${#name} + 1; i % 4; i++)); do printf '\0'; done
    [ -z "$file" ] || cat "$file"
    for ((i = size; i % 4; i++)); do printf '\0'; done
}

# guest_initrd OUT
guest_initrd() {
    local source=$SOURCE_DIR/tests/system/guest/init.c
    "${CC:-cc}" -O2 -Wall -Wextra -static -nostdlib -ffreestanding -fno-pie -no-pie -fno-stack-protector \
        -o "$1.init" "$source" || return
    {
        guest_archive_entry init 0100755 "$1.init"
        guest_archive_entry sbin 040755 ''
        guest_archive_entry sbin/poweroff 0100755 "$1.init"
        guest_archive_entry 'TRAILER!!!' 0 ''
    } >"$1"
    rm "$1.init"
}
