# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# What the programs of rung 3 share: one boot of Tenon with the test guest in place of dom0's kernel, a line per test.
# ./test sets SOURCE_DIR and TEST_LOG.
set -u
SOURCE_DIR=${SOURCE_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
TEST_LOG=${TEST_LOG:-$(mktemp -d)}
. "$SOURCE_DIR/tools/testbed/lib.sh"
. "$SOURCE_DIR/tools/testbed/build.sh"
. "$SOURCE_DIR/tools/testbed/disk.sh"
. "$SOURCE_DIR/tools/testbed/machine.sh"
. "$SOURCE_DIR/tools/testbed/watch.sh"

# guest_disk HV_CMDLINE MODULE|none MODULE_CMDLINE: what GRUB boots in RUN_DIR.
guest_disk() {
    need_packages "$RUN_DIR/packages.log" "${DISK_PACKAGES[@]}"
    build_product "$RUN_DIR/build.log"
    disk_boot "$RUN_DIR/boot.img" "$RUN_DIR/disks.log" "$PRODUCT" \
        "console=com1,vga com1=115200,8n1 loglvl=all noreboot ${GUEST_WORKAROUNDS:-} $1" "$2" "$3" none
}

# guest_boot NAME CPUS CMDLINE GUEST_CMDLINE [TIMEOUT]: in Bochs, or as TEST_EMULATOR says (tcg: AMD's SVM). Console in
# CONSOLE_LOG, why it ended in GUEST_END.
# GUEST_KERNEL (a file or "none"), GUEST_MEMORY, GUEST_SEED, GUEST_STALL: other than usual.
guest_boot() {
    local emulator=${TEST_EMULATOR:-bochs} GUEST_WORKAROUNDS=''
    RUN_DIR=$TEST_LOG/$1 CPUS=$2 MEMORY=${GUEST_MEMORY:-256} CONSOLE=file
    mkdir -p "$RUN_DIR"
    CONSOLE_LOG=$RUN_DIR/com1
    trap machine_stop EXIT
    case $emulator in
    bochs)
        GUEST_WORKAROUNDS=$BOCHS_HV_CMDLINE
        need_packages "$RUN_DIR/packages.log" "${MACHINE_BOCHS_PACKAGES[@]}" ;;
    *) need_packages "$RUN_DIR/packages.log" "${MACHINE_QEMU_PACKAGES[@]}" ;;
    esac
    guest_disk "$3" "${GUEST_KERNEL:-$SOURCE_DIR/build/release/guests/guests.elf}" \
        "guest-test cpus=$2 seed=${GUEST_SEED:-1} $4"
    ROOT_DISK=$RUN_DIR/empty.img
    truncate -s 516096 "$ROOT_DISK" "$RUN_DIR/payload.img"
    machine_start "$emulator"
    watch_machine "$CONSOLE_LOG" "${5:-900}" "${GUEST_STALL:-240}"
    GUEST_END=$WATCH_REASON
    machine_stop
    rm -f "$RUN_DIR"/*.img
}

# qemu_boot NAME CMDLINE QEMU_OPTION...: a machine without VMX and SVM; its screen at the end in $RUN_DIR/screen.
qemu_boot() {
    local name=$1 cmdline=$2
    shift 2
    RUN_DIR=$TEST_LOG/$name
    mkdir -p "$RUN_DIR"
    CONSOLE_LOG=$RUN_DIR/com1
    trap machine_stop EXIT
    need_packages "$RUN_DIR/packages.log" "${MACHINE_QEMU_PACKAGES[@]}"
    guest_disk "$cmdline" "$SOURCE_DIR/build/release/guests/guests.elf" guest-test
    : >"$CONSOLE_LOG"
    qemu-system-x86_64 -accel tcg -cpu qemu64,-svm -machine pc -m 64 -display none -net none -no-reboot \
        -serial "file:$CONSOLE_LOG" -monitor "unix:$RUN_DIR/monitor,server=on,wait=off" \
        -drive "file=$RUN_DIR/boot.img,format=raw,if=ide,snapshot=on" "$@" \
        </dev/null >"$RUN_DIR/machine.log" 2>&1 &
    MACHINE_PID=$!
    watch_machine "$CONSOLE_LOG" 600 "${GUEST_STALL:-120}"
    GUEST_END=$WATCH_REASON
    qemu_memory 0xb8000 4000 "$RUN_DIR/screen.raw"
    qemu_memory $((64 * 1048576 - 131072)) 131072 "$RUN_DIR/top.raw"
    machine_stop
    rm -f "$RUN_DIR"/*.img
    # Character and colour by turns, 80 to a line.
    python3 -c 'import sys
raw = open(sys.argv[1], "rb").read()[::2].decode("latin-1")
print("\n".join(raw[i:i + 80].rstrip() for i in range(0, len(raw), 80)))' "$RUN_DIR/screen.raw" >"$RUN_DIR/screen"
}

# qemu_memory ADDRESS SIZE FILE: the machine's physical memory.
qemu_memory() {
    python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.settimeout(20)
def prompt():
    got = b""
    while not got.endswith(b"(qemu) "):
        got += s.recv(4096)
prompt()
s.sendall(f"pmemsave {sys.argv[2]} {sys.argv[3]} \"{sys.argv[4]}\"\n".encode())
prompt()' "$RUN_DIR/monitor" "$@"
}

console_has() { tr -d '\r' <"$CONSOLE_LOG" | grep -aqE -- "$1"; }

# guest_tests LABEL CPUS NAME,NAME,...: a check per test; a test that left no result has failed.
guest_tests() {
    local label=$1 name line
    guest_boot "$label" "$2" "${GUEST_HV_CMDLINE:-}" "run=$3 ${GUEST_CMDLINE:-}" "${GUEST_TIMEOUT:-900}"
    tr -d '\r' <"$CONSOLE_LOG" | grep -a '^guest: ' >&2
    for name in ${3//,/ }; do
        line=$(tr -d '\r' <"$CONSOLE_LOG" | grep -aoE -m1 "^guest: $name (SUCCESS|SKIP|ERROR|FAILURE)$")
        case $line in
        *SUCCESS) echo "ok $name" ;;
        *SKIP) echo "skipped $name" ;;
        *) echo "not ok $name: ${line:-no result; $GUEST_END}" ;;
        esac
    done
    if tr -d '\r' <"$CONSOLE_LOG" | grep -aE 'Panic on CPU|BUG' >&2; then echo "not ok no panic"; fi
}
