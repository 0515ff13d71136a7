#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# xl saves, restores and migrates an HVM guest with Debian's QEMU: memory, registers and the platform's devices come back as they were.
# The guest has no PV drivers, so xl suspends it by itself.
. "$(dirname "$(realpath "$0")")/lib.sh"
. "$(dirname "$(realpath "$0")")/saves.sh"
rig_enter "$@"

hvm_config() {
    printf 'type = "hvm"\nname = "%s"\nmemory = %s\nvcpus = %s\nvnc = 0\nserial = "null"\nboot = "c"\n' "${@:2}" >"$1"
}
qemu_of() { pgrep -f "xen-domid $1( |\$)"; }
suspends() { :; }
# Devices that tell the time go on, so what they say differs.
remember() {
    local id
    id=$(tool xl domid hvm)
    tool "$RIG_BUILD/rig_memory" "$id" 8192 >"$1" && tool xen-hvmctx "$id" >"$1.all" || return
    grep -viE 'tsc|domain|RTC|HPET|timer|PMTIMER|tmr_val|ACPI PM' "$1.all" >"$1.context"
}
make() { tool timeout 120 xl create -p /run/hvm.cfg; }

check 'xenstored, rigd and xen-init-dom0 start' start_tools xenstored --fifo
tool xenconsoled --pid-file=/run/xen/xenconsoled.pid >>"$TEST_LOG/xenconsoled" 2>&1
tool xl list >/dev/null
hvm_config /run/hvm.cfg hvm 32 2
# Twice for what the heap and dom0's page tables keep: how much of it two QEMUs have mapped at once is chance.
for _ in 1 2; do
    { make && remember /run/memory-0 && saved hvm /run/saved && restored /run/saved && remember /run/memory-0 && saved hvm /run/saved -c &&
        migrated hvm && remember /run/memory-0 && tool xl destroy hvm; } >>"$TEST_LOG/log" 2>&1
done
tool xl destroy hvm >>"$TEST_LOG/log" 2>&1
before=$(rig_settled)
check 'an HVM guest is made' make
check 'its memory is remembered' remember /run/memory-1
check 'xl save' saved hvm /run/saved
check 'it has gone' is_gone hvm
check 'and left nothing behind' is_settled "$before"
check 'xl restore' restored /run/saved
check 'it is there again' has "$(row hvm xl list)" ' +32 +1 +--p'
check 'QEMU serves it' eval 'qemu_of "$(tool xl domid hvm)"'
remember /run/memory-2
check 'its memory is the same' cmp /run/memory-1 /run/memory-2
check 'its registers and devices are the same' diff /run/memory-1.context /run/memory-2.context
check 'xl save -c leaves it there' saved hvm /run/checkpoint -c
check 'not shut down' eval 'row hvm xl list && ! has "$(row hvm xl list)" "s--- "'
check 'xl migrate, live' migrated hvm
check 'one guest is there' eval '[ "$(tool xl list | grep -c "^hvm")" -eq 1 ]'
remember /run/memory-3
check 'its memory is the same after it' cmp /run/memory-1 /run/memory-3
check 'xl destroy' tool timeout 60 xl destroy hvm
check 'nothing is left behind' is_settled "$before"
check 'no reference to memory of dead domains is lost' eval '[ "$(rig_report lost_references)" = 0 ]'
kill "$(cat /run/xen/xenconsoled.pid)" "$(cat /run/xen/xenstored.pid)"
check 'rigd ends without a finding' stop_rigd
