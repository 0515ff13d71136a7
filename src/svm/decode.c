/* SPDX-License-Identifier: BSD-2-Clause */
#include "decode.h"

#include "vmcb.h"

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

static const struct { uint8_t reason, flags; } rows[] = {
#define CODE(code, reason, flags) [code] = { EXIT_##reason, KNOWN | (flags) },
#include "exit_codes.def"
#undef CODE
};

/* An instruction whose length the CPU did not tell has none: whoever steps over it has to look (hv/vmexit.h). */
static uint8_t length(const struct svm_exit_raw *raw)
{
    uint64_t n = raw->next_rip - raw->rip;

    return raw->next_rip != 0 && n <= 15 ? (uint8_t)n : 0;
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

static struct exit_cr decode_cr(const struct svm_exit_raw *raw)
{
    uint64_t code = raw->code;
    struct exit_cr cr = { .cr = code & 0xf, .op = code >= CODE_CR_WRITE ? CR_WRITE : CR_READ };

    if (code == CODE_CR0_SELECTIVE)
        cr.cr = 0;
    cr.gpr = raw->info1 & 0xf;
    cr.undecoded = !(raw->info1 & CR_INFO_VALID);
    return cr;
}

/* APM 15.10.2 */
static struct exit_pio decode_pio(uint64_t i)
{
    return (struct exit_pio){ .port = (uint16_t)(i >> 16), .in = i & BIT(0), .string = i & BIT(2), .rep = i & BIT(3),
                              .size = i & BIT(6) ? 4 : i & BIT(5) ? 2 : 1 };
}

/* APM 15.25.6: what the tables allow is not told, but that there was something. */
static struct exit_ept decode_npf(const struct svm_exit_raw *raw)
{
    uint64_t i = raw->info1;
    bool present = i & PFEC_P;

    return (struct exit_ept){ .gpa = gpa_of(raw->info2), .write = i & PFEC_W, .fetch = i & PFEC_I,
                              .read = !(i & (PFEC_W | PFEC_I)), .readable = present,
                              .executable = present && !(i & PFEC_I), .walk = i & NPF_WALK };
}

static void decode_exception(const struct svm_exit_raw *raw, struct vmexit *x)
{
    uint8_t vector = (uint8_t)(raw->code - CODE_EXCEPTION);
    struct exit_exception e = { .event = { .valid = true, .vector = vector, .type = EVENT_HW_EXCEPTION } };

    e.event.has_error = guest_vector_has_error(vector);
    e.event.error = e.event.has_error ? (uint32_t)raw->info1 : 0;
    if (vector == X86_PF)
        e.qual = raw->info2;
    if (vector == X86_DB)
        e.qual = raw->dr6 & DR6_CAUSES;
    x->reason = EXIT_EXCEPTION;
    x->exc = e;
}

static void decode_range(const struct svm_exit_raw *raw, struct vmexit *x)
{
    if (raw->code < CODE_DR_READ) {
        x->reason = EXIT_CR_ACCESS;
        x->insn_len = length(raw);
        x->cr = decode_cr(raw);
    } else if (raw->code < CODE_EXCEPTION) {
        x->reason = EXIT_DR_ACCESS;
        x->dr = (struct exit_dr){ .dr = raw->code & 0xf, .gpr = raw->info1 & 0xf,
                                  .read = raw->code < CODE_DR_WRITE };
    } else {
        decode_exception(raw, x);
    }
}

static void decode_row(const struct svm_exit_raw *raw, struct vmexit *x)
{
    x->reason = (enum exit_reason)rows[raw->code].reason;
    if (rows[raw->code].flags & LEN)
        x->insn_len = length(raw);
    switch ((int)x->reason) {
    case EXIT_EXTERNAL_IRQ: x->vector = 0; break;
    case EXIT_CR_ACCESS: x->cr = decode_cr(raw); break;
    case EXIT_RDMSR: x->reason = raw->info1 == 1 ? EXIT_WRMSR : EXIT_RDMSR; break;
    case EXIT_PIO:
        x->pio = decode_pio(raw->info1);
        x->insn_len = (uint8_t)(raw->info2 - raw->rip) & 0xf;
        break;
    default: break;
    }
}

void svm_decode(const struct svm_exit_raw *raw, struct vmexit *x)
{
    x->hw_reason = (uint32_t)raw->code;
    x->hw_qual = raw->info1;
    x->insn_len = 0;
    x->cut_short.valid = false;
    if (unlikely(raw->int_info & EVENT_VALID))
        x->cut_short = decode_event(raw->int_info);
    if (raw->code < CODE_EXCEPTION_END) {
        decode_range(raw, x);
    } else if (raw->code < ARRAY_COUNT(rows) && (rows[raw->code].flags & KNOWN)) {
        decode_row(raw, x);
    } else if (raw->code == CODE_NPF) {
        x->reason = raw->info1 & PFEC_RSVD ? EXIT_EPT_MISCONFIG : EXIT_EPT_VIOLATION;
        x->ept = decode_npf(raw);
    } else if ((uint32_t)raw->code == CODE_INVALID) {
        x->reason = EXIT_BAD_STATE;
        x->fail_code = 0;
    } else {
        x->reason = EXIT_UNKNOWN;
    }
}
