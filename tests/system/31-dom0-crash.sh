#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A dom0 that crashes is reported, and with noreboot the machine waits.
. "$(dirname "$0")/lib.sh"

cat >"$TEST_LOG/crash.sh" <<'END'
#!/bin/sh
echo c >/proc/sysrq-trigger
sleep 60
END
boot crash --kernel lz4 --batch "$TEST_LOG/crash.sh"
check "the run ends with an error" [ "$BOOT_STATUS" -eq 125 ]
check "dom0's panic is on the console" console_has 'Kernel panic - not syncing: sysrq'
check "Tenon reports the crash" console_has '(Domain|dom)[ -]?0.*crash'
check "Tenon waits" console_has 'Tenon (waits|halts) here'
