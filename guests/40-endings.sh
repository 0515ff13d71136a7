#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A guest's end in each of its ways: said in a sentence, then the hypervisor waits as noreboot says.
. "$(dirname "$0")/lib.sh"

# ends NAME REGEX SENTENCE: the test guest's ending, and what the console then has.
ends() {
    guest_boot "$1" 1 '' "run=$1"
    tr -d '\r' <"$CONSOLE_LOG" | tail -n 5 >&2
    if console_has "$2" && console_has 'Tenon waits here'; then echo "ok $3"; else echo "not ok $3: $GUEST_END"; fi
}

ends end_triple_fault 'triple fault' 'a triple fault of the guest ends in a sentence'
ends end_halt 'dom0 has shut down' 'a halt with interrupts off ends in a sentence'
ends end_crash 'dom0 crashed' 'a crash is reported'
