/* SPDX-License-Identifier: BSD-2-Clause */
/* What a CPU without decode assists and saved next RIP leaves to be read from the guest's code. */
#include "exits.h"

#include <hvm/system_insn.h>
#include <lib/log.h>

static bool fetch_system_insn(struct vcpu *v, struct system_insn *insn)
{
    bool code64 = hw_is_code64(&v->hw);
    uint64_t at = hw_get_rip(&v->hw);
    uint8_t bytes[15];
    struct guest_seg cs;
    size_t count;

    if (!code64) {
        hw_get_seg(&v->hw, SEG_CS, &cs);
        at = (uint32_t)(cs.base + at);
    }
    count = guest_fetch(v, gva_of(at), bytes, sizeof(bytes));
    return system_insn_decode(bytes, count, code64, insn);
}

unsigned int vcpu_insn_length(struct vcpu *v)
{
    struct system_insn insn;

    if (fetch_system_insn(v, &insn))
        return insn.length;
    domain_crash(v->domain, "no known instruction at RIP %#llx on d%uv%u", (unsigned long long)hw_get_rip(&v->hw),
                 v->domain->id, v->id);
    return 0;
}

bool vcpu_decode_cr(struct vcpu *v, struct exit_cr *c)
{
    struct system_insn insn;

    if (!fetch_system_insn(v, &insn))
        return false;
    c->gpr = insn.gpr;
    c->undecoded = false;
    switch (insn.op) {
    case SYSTEM_MOV_TO: c->op = CR_WRITE; return true;
    case SYSTEM_MOV_FROM:
    case SYSTEM_SMSW: c->op = CR_READ; return true;
    case SYSTEM_CLTS: c->op = CR_CLTS; return true;
    case SYSTEM_LMSW:
        c->op = CR_LMSW;
        c->lmsw = (uint16_t)(insn.gpr == GPR_RSP ? hw_get_rsp(&v->hw) : v->hw.regs.gpr[insn.gpr]);
        return true;
    case SYSTEM_OTHER: break;
    }
    return false;
}
