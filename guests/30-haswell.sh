#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A CPU with less: no PML, TSC scaling, SMAP, AVX-512. What depends on the CPU is run again.
export BOCHS_CPU=corei7_haswell_4770
. "$(dirname "$0")/lib.sh"
guest_tests haswell 1 \
    entry_registers,cpuid_hidden,cpuid_basics,msr_present,msr_absent,msr_every_one,exception_undefined,exception_traps,apic_xapic,apic_x2apic,apic_timer_deadline,irq_shadow,irq_nmi,fpu_xcr0,fpu_avx,events_2level_upcall,hypercall_32bit
