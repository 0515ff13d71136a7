/* SPDX-License-Identifier: BSD-2-Clause */
#include "../svm/world.h"

#include "vendors.h"

#include <hw/hw.h>

static struct world *w;
static struct act next;
static struct told at_entry;
static unsigned int steps;

static const uint16_t codes[] = {
    [DO_CPUID] = 0x72, [DO_HLT] = 0x78, [DO_HYPERCALL] = 0x81, [DO_RDMSR] = 0x7c, [DO_WRMSR] = 0x7c, [DO_XSETBV] = 0x8d,
    [DO_WBINVD] = 0x89, [DO_PAUSE] = 0x77, [DO_RDTSC] = 0x6e, [DO_INVD] = 0x76, [DO_MONITOR] = 0x8a, [DO_MWAIT] = 0x8b,
    [DO_RDPMC] = 0x6f, [DO_TRIPLE_FAULT] = 0x7f, [DO_IRQ_WINDOW] = 0x64, [DO_INIT] = 0x63, [DO_HOST_IRQ] = 0x60,
    [DO_PIO] = 0x7b, [DO_CR] = 0, [DO_DR] = 0x20, [DO_EXCEPTION] = 0x40, [DO_SLAT_FAULT] = 0x400,
};

static uint64_t code(void)
{
    switch (next.kind) {
    case DO_CR: return next.cr.op == CR_READ ? next.cr.cr : 0x10U + next.cr.cr;
    case DO_DR: return (next.dr.read ? 0x20U : 0x30U) + next.dr.dr;
    case DO_EXCEPTION: return 0x40U + next.exc.event.vector;
    default: return codes[next.kind];
    }
}

static uint64_t info1(void)
{
    const struct exit_pio *p = &next.pio;
    const struct exit_ept *e = &next.ept;

    switch (next.kind) {
    case DO_WRMSR: return 1;
    case DO_PIO:
        return (uint64_t)p->in | (uint64_t)p->string << 2 | (uint64_t)p->rep << 3 | (uint64_t)p->size << 4 |
               (uint64_t)p->port << 16;
    case DO_CR: return svm_features.decode_assists ? 1ULL << 63 | next.cr.gpr : 0;
    case DO_DR: return next.dr.gpr;
    case DO_EXCEPTION: return next.exc.event.error;
    case DO_SLAT_FAULT:
        return (uint64_t)(e->readable || e->executable) | (uint64_t)e->write << 1 | 4U | (uint64_t)e->fetch << 4 |
               (e->walk ? 1ULL << 33 : 1ULL << 32);
    default: return 0;
    }
}

static uint64_t information(const struct hv_event *e)
{
    uint64_t type = e->type == EVENT_SW_EXCEPTION ? (uint64_t)EVENT_HW_EXCEPTION : e->type;

    return e->valid ? 1ULL << 31 | (uint64_t)e->has_error << 11 | type << 8 | e->vector | (uint64_t)e->error << 32 : 0;
}

/* What the CPU delivers as it enters: an injected event, or a virtual interrupt that is not intercepted. */
static uint64_t delivered(struct vmcb *b)
{
    if (!(b->vintr & VINTR_IRQ) || (b->intercepts1 & SVM1_VINTR))
        return b->event_inj;
    b->vintr &= ~VINTR_IRQ;
    return 1ULL << 31 | (b->vintr & VINTR_VECTOR) >> VINTR_VECTOR_SHIFT;
}

static void guest(struct hw_vcpu *v, struct vmcb *b)
{
    uint64_t e = delivered(b);

    (void)v;
    at_entry = (struct told){ .valid = e >> 31 & 1, .vector = (uint8_t)e, .type = e >> 8 & 7, .has_error = e >> 11 & 1,
                              .error = (uint32_t)(e >> 32), .pushed_rip = b->rip };
    if (at_entry.type == EVENT_HW_EXCEPTION && (at_entry.vector == X86_BP || at_entry.vector == X86_OF))
        at_entry.type = EVENT_SW_EXCEPTION;
    b->exit_code = code();
    b->exit_info1 = info1();
    b->exit_info2 = next.kind == DO_PIO ? b->rip + next.length : next.kind == DO_EXCEPTION ? next.exc.qual : next.ept.gpa.v;
    b->next_rip = b->rip + next.length;
    b->exit_int_info = information(&next.cut_short);
    b->interrupt_shadow = next.shadow;
    if (next.cut_short.valid)
        b->cr2 = next.cut_short.cr2;
}

static struct hw_vcpu *start(uint32_t features)
{
    w = world_new(features, 16);
    hw_choose();
    svm_fake_guest(guest);
    return &w->v;
}

static struct hw_vcpu *up(void) { return start(EDX_FULL); }
static struct hw_vcpu *up_plain(void) { return start(EDX_PLAIN); }

static void down(void)
{
    void *world = w;

    (void)world_teardown(&world);
}

static void does(const struct act *act) { next = *act; }
static struct told told(void) { return at_entry; }

/* A virtual interrupt that is not masked by priority, and whose delivery exits. */
static bool waits_for_irq(void)
{
    const struct vmcb *b = vmcb_of(&w->v);

    return (b->vintr & VINTR_IRQ) && (b->vintr & VINTR_IGNORE_TPR) && (b->intercepts1 & SVM1_VINTR);
}

static bool iret_faults;

static void missing_page(struct vmcb *b)
{
    b->exit_code = 0x400;
    b->exit_info1 = 4;
}

/* With vNMI the CPU clears the mask itself; else the IRET exits first, then is stepped over. */
static void guest_irets(struct hw_vcpu *v, struct vmcb *b)
{
    (void)v;
    if (steps++ == 0 && (b->intercepts1 & SVM1_IRET)) {
        b->exit_code = 0x74;
        b->rip = 0x5000;
    } else if (iret_faults) {
        missing_page(b);
    } else {
        b->vintr &= ~VINTR_NMI_MASK;
        b->exit_code = b->rflags & RFLAGS_TF ? 0x41 : 0x64;
        b->dr6 = b->rflags & RFLAGS_TF ? 0xffff4ff0 : 0xffff0ff0;
        b->rip = 0x6000;
        b->rflags = RFLAGS_IF | 2;
    }
}

static void iret(bool faults, struct vmexit *last)
{
    iret_faults = faults;
    steps = 0;
    svm_fake_guest(guest_irets);
    do
        hw_enter(&w->v, last);
    while (steps < 2);
    svm_fake_guest(guest);
}

const struct vendor vendor_svm = { "SVM", true, true, up, down, does, told, waits_for_irq, iret };
const struct vendor vendor_svm_plain = { "SVM without its extensions", false, true, up_plain, down, does, told,
                                         waits_for_irq, iret };
