/* SPDX-License-Identifier: BSD-2-Clause */
#include "decode.h"

#include <guestcpu/rules.h>
#include <hv/compiler.h>

#define LEN 0x40U
#define KNOWN 0x80U

#define CODE_CR_WRITE 0x10U
#define CODE_DR_READ 0x20U
#define CODE_DR_WRITE 0x30U
#define CODE_EXCEPTION 0x40U
#define CODE_EXCEPTION_END 0x60U
#define CODE_CR0_SELECTIVE 0x65U
#define CODE_NPF 0x400U
#define CODE_INVALID UINT32_MAX         /* of all 64 bits; QEMU writes the lower half */

#define CR_INFO_VALID BIT(63)           /* decode assists: a MOV, and its register */
#define NPF_WALK BIT(33)                /* in the walk of the guest's own tables */
#define DR6_CAUSES 0x600fULL

struct exit_row { uint8_t reason, flags; };
static const struct exit_row rows[] = {
#define CODE(code, reason, flags) [code] = { EXIT_##reason, KNOWN | (flags) },
#include "exit_codes.def"
#undef CODE
};

/* An instruction whose length the CPU did not tell has none: whoever steps over it has to look (hv/vmexit.h). */
static uint8_t length(const struct vmcb *b)
{
    uint64_t n = b->next_rip - b->rip;

    return b->next_rip != 0 && n <= 15 ? (uint8_t)n : 0;
}

/*
 * Of what software raised, nothing is delivered again: RIP is at the instruction still, which simply runs once more.
 */
static struct hv_event decode_event(uint64_t info)
{
    uint64_t type = (info >> EVENT_TYPE_SHIFT) & EVENT_TYPE;
    struct hv_event e = { .valid = true, .vector = (uint8_t)(info & EVENT_VECTOR) };

    if (type == SVM_EVENT_SOFT_INT ||
        (type == SVM_EVENT_EXCEPTION && (e.vector == X86_BP || e.vector == X86_OF)))
        return (struct hv_event){ 0 };
    e.type = type == SVM_EVENT_INTR ? EVENT_EXTINT : type == SVM_EVENT_NMI ? EVENT_NMI : EVENT_HW_EXCEPTION;
    e.has_error = info & EVENT_HAS_ERROR;
    e.error = e.has_error ? (uint32_t)(info >> EVENT_ERROR_SHIFT) : 0;
    return e;
}

/* A page fault had set CR2 before its delivery began. */
static noinline_fn void decode_cut_short(const struct vmcb *b, struct vmexit *x)
{
    x->cut_short = decode_event(b->exit_int_info);
    x->cut_short.cr2 = b->cr2;
}

static struct exit_cr decode_cr(const struct vmcb *b)
{
    uint64_t code = b->exit_code;
    struct exit_cr cr = { .cr = code & 0xf, .op = code >= CODE_CR_WRITE ? CR_WRITE : CR_READ };

    if (code == CODE_CR0_SELECTIVE)
        cr.cr = 0;
    cr.gpr = b->exit_info1 & 0xf;
    cr.undecoded = !(b->exit_info1 & CR_INFO_VALID);
    return cr;
}

/* APM 15.10.2; info2 is the RIP behind the instruction, on any CPU. */
static void decode_pio(const struct vmcb *b, struct vmexit *x)
{
    uint64_t i = b->exit_info1;

    x->pio.port = (uint16_t)(i >> 16);
    x->pio.size = i & BIT(6) ? 4 : i & BIT(5) ? 2 : 1;
    x->pio.in = i & BIT(0);
    x->pio.string = i & BIT(2);
    x->pio.rep = i & BIT(3);
    x->pio.imm = false;
    x->pio.gva = gva_of(0);
    x->insn_len = (uint8_t)(b->exit_info2 - b->rip) & 0xf;
}

/* APM 15.25.6: what the tables allow is not told, but that there was something. */
static void decode_npf(const struct vmcb *b, struct vmexit *x)
{
    uint64_t i = b->exit_info1;
    bool present = i & PFEC_P;

    x->reason = i & PFEC_RSVD ? EXIT_EPT_MISCONFIG : EXIT_EPT_VIOLATION;
    x->ept = (struct exit_ept){ .gpa = gpa_of(b->exit_info2) };
    x->ept.write = i & PFEC_W;
    x->ept.fetch = i & PFEC_I;
    x->ept.read = !(i & (PFEC_W | PFEC_I));
    x->ept.readable = present;
    x->ept.executable = present && !(i & PFEC_I);
    x->ept.walk = i & NPF_WALK;
}

static noinline_fn void decode_exception(const struct vmcb *b, struct vmexit *x)
{
    uint8_t vector = (uint8_t)(b->exit_code - CODE_EXCEPTION);
    struct exit_exception e = { .event = { .valid = true, .vector = vector, .type = EVENT_HW_EXCEPTION } };

    e.event.has_error = guest_vector_has_error(vector);
    e.event.error = e.event.has_error ? (uint32_t)b->exit_info1 : 0;
    if (vector == X86_PF)
        e.qual = b->exit_info2;
    if (vector == X86_DB)
        e.qual = b->dr6 & DR6_CAUSES;
    x->reason = EXIT_EXCEPTION;
    x->exc = e;
}

static void decode_range(const struct vmcb *b, struct vmexit *x)
{
    if (b->exit_code < CODE_DR_READ) {
        x->reason = EXIT_CR_ACCESS;
        x->insn_len = length(b);
        x->cr = decode_cr(b);
    } else if (b->exit_code < CODE_EXCEPTION) {
        x->reason = EXIT_DR_ACCESS;
        x->dr = (struct exit_dr){ .dr = b->exit_code & 0xf, .gpr = b->exit_info1 & 0xf,
                                  .read = b->exit_code < CODE_DR_WRITE };
    } else {
        decode_exception(b, x);
    }
}

static void decode_row(const struct vmcb *b, struct exit_row row, struct vmexit *x)
{
    enum exit_reason reason = (enum exit_reason)row.reason;

    x->reason = reason;
    if (row.flags & LEN)
        x->insn_len = length(b);
    switch ((int)reason) {
    case EXIT_EXTERNAL_IRQ: x->vector = 0; break;
    case EXIT_CR_ACCESS: x->cr = decode_cr(b); break;
    case EXIT_RDMSR: x->reason = b->exit_info1 == 1 ? EXIT_WRMSR : EXIT_RDMSR; break;
    case EXIT_PIO: decode_pio(b, x); break;
    default: break;
    }
}

void svm_decode(const struct vmcb *b, struct vmexit *x)
{
    uint64_t code = b->exit_code;

    x->hw_reason = (uint32_t)code;
    x->hw_qual = b->exit_info1;
    x->insn_len = 0;
    x->cut_short.valid = false;
    if (unlikely(b->exit_int_info & EVENT_VALID))
        decode_cut_short(b, x);
    if (code < CODE_EXCEPTION_END) {
        decode_range(b, x);
    } else if (code < ARRAY_COUNT(rows) && (rows[code].flags & KNOWN)) {
        decode_row(b, rows[code], x);
    } else if (code == CODE_NPF) {
        decode_npf(b, x);
    } else if ((uint32_t)code == CODE_INVALID) {
        x->reason = EXIT_BAD_STATE;
        x->fail_code = 0;
    } else {
        x->reason = EXIT_UNKNOWN;
    }
}
