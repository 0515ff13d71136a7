#!/bin/sh
# Runs in dom0: guests that do all that a guest should not, one after the other, beside one that only wants to go on.
. /root/guests.sh

# How often the well-behaved guest has woken up.
wakes() { tr -d '\r' <witness.console | sed -n 's/^load: wake at [0-9]* done \([0-9]*\) .*/\1/p' | tail -n 1; }
has_woken_since() { now=$(wakes) && [ "${now:-0}" -gt "${1:-0}" ]; }

# attack NAME VCPUS WORDS [LINE...]: until it is gone; what it and the log say; that the other one goes on after that. With the word
# "log" it speaks in the log, without it on its console.
attack() {
    case " $ONLY " in *" $1 "*) ;; *) return ;; esac
    guest "$@"
    xl dmesg -c >/dev/null
    case $3 in
    log*) s "$1-create" xl create "$1.cfg" ;;
    *) s "$1-create" begin "$1" ;;
    esac
    await "${PATIENCE:-400}" is_gone "$1"
    s "$1-gone" is_gone "$1"
    is_gone "$1" || { s "$1-keys" sh -c 'xl debug-keys q; xl vcpu-list' && xl destroy "$1"; }
    echo "=== $1-says"
    touch "$1.console"
    tr -d '\r' <"$1.console"
    xl dmesg
    s "$1-witness" await 60 has_woken_since "$(wakes)"
}

before=$(free)
guest witness 1 'run=load_wake period=20000 report=1000'
s witness begin witness
s witness-wakes await 60 has_woken_since 0
attack calls 1 "log seed=$SEED storm=$STORM rounds=$ROUNDS run=hypercall_cpl3,hypercall_storm,hypercall_storm_32bit"
attack registers 1 "seed=$SEED run=msr_every_write,msr_ranges"
attack ports 1 "seed=$SEED run=ports_every_one,ports_every_write"
attack devices 1 "seed=$SEED rounds=$ROUNDS run=mmio_every_page,mmio_instructions"
attack tables 1 "seed=$SEED rounds=$ROUNDS run=wild_tables,wild_registers,wild_end"
attack events 1 "log seed=$SEED rounds=$ROUNDS run=storm_events"
attack apic 1 "seed=$SEED rounds=$ROUNDS run=storm_apic,storm_timers"
attack grants 2 "seed=$SEED rounds=$ROUNDS run=storm_grants"
attack smp 2 "log seed=$SEED storm=$STORM rounds=$ROUNDS run=hypercall_storm_smp"
attack rewrite 2 "seed=$SEED rounds=$ROUNDS run=rewrite_instructions,rewrite_garbage"
attack initialise 2 "seed=$SEED rounds=$ROUNDS run=storm_initialise"
attack init 2 "seed=$SEED rounds=$ROUNDS run=storm_init"
attack contexts 2 "seed=$SEED rounds=$ROUNDS run=storm_contexts"
attack rings 1 "log seed=$SEED rounds=$ROUNDS run=rings_console,rings_xenstore"
attack platform 2 "seed=$SEED rounds=$ROUNDS run=ports_every_one,ports_every_write,mmio_every_page,mmio_instructions,storm_timers" \
    'type = "hvm"' 'vnc = 0' 'vga = "none"' 'serial = "null"'
attack halt 1 'run=end_halt'
attack triple 1 'run=end_triple_fault'
s list xl list
s console tail -n 3 witness.console
xl destroy witness
s tools pgrep -l 'xenstored|xenconsoled'
sleep 2
after=$(free)
echo "=== memory"
[ "$before" = "$after" ] && echo "the same" || echo "before $before, after $after"
s dom0-log dmesg
s dmesg-end xl dmesg
echo "=== end"
exit 0
