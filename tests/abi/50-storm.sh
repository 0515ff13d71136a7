#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Senseless hypercalls with hostile memory: rigd, which is Tenon's own code under ASan and UBSan, stays up. Another seed
# each time, printed; RIG_SEED chooses one. TEST_FULL: longer.
. "$(dirname "$(realpath "$0")")/lib.sh"
rig_enter "$@"

SECONDS_EACH=5
[ -z "${TEST_FULL:-}" ] || SECONDS_EACH=60
seed=${RIG_SEED:-$(date +%s)}

for round in 1 2 3; do
    options=(--quiet --hostile)
    [ $round -eq 2 ] || options+=(--preempt --fifo)
    start_rigd "${options[@]}"
    tool "$RIG_BUILD/rig_storm" $((seed + round)) $SECONDS_EACH >>"$TEST_LOG/storm" 2>&1
    check "storm with seed $((seed + round)): $(tail -n 1 "$TEST_LOG/storm" | sed 's/.*: //')" rigd_is_up
    check "seed $((seed + round)): no reference to memory of dead domains is lost" eval \
        '[ "$(rig_report lost_references)" = 0 ] || { rig_report; false; }'
    check "seed $((seed + round)): rigd ends without a finding" stop_rigd
    rm -rf $RIG_RUN
done
