#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Interrupts, event channels, time, grants, memory, ports: what one CPU uses of the virtual machine.
. "$(dirname "$0")/lib.sh"
guest_tests platform 1 \
    apic_xapic,apic_x2apic,apic_nesting,apic_mov_forms,apic_modes,apic_x2_registers,apic_timer_xapic,apic_timer_x2apic,apic_timer_deadline,irq_shadow,irq_nmi,apic_software_off,fpu_xcr0,fpu_avx,fpu_avx512,memory_balloon,memory_move,memory_nothing_there,memory_instructions,memory_rom,memory_ioapic,grants_map,grants_refuse,grants_copy,time_pvclock,time_wallclock,time_poll,time_areas,events_callback,events_2level_upcall,events_poll,events_timer,events_interdomain,events_fifo,ports_every_one,ports_absent,ports_pci,ports_rtc,ports_strings
