#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The scheduler's boot parameters on two CPUs, and a trace taken with Debian's xentrace.
. "$(dirname "$0")/lib.sh"
export TEST_EMULATOR=${TEST_EMULATOR:-tcg}

works() {
    check "$1: dom0 works with all its CPUs busy" section_has load '^status 0$'
    check "$1: a vCPU is pinned and unpinned" section_has pin '^status 0$'
    check "$1: a CPU leaves the pool for another one with the null scheduler, and comes back" eval \
        'section_has pool "^other +1$" && section_has pool "^status 0$"'
}

boot null --cpus 2 --kernel lz4 --cmdline 'sched=null' --batch "$SOURCE_DIR/tests/system/dom0/sched-boot.sh"
check 'sched=null: the script comes to its end' [ "$BOOT_STATUS" -eq 0 ]
check 'sched=null: xl info says so' section_has info 'xen_scheduler *: null$'
check 'sched=null: each vCPU has a CPU of its own' eval \
    'section_has key "CPU 0 belongs to d0v[01]" && section_has key "CPU 1 belongs to d0v[01]"'
works sched=null

boot runqueue --cpus 2 --kernel lz4 --cmdline 'credit2_runqueue=cpu sched_ratelimit_us=500' \
    --batch "$SOURCE_DIR/tests/system/dom0/sched-boot.sh"
check 'credit2_runqueue=cpu: the script comes to its end' [ "$BOOT_STATUS" -eq 0 ]
check 'credit2_runqueue=cpu: two run queues of one CPU' eval \
    'section_has key "run queue 0: 1 CPUs" && section_has key "run queue 1: 1 CPUs"'
check 'sched_ratelimit_us=500' section_has parameters 'ratelimit=500us'
works credit2_runqueue=cpu

boot trace --cpus 2 --kernel lz4 --batch "$SOURCE_DIR/tests/system/dom0/trace.sh"
check 'trace: the script comes to its end' [ "$BOOT_STATUS" -eq 0 ]
check 'xentrace takes a trace' section_has trace '^status 0$'
check 'xenalyze reads it' section_has summary '^status 0$'
check 'with exits of dom0' eval \
    'section_has summary "-- Domain 0 --" && section_has summary "(VMEXIT_|)CPUID +[1-9]"'
check 'and hypercalls' section_has summary 'VMM?CALL +[1-9]'
check 'and runstates' section_has summary 'running:'
check 'a trace of scheduling alone' section_has small '^status 0$'
