/* SPDX-License-Identifier: BSD-2-Clause */
#include <hvm/task_switch.h>

#include <hv/compiler.h>
#include <lib/string.h>

#define RFLAGS_NT 0x4000U
#define SELECTOR_RPL 3U
#define SELECTOR_TI 4U
#define SELECTOR_FLAGS (SELECTOR_RPL | SELECTOR_TI)
#define ERROR_EXT 1U

/* Types of descriptors (SDM tables 3-1 and 3-2), in the attributes of struct guest_seg. */
#define TYPE(attr) ((attr) & 0xfU)
#define TYPE_TSS_BUSY 2U             /* the bit by which a busy TSS differs from one that is not */
#define TYPE_TSS16 1U
#define TYPE_TSS32 9U
#define TYPE_LDT 2U
#define TYPE_CODE 8U
#define TYPE_CONFORMING 4U           /* of code */
#define TYPE_EXPAND_DOWN 4U          /* of data */
#define TYPE_READABLE 2U             /* of code; of data: writable */
#define TYPE_ACCESSED 1U
#define ATTR_S 0x10U
#define ATTR_P 0x80U
#define ATTR_G 0x8000U
#define ATTR_VM86 0xf3U

/*
 * Figures 8-2 and 8-10. EIP, EFLAGS, the general registers and the segments follow one another, all as wide; they are what
 * a task that leaves has saved.
 */
struct tss_layout { uint8_t width, first, segments, ldt, limit; };
static const struct tss_layout tss16 = { .width = 2, .first = 14, .segments = 4, .ldt = 42, .limit = 0x2b };
static const struct tss_layout tss32 = { .width = 4, .first = 32, .segments = 6, .ldt = 96, .limit = 0x67 };
#define TSS_BYTES 0x68U
#define TSS32_CR3 28U
#define TSS32_TRAP 100U
#define TSS_EIP 0U
#define TSS_EFLAGS 1U
#define TSS_GPR 2U
#define TSS_SEGMENT 10U

static const struct tss_layout *layout_of(uint32_t attr)
{
    return attr & TYPE_CODE ? &tss32 : &tss16;
}

static uint32_t field(const uint8_t *image, unsigned int at, unsigned int width)
{
    uint32_t value = 0;

    __builtin_memcpy(&value, image + at, width);
    return value;
}

static uint32_t numbered(const uint8_t *image, const struct tss_layout *l, unsigned int n)
{
    return field(image, l->first + n * l->width, l->width);
}

/* ---- faults ---- */

static enum emul_result fault(struct task_switch *t, uint8_t vector, uint16_t selector)
{
    t->fault_vector = vector;
    t->fault_has_error = true;
    t->fault_error = (selector & ~SELECTOR_RPL) | (t->external ? ERROR_EXT : 0);
    return EMUL_FAULT;
}

/* ---- descriptors ---- */

struct descriptor { gva_t at; struct guest_seg seg; };

static enum emul_result read_descriptor(struct task_switch *t, uint16_t selector, uint8_t vector, struct descriptor *d)
{
    const struct guest_seg *ldt = &t->seg[SEG_LDTR];
    bool local = selector & SELECTOR_TI;
    uint64_t base = local ? ldt->base : t->gdt.base;
    uint32_t limit = local ? ldt->limit : t->gdt.limit;
    enum emul_result r;
    uint8_t b[8];

    if ((local && (ldt->attr & SEG_ATTR_UNUSABLE)) || (selector | 7U) > limit)
        return fault(t, vector, selector);
    d->at = gva_of((uint32_t)(base + (selector & ~SELECTOR_FLAGS)));
    r = t->ops->read(t->ctx, d->at, b, sizeof(b));
    if (r != EMUL_DONE)
        return r;
    d->seg = (struct guest_seg){
        .selector = selector,
        .base = field(b, 2, 2) | (uint32_t)b[4] << 16 | (uint32_t)b[7] << 24,
        .limit = field(b, 0, 2) | (b[6] & 0xfU) << 16,
        .attr = b[5] | (b[6] & 0xf0U) << 8,
    };
    if (d->seg.attr & ATTR_G)
        d->seg.limit = d->seg.limit << 12 | 0xfff;
    return EMUL_DONE;
}

/* The type in memory becomes that in the attributes. */
static enum emul_result write_type(struct task_switch *t, const struct descriptor *d)
{
    uint8_t byte = (uint8_t)d->seg.attr;

    return t->ops->write(t->ctx, gva_of(d->at.v + 5), &byte, 1);
}

/* ---- out of the old task ---- */

static enum emul_result find_tss(struct task_switch *t, struct descriptor *d)
{
    uint8_t vector = t->source == TASK_IRET ? X86_TS : X86_GP;
    uint32_t busy = t->source == TASK_IRET ? TYPE_TSS_BUSY : 0;
    enum emul_result r;

