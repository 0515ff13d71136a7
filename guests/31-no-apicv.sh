#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The same interrupts without the CPU's help for the virtual APIC.
. "$(dirname "$0")/lib.sh"
GUEST_HV_CMDLINE=apicv=0 guest_tests no-apicv 2 \
    apic_xapic,apic_x2apic,apic_nesting,apic_mov_forms,apic_modes,apic_x2_registers,apic_timer_xapic,apic_timer_x2apic,apic_timer_deadline,irq_shadow,irq_nmi,apic_software_off,events_callback,events_2level_upcall,events_fifo,smp_start,smp_ipi,smp_wake,smp_ping_pong,smp_restart
