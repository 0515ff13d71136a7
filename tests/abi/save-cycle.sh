# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# save-cycle.sh KIND, in the environment of a tool: a guest, its saving (or what KIND says) with the fault that is ordered, its end.
. "$(dirname "$0")/saves.sh"
tool() { "$@"; }

# clean COMMAND...: without the fault.
clean() {
    local TENON_RIG_FAIL='' TENON_RIG_TAG=clean:
    export TENON_RIG_FAIL TENON_RIG_TAG
    "$@"
}

if [ "$1" != restore ]; then
    clean xl create -pq /run/guest.cfg || exit
    clean suspends "$(clean xl domid guest)" &
fi
case $1 in
restore) timeout -k 1 90 xl restore -p /run/saved ;;
save) timeout -k 1 90 xl save guest /run/fault-saved ;;
checkpoint) timeout -k 1 90 xl save -c guest /run/fault-saved ;;
migrate) timeout -k 1 90 xl migrate -s /run/here guest localhost ;;
esac
status=$?
for id in $(clean xl list | awk 'NR > 1 && $(NF - 4) > 0 {print $(NF - 4)}'); do clean xl destroy "$id"; done
wait
exit $status
