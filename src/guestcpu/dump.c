/* SPDX-License-Identifier: BSD-2-Clause */
#include <guestcpu/dump.h>

#include <lib/log.h>

static const char *const seg_names[SEG_COUNT] = { "ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR" };

void guest_dump_registers(const struct guest_regs *r)
{
    log_err("RAX %016lx RBX %016lx RCX %016lx RDX %016lx", r->rax, r->rbx, r->rcx, r->rdx);
    log_err("RSI %016lx RDI %016lx RBP %016lx R8  %016lx", r->rsi, r->rdi, r->rbp, r->r8);
    log_err("R9  %016lx R10 %016lx R11 %016lx R12 %016lx", r->r9, r->r10, r->r11, r->r12);
    log_err("R13 %016lx R14 %016lx R15 %016lx CR2 %016lx", r->r13, r->r14, r->r15, r->cr2);
}

void guest_dump_segment(enum seg i, const struct guest_seg *s)
{
    log_err("%-4s %04x attr %05x limit %08x base %016lx", seg_names[i], (unsigned int)s->selector, s->attr, s->limit,
            s->base);
}
