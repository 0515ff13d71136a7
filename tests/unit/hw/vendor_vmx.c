/* SPDX-License-Identifier: BSD-2-Clause */
#include "../vmx/world.h"

#include "vendors.h"

#include <hw/hw.h>

static struct world *w;
static struct act next;
static struct told at_entry;

static const uint8_t reasons[] = {
    [DO_CPUID] = 10, [DO_HLT] = 12, [DO_HYPERCALL] = 18, [DO_RDMSR] = 31, [DO_WRMSR] = 32, [DO_XSETBV] = 55,
    [DO_WBINVD] = 54, [DO_PAUSE] = 40, [DO_RDTSC] = 16, [DO_INVD] = 13, [DO_MONITOR] = 39, [DO_MWAIT] = 36,
    [DO_RDPMC] = 15, [DO_TRIPLE_FAULT] = 2, [DO_IRQ_WINDOW] = 7, [DO_INIT] = 3, [DO_HOST_IRQ] = 1, [DO_PIO] = 30,
    [DO_CR] = 28, [DO_DR] = 29, [DO_EXCEPTION] = 0, [DO_SLAT_FAULT] = 48,
};

static uint64_t qualification(void)
{
    const struct exit_pio *p = &next.pio;
    const struct exit_ept *e = &next.ept;

    switch (next.kind) {
    case DO_PIO:
        return (p->size - 1U) | (uint64_t)p->in << 3 | (uint64_t)p->string << 4 | (uint64_t)p->rep << 5 |
               (uint64_t)p->port << 16;
    case DO_CR: return next.cr.cr | (next.cr.op == CR_READ ? 1U << 4 : 0) | (uint64_t)next.cr.gpr << 8;
    case DO_DR: return next.dr.dr | (uint64_t)next.dr.read << 4 | (uint64_t)next.dr.gpr << 8;
    case DO_EXCEPTION: return next.exc.qual;
    case DO_SLAT_FAULT:
        return (uint64_t)e->read | (uint64_t)e->write << 1 | (uint64_t)e->fetch << 2 | (uint64_t)e->readable << 3 |
               (uint64_t)e->executable << 5 | 1U << 7 | (uint64_t)!e->walk << 8;
    default: return 0;
    }
}

static uint32_t information(const struct hv_event *e)
{
    return e->valid ? 1U << 31 | (uint32_t)e->has_error << 11 | (uint32_t)e->type << 8 | e->vector : 0;
}

static void guest(struct hw_vcpu *v, bool launch)
{
    uint32_t info = (uint32_t)vmcs_fake_get(CTL_ENTRY_INTR_INFO.encoding);
    uint8_t type = info >> 8 & 7;

    (void)v;
    (void)launch;
    at_entry = (struct told){ .valid = info >> 31, .vector = (uint8_t)info, .type = type, .has_error = info & 1U << 11 };
    if (at_entry.has_error)
        at_entry.error = (uint32_t)vmcs_fake_get(CTL_ENTRY_ERROR_CODE.encoding);
    at_entry.pushed_rip = vmcs_fake_get(GUEST_RIP.encoding);
    if (type == EVENT_SOFT_INT || type == EVENT_SW_EXCEPTION)
        at_entry.pushed_rip += vmcs_fake_get(CTL_ENTRY_INSN_LEN.encoding);
    if (at_entry.valid && type == EVENT_NMI)
        vmcs_fake_set(GUEST_INTERRUPTIBILITY.encoding, BLOCKED_BY_NMI);
    else if (next.shadow)
        vmcs_fake_set(GUEST_INTERRUPTIBILITY.encoding, BLOCKED_BY_STI);
    vmcs_fake_set(INFO_EXIT_REASON.encoding, reasons[next.kind]);
    vmcs_fake_set(INFO_INSN_LEN.encoding, next.cut_short.valid ? next.cut_short.insn_len : next.length);
    vmcs_fake_set(INFO_QUALIFICATION.encoding, qualification());
    vmcs_fake_set(INFO_GUEST_PHYSICAL.encoding, next.ept.gpa.v);
    vmcs_fake_set(INFO_VECTORING_INFO.encoding, information(&next.cut_short));
    vmcs_fake_set(INFO_VECTORING_ERROR_CODE.encoding, next.cut_short.error);
    vmcs_fake_set(INFO_INTR_INFO.encoding, information(&next.exc.event));
    vmcs_fake_set(INFO_INTR_ERROR_CODE.encoding, next.exc.event.error);
    if (next.cut_short.valid)
        v->regs.cr2 = next.cut_short.cr2;
}

static struct hw_vcpu *up(void)
{
    w = world_new(CAPS_bochs_skylake_x);
    hw_choose();
    vmcs_fake_guest(guest);
    return &w->v;
}

static void down(void)
{
    void *world = w;

    (void)world_teardown(&world);
}

static void does(const struct act *act) { next = *act; }
static struct told told(void) { return at_entry; }

static bool waits_for_irq(void) { return vmcs_fake_get(CTL_CPU_BASED.encoding) & CPU_IRQ_WINDOW; }

static bool iret_faults;

static void guest_irets(struct hw_vcpu *v, bool launch)
{
    (void)v;
    (void)launch;
    vmcs_fake_set(GUEST_INTERRUPTIBILITY.encoding, 0);           /* either way: the CPU has begun */
    vmcs_fake_set(INFO_VECTORING_INFO.encoding, 0);
    vmcs_fake_set(INFO_EXIT_REASON.encoding, iret_faults ? 48 : 8);
    vmcs_fake_set(INFO_QUALIFICATION.encoding, iret_faults ? 0x1081 : 0);
}

static void iret(bool faults, struct vmexit *last)
{
    iret_faults = faults;
    vmcs_fake_guest(guest_irets);
    hw_enter(&w->v, last);
    vmcs_fake_guest(guest);
}

const struct vendor vendor_vmx = { "VMX", true, false, up, down, does, told, waits_for_irq, iret };
