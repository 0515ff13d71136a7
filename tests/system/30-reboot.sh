#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# `reboot` in dom0 brings the machine back to GRUB. (Power-off ends every other test.)
. "$(dirname "$0")/lib.sh"

cat >"$TEST_LOG/reboot.sh" <<'END'
#!/bin/sh
reboot -f
sleep 60
END
boot reboot --kernel lz4 --batch "$TEST_LOG/reboot.sh" 2>"$TEST_LOG/reboot.err"
cat "$TEST_LOG/reboot.err" >&2
# QEMU is run with -no-reboot: there the reset ends it.
rebooted() {
    grep -q 'the machine rebooted' "$TEST_LOG/reboot.err" ||
        { [ "${TEST_EMULATOR:-}" = tcg ] && ! grep -q silent "$TEST_LOG/reboot.err" && console_has 'dom0 asked for a reboot'; }
}
check "reboot from dom0 restarts the machine" rebooted
