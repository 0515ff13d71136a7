#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every operation of xl save, save -c, restore and migrate is made to fail in turn: the command ends by itself, the guest can be
# destroyed, and nothing is left behind. Only with TEST_FULL.
. "$(dirname "$(realpath "$0")")/lib.sh"
. "$(dirname "$(realpath "$0")")/faults.sh"
. "$(dirname "$(realpath "$0")")/saves.sh"
[ -n "${TEST_FULL:-}" ] || exit 77
rig_enter "$@"
ERRNOS=(22)   # EINVAL
FAULT_TIMEOUT=120

export RIG_BUILD
CYCLE=$(dirname "$(realpath "$0")")/save-cycle.sh

check 'rigd, oxenstored and xen-init-dom0 start' start_tools oxenstored
tool xenconsoled --pid-file=/run/xen/xenconsoled.pid >>"$TEST_LOG/xenconsoled" 2>&1
guest_config /run/guest.cfg guest "$RIG_BUILD/rig_guest" 8 2
printf '#!/bin/sh\nshift\nexec sh -c "$*"\n' >/run/here
chmod +x /run/here
tool xl create -p /run/guest.cfg >>"$TEST_LOG/log" 2>&1
saved guest /run/saved >>"$TEST_LOG/log" 2>&1
tool bash "$CYCLE" migrate >>"$TEST_LOG/log" 2>&1
for kind in save checkpoint restore migrate; do
    with_faults $kind bash "$CYCLE" $kind
done
kill "$(cat /run/xen/xenconsoled.pid)" "$(cat /run/xen/xenstored.pid)"
check 'rigd ends without a finding' stop_rigd
