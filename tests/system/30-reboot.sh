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
check "reboot from dom0 restarts the machine" grep -q 'the machine rebooted' "$TEST_LOG/reboot.err"
