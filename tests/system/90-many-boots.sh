#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# With --full: twenty boots in a row, at 1, 2 and 4 CPUs, each with another clock and other races. Every other
# one goes on the second core.
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77

cat >"$TEST_LOG/list.sh" <<'END'
#!/bin/sh
xl list
END

# boots FIRST: every second one from there.
boots() {
    local i cpus
    for ((i = $1; i <= 20; i += 2)); do
        cpus=$((1 << i % 3))
        BOCHS_TIME0=$((1790000000 + i * 12345)) BOCHS_QUANTUM=$((i % 2 ? 16 : 5)) \
            boot "boot-$i" --kernel lz4 --cpus $cpus --batch "$TEST_LOG/list.sh"
        check "boot $i, $cpus CPUs" [ "$BOOT_STATUS" -eq 0 ]
    done
}

boots 1 >"$TEST_LOG/odd" &
boots 2
wait
cat "$TEST_LOG/odd"
