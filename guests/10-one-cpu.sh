#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What a guest with one CPU sees of it, and the hypercall door.
. "$(dirname "$0")/lib.sh"
guest_tests one-cpu 1 \
    entry_registers,entry_start_info,entry_memory_map,entry_ram_is_there,cpuid_xen_leaves,cpuid_hidden,cpuid_apic_ids,cpuid_out_of_range,cpuid_basics,msr_present,msr_absent,msr_every_one,msr_every_write,msr_efer,msr_keep_values,msr_hypercall_page,hypercall_versions,hypercall_holes,hypercall_registers,hypercall_cpl3,hypercall_32bit,hypercall_bad_pointers,hypercall_page_edges,hypercall_multicall,exception_undefined,exception_pf,exception_cpl3,exception_cpl3_pf,exception_traps,task_switches,task_switches_pae,paging_pae,exception_gp