    if ((t->selector & SELECTOR_TI) || !(t->selector & ~SELECTOR_FLAGS))
        return fault(t, vector, t->selector);
    r = read_descriptor(t, t->selector, vector, d);
    if (r != EMUL_DONE)
        return r;
    if ((d->seg.attr & ATTR_S) ||
        (TYPE(d->seg.attr) != (TYPE_TSS16 | busy) && TYPE(d->seg.attr) != (TYPE_TSS32 | busy)))
        return fault(t, vector, t->selector);
    if (!(d->seg.attr & ATTR_P))
        return fault(t, X86_NP, t->selector);
    if (d->seg.limit < layout_of(d->seg.attr)->limit)
        return fault(t, X86_TS, t->selector);
    return EMUL_DONE;
}

static enum emul_result save_old(struct task_switch *t)
{
    const struct tss_layout *l = layout_of(t->seg[SEG_TR].attr);
    uint32_t value[TSS_SEGMENT + 6];
    uint8_t image[sizeof(value)];

    value[TSS_EIP] = t->eip;
    value[TSS_EFLAGS] = t->source == TASK_IRET ? t->eflags & ~RFLAGS_NT : t->eflags;
    for (unsigned int i = 0; i < 8; i++)
        value[TSS_GPR + i] = i == GPR_RSP ? t->esp : (uint32_t)t->regs->gpr[i];
    for (unsigned int i = 0; i < l->segments; i++)
        value[TSS_SEGMENT + i] = t->seg[SEG_ES + i].selector;
    for (unsigned int i = 0; i < TSS_SEGMENT + l->segments; i++)
        __builtin_memcpy(image + i * l->width, &value[i], l->width);
    return t->ops->write(t->ctx, gva_of((uint32_t)(t->seg[SEG_TR].base + l->first)), image,
                         (TSS_SEGMENT + l->segments) * l->width);
}

/* A task that is left for good is no longer busy; one that is called remembers its caller and becomes busy. */
static enum emul_result mark_tasks(struct task_switch *t, struct descriptor *next)
{
    bool nests = t->source == TASK_CALL || t->source == TASK_GATE;
    struct descriptor old;
    enum emul_result r;

    if (nests) {
        r = t->ops->write(t->ctx, gva_of(next->seg.base), &t->seg[SEG_TR].selector, 2);
    } else {
        r = read_descriptor(t, t->seg[SEG_TR].selector, X86_TS, &old);
        if (r == EMUL_DONE) {
            old.seg.attr &= ~TYPE_TSS_BUSY;
            r = write_type(t, &old);
        }
    }
    if (r != EMUL_DONE || t->source == TASK_IRET)
        return r;
    next->seg.attr |= TYPE_TSS_BUSY;
    return write_type(t, next);
}

/* ---- into the new task ---- */

/* A selector whose descriptor is not loaded yet. Code and stack keep the old task's: a handler may have to run on them. */
static void take_selector(struct guest_seg *s, enum seg which, uint16_t selector)
{
    if (which == SEG_CS || which == SEG_SS)
        s->selector = selector;
    else
        *s = (struct guest_seg){ .selector = selector, .attr = SEG_ATTR_UNUSABLE };
}

static void take_state(struct task_switch *t, const struct guest_seg *tr, const uint8_t *image)
{
    const struct tss_layout *l = layout_of(tr->attr);
    bool nests = t->source == TASK_CALL || t->source == TASK_GATE;

    t->seg[SEG_TR] = *tr;
    t->eip = numbered(image, l, TSS_EIP);
    t->eflags = (numbered(image, l, TSS_EFLAGS) | 2U) | (nests ? RFLAGS_NT : 0);
    for (unsigned int i = 0; i < 8; i++) {
        if (i == GPR_RSP)
            t->esp = numbered(image, l, TSS_GPR + i);
        else
            t->regs->gpr[i] = numbered(image, l, TSS_GPR + i);
    }
    for (unsigned int s = SEG_ES; s <= SEG_GS; s++)
        take_selector(&t->seg[s], (enum seg)s, s < l->segments ? (uint16_t)numbered(image, l, TSS_SEGMENT + s) : 0);
    take_selector(&t->seg[SEG_LDTR], SEG_LDTR, (uint16_t)field(image, l->ldt, 2));
    t->debug_trap = l == &tss32 && (image[TSS32_TRAP] & 1);
    t->switched = true;
}

static enum emul_result load_ldt(struct task_switch *t)
{
    uint16_t selector = t->seg[SEG_LDTR].selector;
    struct descriptor d;
    enum emul_result r;

    if (!(selector & ~SELECTOR_FLAGS))
        return EMUL_DONE;
    if (selector & SELECTOR_TI)
        return fault(t, X86_TS, selector);
    r = read_descriptor(t, selector, X86_TS, &d);
    if (r != EMUL_DONE)
        return r;
    if ((d.seg.attr & ATTR_S) || TYPE(d.seg.attr) != TYPE_LDT || !(d.seg.attr & ATTR_P))
        return fault(t, X86_TS, selector);
    t->seg[SEG_LDTR] = d.seg;
    return EMUL_DONE;
}

