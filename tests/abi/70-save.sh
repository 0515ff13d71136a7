#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# xl saves, restores, migrates and dumps guests on Tenon: their memory and registers come back as they were. The guests do not
# run: that one has suspended itself is said by a helper.
. "$(dirname "$(realpath "$0")")/lib.sh"
. "$(dirname "$(realpath "$0")")/saves.sh"
rig_enter "$@"

check 'rigd, oxenstored and xen-init-dom0 start' start_tools oxenstored --preempt --fifo
tool xenconsoled --pid-file=/run/xen/xenconsoled.pid >>"$TEST_LOG/xenconsoled" 2>&1
tool xl list >/dev/null
guest_config /run/guest.cfg guest "$RIG_BUILD/rig_guest" 16 2
make() { tool timeout 60 xl create -p /run/guest.cfg; }
remember() {
    local id
    id=$(tool xl domid guest)
    tool "$RIG_BUILD/rig_memory" "$id" 4096 >"$1" && tool xen-hvmctx "$id" | grep -vi 'tsc\|domain' >"$1.context"
}
# Once for what the heap and dom0's page tables keep.
{ make && remember /run/memory-0 && saved guest /run/saved && restored /run/saved && saved guest /run/saved -c &&
    migrated guest && tool xl destroy guest; } >>"$TEST_LOG/log" 2>&1
before=$(rig_settled)

check 'a guest is made' make
check 'its memory is remembered' eval 'remember /run/memory-1 && [ "$(tr -d "\0" </run/memory-1 | wc -c)" -gt 100 ]'
check 'xl save' saved guest /run/saved
check 'it has gone' is_gone guest
check 'and left nothing behind' is_settled "$before"
check 'xl restore' restored /run/saved
check 'it is there again' has "$(row guest xl list)" ' +16 +1 +--p'
remember /run/memory-2
check 'its memory is the same' cmp /run/memory-1 /run/memory-2
check 'its registers are the same' cmp /run/memory-1.context /run/memory-2.context
check 'xl save -c leaves it there' saved guest /run/checkpoint -c
check 'not shut down' eval 'row guest xl list && ! has "$(row guest xl list)" "s--- "'
check 'xl migrate, live' migrated guest
check 'one guest is there' eval '[ "$(tool xl list | grep -c "^guest")" -eq 1 ]'
remember /run/memory-3
check 'its memory is the same after it' cmp /run/memory-1 /run/memory-3
if [ -n "${TEST_FULL:-}" ]; then   # a call for each of a million pages
    check 'xl dump-core' dumped guest /run/core
    check 'the dump is an ELF file with its memory' eval \
        '[ "$(head -c 4 /run/core | tail -c 3)" = ELF ] && [ "$(stat -c %s /run/core)" -gt $((16 << 20)) ]'
fi
check 'xl destroy' tool timeout 60 xl destroy guest
check 'nothing is left behind' is_settled "$before"
check 'no reference to memory of dead domains is lost' eval '[ "$(rig_report lost_references)" = 0 ]'
# Ended while it is being saved, and while its pages are watched for a migration.
ended_meanwhile() {
    make || return
    "$@" >>"$TEST_LOG/log" 2>&1 &
    sleep 4
    tool timeout 60 xl destroy guest
    wait $!
    ! row guest xl list
}
check 'a guest can be destroyed while it is being saved' ended_meanwhile saved guest /run/half
check 'nothing is left behind of it' is_settled "$before"
check 'a guest can be destroyed while it is being migrated' eval 'ended_meanwhile migrated guest; tool xl list | grep "^guest" | while read -r name rest; do tool xl destroy "$name"; done; true'
check 'nothing is left behind of that' is_settled "$before"
kill "$(cat /run/xen/xenconsoled.pid)" "$(cat /run/xen/xenstored.pid)"
check 'rigd ends without a finding' stop_rigd
