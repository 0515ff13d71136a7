#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# With --full: twenty boots in a row, at 1, 2 and 4 CPUs, each with another clock and other races.
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77

cat >"$TEST_LOG/list.sh" <<'END'
#!/bin/sh
xl list
END
for i in $(seq 20); do
    cpus=$((1 << i % 3))
    BOCHS_TIME0=$((1790000000 + i * 12345)) BOCHS_QUANTUM=$((i % 2 ? 16 : 5)) \
        boot "boot-$i" --cpus $cpus --batch "$TEST_LOG/list.sh"
    check "boot $i, $cpus CPUs" [ "$BOOT_STATUS" -eq 0 ]
done