/* Whether a descriptor suits the register, at the privilege that CS asks for. */
static bool suits(enum seg s, uint32_t attr, unsigned int rpl, unsigned int cpl)
{
    unsigned int dpl = SEG_ATTR_DPL(attr);
    bool code = attr & TYPE_CODE, conforming = code && (attr & TYPE_CONFORMING);

    if (!(attr & ATTR_S))
        return false;
    if (s == SEG_CS)
        return code && (conforming ? dpl <= rpl : dpl == rpl);
    if (s == SEG_SS)
        return !code && (attr & TYPE_READABLE) && dpl == cpl && rpl == cpl;
    return (!code || (attr & TYPE_READABLE)) && (conforming || (dpl >= rpl && dpl >= cpl));
}

static enum emul_result load_segment(struct task_switch *t, enum seg s)
{
    uint16_t selector = t->seg[s].selector;
    unsigned int cpl = t->seg[SEG_CS].selector & SELECTOR_RPL;
    struct descriptor d;
    enum emul_result r;

    if (!(selector & ~SELECTOR_RPL))
        return s == SEG_CS || s == SEG_SS ? fault(t, X86_TS, selector) : EMUL_DONE;
    r = read_descriptor(t, selector, X86_TS, &d);
    if (r != EMUL_DONE)
        return r;
    if (!suits(s, d.seg.attr, selector & SELECTOR_RPL, cpl))
        return fault(t, X86_TS, selector);
    if (!(d.seg.attr & ATTR_P))
        return fault(t, s == SEG_SS ? X86_SS : X86_NP, selector);
    if (!(d.seg.attr & TYPE_ACCESSED)) {
        d.seg.attr |= TYPE_ACCESSED;
        r = write_type(t, &d);
    }
    t->seg[s] = d.seg;
    return r;
}

static enum emul_result load_segments(struct task_switch *t)
{
    static const enum seg order[] = { SEG_CS, SEG_SS, SEG_ES, SEG_DS, SEG_FS, SEG_GS };
    enum emul_result r = EMUL_DONE;

    for (unsigned int i = 0; r == EMUL_DONE && i < ARRAY_COUNT(order); i++) {
        struct guest_seg *s = &t->seg[order[i]];

        if (t->eflags & RFLAGS_VM)
            *s = (struct guest_seg){ .selector = s->selector, .base = (uint64_t)s->selector << 4,
                                     .limit = 0xffff, .attr = ATTR_VM86 };
        else
            r = load_segment(t, order[i]);
    }
    return r;
}

static bool stack_holds(const struct guest_seg *ss, uint32_t first, uint32_t last)
{
    uint32_t top = ss->attr & SEG_ATTR_DB ? UINT32_MAX : 0xffff;

    if (ss->attr & TYPE_EXPAND_DOWN)
        return first > ss->limit && first <= last && last <= top;
    return first <= last && last <= ss->limit;
}

static enum emul_result push_error(struct task_switch *t)
{
    const struct guest_seg *ss = &t->seg[SEG_SS];
    unsigned int width = layout_of(t->seg[SEG_TR].attr)->width;
    uint32_t mask = ss->attr & SEG_ATTR_DB ? UINT32_MAX : 0xffff;
    uint32_t esp = (t->esp & ~mask) | ((t->esp - width) & mask);
    enum emul_result r;

    if (!stack_holds(ss, esp & mask, (esp & mask) + width - 1))
        return fault(t, X86_SS, 0);
    r = t->ops->write(t->ctx, gva_of((uint32_t)(ss->base + (esp & mask))), &t->error, width);
    if (r == EMUL_DONE)
        t->esp = esp;
    return r;
}

/* The new task's own checks: what fails here it will see itself. */
static enum emul_result enter_new(struct task_switch *t, const uint8_t *image)
{
    enum emul_result r;

    if (layout_of(t->seg[SEG_TR].attr) == &tss32 && t->paging &&
        !t->ops->load_cr3(t->ctx, field(image, TSS32_CR3, 4)))
        return fault(t, X86_GP, 0);
    r = load_ldt(t);
    if (r == EMUL_DONE)
        r = load_segments(t);
    if (r == EMUL_DONE && t->has_error)
        r = push_error(t);
    if (r == EMUL_DONE && t->eip > t->seg[SEG_CS].limit)
        r = fault(t, X86_GP, 0);
    return r;
}

enum emul_result task_switch(struct task_switch *t)
{
    uint8_t image[TSS_BYTES] = { 0 };
    struct descriptor next;
    enum emul_result r;

    t->switched = t->debug_trap = false;
    r = find_tss(t, &next);
    if (r == EMUL_DONE)
        r = t->ops->read(t->ctx, gva_of(next.seg.base), image, layout_of(next.seg.attr)->limit + 1U);
    if (r == EMUL_DONE)
        r = save_old(t);
    if (r == EMUL_DONE)
        r = mark_tasks(t, &next);
    if (r != EMUL_DONE)
        return r;
    take_state(t, &next.seg, image);
    return enter_new(t, image);
}
