/* SPDX-License-Identifier: BSD-2-Clause */
#include "decode.h"

#include "bits.h"

#include <hv/compiler.h>
#include <vmx/vmx.h>

#define KNOWN 0x80U          /* a row that is there: reason 0 is one too */

/* Exits out of the delivery of an event: exception, task switch, APIC access, EPT violation, EPT
 * misconfiguration, PML full. */
#define CUT_SHORT_REASONS (1ULL << 0 | 1ULL << 9 | 1ULL << 44 | 1ULL << 48 | 1ULL << 49 | 1ULL << 62)
#define CUTS(hw) ((hw) < 64 && (CUT_SHORT_REASONS >> ((hw) & 63) & 1) ? READ_CUT_SHORT : 0)

static const struct exit_row rows[] = {
#define EXIT(name, hw, handler, what, label) [hw] = { EXIT_##name, KNOWN | (what) | CUTS(hw) },
#include <hv/exits.def>
#undef EXIT
};

static uint32_t field(uint64_t value, unsigned int first, unsigned int last)
{
    return (uint32_t)((value >> first) & (BIT(last - first + 1) - 1));
}

struct exit_row exit_row(uint32_t hw_reason)
{
    uint32_t basic = hw_reason & EXIT_REASON_BASIC;

    if (basic >= ARRAY_COUNT(rows) || !(rows[basic].reads & KNOWN))
        return (struct exit_row){ .reason = EXIT_UNKNOWN };
    return (struct exit_row){ rows[basic].reason, rows[basic].reads & (uint8_t)~KNOWN };
}

bool exit_has_gla(enum exit_reason reason, uint64_t qual)
{
    if (reason == EXIT_PIO)
        return qual & BIT(4);          /* string */
    return reason == EXIT_EPT_VIOLATION && (qual & BIT(7));
}

static struct hv_event decode_event(uint32_t info, uint32_t error, uint32_t insn_len)
{
    struct hv_event e = { .valid = info & INTR_VALID };

    if (!e.valid)
        return e;
    e.vector = info & INTR_VECTOR;
    e.type = (info >> INTR_TYPE_SHIFT) & INTR_TYPE;
    e.has_error = info & INTR_HAS_ERROR;
    e.error = e.has_error ? error : 0;
    if (e.type == EVENT_SOFT_INT || e.type == EVENT_SW_EXCEPTION || e.type == EVENT_PRIV_SW_EXCEPTION)
        e.insn_len = (uint8_t)insn_len;
    return e;
}

/* SDM table 28-3 */
static struct exit_cr decode_cr(uint64_t q)
{
    struct exit_cr cr = { .cr = (uint8_t)field(q, 0, 3), .gpr = (uint8_t)field(q, 8, 11) };

    switch (field(q, 4, 5)) {
    case 0: cr.op = CR_WRITE; break;
    case 1: cr.op = CR_READ; break;
    case 2: cr.op = CR_CLTS; break;
    default:
        cr.op = CR_LMSW;
        cr.lmsw = (uint16_t)field(q, 16, 31);
        break;
    }
    return cr;
}

/* SDM table 28-4 */
static struct exit_dr decode_dr(uint64_t q)
{
    return (struct exit_dr){ .dr = (uint8_t)field(q, 0, 2), .gpr = (uint8_t)field(q, 8, 11),
                             .read = q & BIT(4) };
}

/* SDM table 28-5 */
static struct exit_pio decode_pio(uint64_t q, uint64_t gla)
{
    struct exit_pio p = { .port = (uint16_t)field(q, 16, 31), .size = (uint8_t)(field(q, 0, 2) + 1),
                          .in = q & BIT(3), .string = q & BIT(4), .rep = q & BIT(5), .imm = q & BIT(6) };

    if (p.string)
        p.gva = gva_of(gla);
    return p;
}

