# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The initramfs of test guests: one program, written into a cpio archive ("newc") without further tools; and the boot of a dom0
# that makes such guests. Sourced after lib.sh of the system tests.
. "$SOURCE_DIR/tools/testbed/lib.sh"
. "$SOURCE_DIR/tools/testbed/image.sh"

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

# guest_compile OUT NAME: one program, without a C library; GUEST_CFLAGS="-m32 -isystem /usr/include/x86_64-linux-gnu" makes it one for a 32-bit kernel.
guest_compile() {
    # shellcheck disable=SC2086
    "${CC:-cc}" ${GUEST_CFLAGS:-} -O2 -Wall -Wextra -static -nostdlib -ffreestanding -fno-pie -no-pie \
        -fno-stack-protector -o "$1" "$SOURCE_DIR/tests/system/guest/$2.c"
}

# guest_initrd OUT
guest_initrd() {
    guest_compile "$1.init" init || return
    {
        guest_archive_entry init 0100755 "$1.init"
        guest_archive_entry sbin 040755 ''
        guest_archive_entry sbin/poweroff 0100755 "$1.init"
        guest_archive_entry 'TRAILER!!!' 0 ''
    } >"$1"
    rm "$1.init"
}

# guest_modules DIR MODULE...: the modules with all that they need out of dom0's image (IMAGE_DIR), as DIR/00, 01 ... in
# the order in which they are loaded.
guest_modules() {
    local dir=$1 kernel line name file files=() n=0
    shift
    mkdir -p "$dir"
    kernel=$(debugfs -R 'ls -p /lib/modules' "$IMAGE_DIR/root.img" 2>/dev/null | cut -d/ -f6 | grep -m1 '^[0-9]')
    debugfs -R "cat /lib/modules/$kernel/modules.dep" "$IMAGE_DIR/root.img" 2>/dev/null >"$dir/dep"
    for name; do
        line=$(grep -m1 "/$name\\.ko:" "$dir/dep") || return
        for file in $(echo "${line#*:}" | tr ' ' '\n' | tac) "${line%%:*}"; do
            [[ " ${files[*]} " == *" $file "* ]] || files+=("$file")
        done
    done
    for file in "${files[@]}"; do
        debugfs -R "dump /lib/modules/$kernel/$file $dir/$(printf %02d $n)" "$IMAGE_DIR/root.img" 2>/dev/null || return
        n=$((n + 1))
    done
    rm "$dir/dep"
}

# guest_work_initrd OUT [MODULE...]: the other program, with drivers
guest_work_initrd() {
    local out=$1 file
    shift
    guest_compile "$out.init" work || return
    [ $# -eq 0 ] || guest_modules "$out.modules" "$@" || return
    {
        guest_archive_entry init 0100755 "$out.init"
        if [ $# -gt 0 ]; then
            guest_archive_entry modules 040755 ''
            for file in "$out.modules"/*; do
                guest_archive_entry "modules/$(basename "$file")" 0100644 "$file"
            done
        fi
        guest_archive_entry 'TRAILER!!!' 0 ''
    } >"$out"
    rm -r "$out.init" "$out.modules" 2>/dev/null
    return 0
}

# guest_pvh_boot NAME SCRIPT RUN-OPTION...: dom0 with what PVH guests are made of in /root, and memory left for them.
guest_pvh_boot() {
    guest_initrd "$TEST_LOG/guest-initrd" || exit
    image_make "$TEST_LOG/image.log"
    boot "$1" --kernel lz4 --cmdline "dom0_mem=640M,max:640M guest_loglvl=all run_limit=4000" \
        --add "$IMAGE_DIR/vmlinuz-lz4" --add "$TEST_LOG/guest-initrd" --add "$SOURCE_DIR/tests/system/dom0/guests.sh" \
        --batch "$SOURCE_DIR/tests/system/dom0/$2" "${@:3}"
}
