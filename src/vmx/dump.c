/* SPDX-License-Identifier: BSD-2-Clause */
/* One screen of state for a crash. */
#include <vmx/vmx.h>

#include "cpu.h"
#include "vmcs.h"

#include <guestcpu/dump.h>
#include <lib/log.h>

static void dump_segments(struct hw_vcpu *v)
{
    struct guest_seg s;
    struct guest_table gdt, idt;

    for (enum seg i = SEG_ES; i < SEG_COUNT; i++) {
        vmx_get_seg(v, i, &s);
        guest_dump_segment(i, &s);
    }
    vmx_get_table(v, false, &gdt);
    vmx_get_table(v, true, &idt);
    log_err("GDT %016lx limit %04x  IDT %016lx limit %04x", gdt.base, gdt.limit, idt.base, idt.limit);
}

/* Everything that is not in what was shown already, in rows of three. */
static void dump_fields(void)
{
    uint64_t value[3];
    const char *name[3];
    unsigned int n = 0;

    for (unsigned int i = 0; i < vmcs_field_count; i++) {
        unsigned int kind = (vmcs_fields[i].encoding >> 10) & 3;

        if (kind == 2 || kind == 3 || !insn_vmread(vmcs_fields[i].encoding, &value[n]) || value[n] == 0)
            continue;
        name[n++] = vmcs_fields[i].name;
        if (n < 3)
            continue;
        log_err("%s %lx  %s %lx  %s %lx", name[0], value[0], name[1], value[1], name[2], value[2]);
        n = 0;
    }
    for (unsigned int i = 0; i < n; i++)
        log_err("%s %lx", name[i], value[i]);
}

void vmx_dump(struct hw_vcpu *v)
{
    struct hw_vcpu *previous = vmx_borrow(v);

    log_err("RIP %016lx RSP %016lx RFLAGS %08lx", vmx_get_rip(v), vmx_get_rsp(v), vmx_get_rflags(v));
    guest_dump_registers(&v->regs);
    log_err("CR0 %lx (real %lx) CR3 %lx CR4 %lx (real %lx) EFER %lx", vmx_get_cr(v, 0),
            vmreadn(GUEST_CR0), vmx_get_cr(v, 3), vmx_get_cr(v, 4), vmreadn(GUEST_CR4), vmx_get_efer(v));
    dump_segments(v);
    log_err("interruptibility %x activity %x pending debug %lx DR7 %lx", vmread32(GUEST_INTERRUPTIBILITY),
            vmread32(GUEST_ACTIVITY), vmreadn(GUEST_PENDING_DEBUG), vmreadn(GUEST_DR7));
    dump_fields();
    vmx_give_back(v, previous);
}