/* SDM table 28-7 */
static struct exit_ept decode_ept(const struct vmx_exit_raw *raw)
{
    uint64_t q = raw->qual;
    struct exit_ept e = { .gpa = gpa_of(raw->gpa), .read = q & BIT(0), .write = q & BIT(1),
                          .fetch = q & BIT(2), .readable = q & BIT(3), .writable = q & BIT(4),
                          .executable = q & BIT(5), .gva_valid = q & BIT(7),
                          .nmi_unblock = q & BIT(12) };

    if (e.gva_valid) {
        e.gva = gva_of(raw->gla);
        e.walk = !(q & BIT(8));
    }
    return e;
}

/* SDM table 28-6: linear accesses are types 0 (read), 1 (write), 2 (fetch) and 3 (event delivery). */
static struct exit_apic decode_apic(uint64_t q)
{
    uint32_t type = field(q, 12, 15);

    return (struct exit_apic){ .offset = (uint16_t)field(q, 0, 11), .write = type == 1,
                               .fetch = type == 2, .linear = type <= 3 };
}

static struct exit_task_switch decode_task(uint64_t q)
{
    struct exit_task_switch t = { .selector = (uint16_t)field(q, 0, 15) };

    switch (field(q, 30, 31)) {
    case 0: t.source = TASK_CALL; break;
    case 1: t.source = TASK_IRET; break;
    case 2: t.source = TASK_JMP; break;
    default: t.source = TASK_GATE; break;
    }
    return t;
}

static void decode_exception(const struct vmx_exit_raw *raw, struct exit_exception *e)
{
    e->event = decode_event(raw->intr_info, raw->intr_error, raw->insn_len);
    e->qual = raw->qual;
    e->nmi_unblock = raw->intr_info & INTR_NMI_UNBLOCK;
}

static void decode_details(const struct vmx_exit_raw *raw, struct vmexit *x)
{
    switch ((int)x->reason) {
    case EXIT_EXCEPTION: decode_exception(raw, &x->exc); break;
    case EXIT_EXTERNAL_IRQ: x->vector = raw->intr_info & INTR_VECTOR; break;
    case EXIT_EOI_INDUCED: x->vector = (uint8_t)field(raw->qual, 0, 7); break;
    case EXIT_SIPI: x->vector = (uint8_t)field(raw->qual, 0, 7); break;
    case EXIT_CR_ACCESS: x->cr = decode_cr(raw->qual); break;
    case EXIT_DR_ACCESS: x->dr = decode_dr(raw->qual); break;
    case EXIT_PIO: x->pio = decode_pio(raw->qual, raw->gla); break;
    case EXIT_EPT_VIOLATION: x->ept = decode_ept(raw); break;
    case EXIT_EPT_MISCONFIG: x->ept.gpa = gpa_of(raw->gpa); break;
    case EXIT_APIC_ACCESS: x->apic = decode_apic(raw->qual); break;
    case EXIT_APIC_WRITE:
        x->apic = (struct exit_apic){ .offset = (uint16_t)field(raw->qual, 0, 11), .write = true };
        break;
    case EXIT_TASK_SWITCH: x->task = decode_task(raw->qual); break;
    case EXIT_BAD_STATE:
    case EXIT_BAD_MSR_LOAD: x->fail_code = (uint32_t)raw->qual; break;
    default: break;
    }
}

void vmx_decode(const struct vmx_exit_raw *raw, struct vmexit *x)
{
    struct exit_row row = exit_row(raw->reason);

    x->reason = (enum exit_reason)row.reason;
    x->hw_reason = raw->reason;
    x->insn_len = row.reads & READ_LEN ? (uint8_t)raw->insn_len : 0;
    x->hw_qual = row.reads & READ_QUAL ? raw->qual : 0;
    x->cut_short.valid = false;
    if (row.reads & READ_CUT_SHORT)
        x->cut_short = decode_event(raw->vectoring_info, raw->vectoring_error, raw->insn_len);
    if (row.reads & ~READ_LEN)
        decode_details(raw, x);
}
