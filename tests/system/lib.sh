# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# What the system tests share. A test sources this file, boots, and prints a line per check; ./test sets
# SOURCE_DIR and TEST_LOG (a directory of the test's own).

SOURCE_DIR=${SOURCE_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
TEST_LOG=${TEST_LOG:-$(mktemp -d)}

# boot NAME OPTION...: ./run with these options; its output in $TEST_LOG/NAME.out, the console in
# CONSOLE, the exit status in BOOT_STATUS.  From the environment: RUN_PREFIX, a command to put before it, and
# RUN_OPTIONS, more options (for example --hypervisor, to see what another one makes of the test), and
# TEST_EMULATOR (bochs if it is not set: Intel's VMX; tcg: AMD's SVM) where the test does not say which it wants.
boot() {
    local name=$1
    shift
    BOOT_OUT=$TEST_LOG/$name.out
    CONSOLE=$TEST_LOG/$name/com1
    # shellcheck disable=SC2086
    ${RUN_PREFIX:-} "$SOURCE_DIR/run" --log "$TEST_LOG/$name" \
        --emulator "${TEST_EMULATOR:-bochs}" "$@" ${RUN_OPTIONS:-} >"$BOOT_OUT"
    BOOT_STATUS=$?
}

# counted_time CPUS SHIFT MICROSECONDS: QEMU with a clock that counts instructions, each 2^SHIFT ns, so that no other work on
# this host shows in figures. The hypervisor is to be told maxcpus=CPUS.
#
# QEMU 7.2 has its CPUs run by turns, each until some timer of the machine is due. A timer that does nothing (it belongs to
# a network without cards) ends each turn after so many microseconds. Then the next CPU gets a turn of no length at all, in which
# timers are run: so there are twice as many CPUs, in such an order that each of these falls to one that was never started.
counted_time() {
    local i id
    export TEST_EMULATOR=tcg QEMU_TCG=tcg,thread=single
    QEMU_EXTRA="-icount shift=$2,sleep=off -netdev hubport,hubid=0,id=turns"
    QEMU_EXTRA+=" -object filter-buffer,id=turn,netdev=turns,interval=$3"
    QEMU_EXTRA+=" -smp 1,sockets=1,cores=$((2 * $1)),threads=1,maxcpus=$((2 * $1))"
    for ((i = 1; i < 2 * $1; i++)); do
        id=$((i % 2 ? $1 + i / 2 : i / 2))
        QEMU_EXTRA+=" -device EPYC-x86_64-cpu,socket-id=0,core-id=$id,thread-id=0"
    done
    export QEMU_EXTRA
}

# check WHAT COMMAND...: one line of result.
check() {
    local what=$1
    shift
    if "$@" >&2; then echo "ok $what"; else echo "not ok $what"; fi
}

# section NAME: the part of the script's output behind the line "=== NAME".
section() {
    awk -v name="$1" '/^=== /{on = $0 == "=== " name; next} on' "$BOOT_OUT"
}

# section_has NAME REGEX / section_lacks NAME REGEX (case is ignored)
section_has() { section "$1" | grep -aqiE -- "$2"; }
section_lacks() {
    if section "$1" | grep -aiE -- "$2"; then return 1; fi
}

console_has() { tr -d '\r' <"$CONSOLE" | grep -aqE -- "$1"; }

# image_boot NAME IMAGE TITLE RUN-OPTION...: boots an image of ours that tests itself; its lines become checks. TITLE
# begins its last line.
image_boot() {
    local name=$1 image=$2 title=$3 line
    shift 3
    boot "$name" --serial --hypervisor "$SOURCE_DIR/build/release/$image" --mem 512 --timeout 900 "$@"
    while IFS= read -r line; do
        case $line in
        '(XEN) ok '*) echo "ok $name: ${line#(XEN) ok }" ;;
        '(XEN) not ok '*) echo "not ok $name: ${line#(XEN) not ok }" ;;
        esac
    done < <(tr -d '\r' <"$CONSOLE")
    check "$name: the test comes to its end" console_has "$title: [0-9]+ CPUs, 0 failures"
}
