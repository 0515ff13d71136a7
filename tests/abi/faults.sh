# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Every operation that a command asks for is made to fail in turn. Sourced after lib.sh.

ERRNOS=(38)   # ENOSYS
[ -z "${TEST_FULL:-}" ] || ERRNOS=(38 12 14)   # ENOMEM, EFAULT

# operations TAG: what the commands with that tag have asked for.
operations() { sed -n "s/^$1:[^ ]* \([a-z_]*\(\.[a-z0-9_.]*\)*\) .*/\1/p" "$TEST_LOG/trace" | sort -u; }

run_tagged() {
    local tag=$1 fail=$2
    shift 2
    TENON_RIG_TAG="$tag:" TENON_RIG_FAIL=$fail tool timeout -k 1 "${FAULT_TIMEOUT:-30}" "$@" >>"$TEST_LOG/log" 2>&1 </dev/null
}

# with_fault NAME OPERATION COMMAND...: false if a run does not end by itself.
with_fault() {
    local name=$1 operation=$2 errno status good=0
    shift 2
    for errno in "${ERRNOS[@]}"; do
        echo "== $name with $operation=$errno" >>"$TEST_LOG/log"
        run_tagged "$name-fault" "$operation=$errno" "$@"
        status=$?
        echo "$name $operation $errno $status" >>"$TEST_LOG/statuses"
        # 124, 137: it had to be ended. (xl may crash by itself where it does not expect an error.)
        [ $status -ne 124 ] && [ $status -ne 137 ] || { echo "not ok $name ends when $operation fails with $errno (status $status)" && good=1; }
        rigd_is_up || { echo "not ok rigd survives $name with $operation=$errno" && exit 1; }
    done
    return $good
}

# with_faults NAME COMMAND...
with_faults() {
    local name=$1 operation before good=1 all
    shift
    run_tagged "$name" '' "$@" || { echo "not ok $name without a fault" && return; }
    all=$(operations "$name")
    before=$(rig_settled)
    for operation in $all; do
        # oxenstored keeps the page of a guest whose port it cannot bind.
        [ "$operation" = evtchn.6 ] || with_fault "$name" "$operation" "$@" || good=0
    done
    [ $good -eq 0 ] || echo "ok $name ends by itself with each of $(wc -w <<<"$all") operations failing"
    check "$name leaves nothing behind" is_settled "$before"
    ! grep -qx evtchn.6 <<<"$all" || with_fault "$name" evtchn.6 "$@"
}
