/* SPDX-License-Identifier: BSD-2-Clause */
/* For offsets.c of src/vmx and src/svm, which are compiled to assembler text only: lines that become offsets.h. */
#ifndef GUESTCPU_REGISTER_OFFSETS_H
#define GUESTCPU_REGISTER_OFFSETS_H

#include <hv/hw.h>

#define OFFSET(name, value) __asm__ volatile("\n.ascii \"@offset " #name " %c0\"\n" :: "i"(value))

/* What guestcpu/registers.inc loads and stores. */
static inline void register_offsets(void)
{
    OFFSET(VCPU_RCX, offsetof(struct hw_vcpu, regs.rcx));
    OFFSET(VCPU_RDX, offsetof(struct hw_vcpu, regs.rdx));
    OFFSET(VCPU_RBX, offsetof(struct hw_vcpu, regs.rbx));
    OFFSET(VCPU_RBP, offsetof(struct hw_vcpu, regs.rbp));
    OFFSET(VCPU_RSI, offsetof(struct hw_vcpu, regs.rsi));
    OFFSET(VCPU_RDI, offsetof(struct hw_vcpu, regs.rdi));
    OFFSET(VCPU_R8, offsetof(struct hw_vcpu, regs.r8));
    OFFSET(VCPU_R9, offsetof(struct hw_vcpu, regs.r9));
    OFFSET(VCPU_R10, offsetof(struct hw_vcpu, regs.r10));
    OFFSET(VCPU_R11, offsetof(struct hw_vcpu, regs.r11));
    OFFSET(VCPU_R12, offsetof(struct hw_vcpu, regs.r12));
    OFFSET(VCPU_R13, offsetof(struct hw_vcpu, regs.r13));
    OFFSET(VCPU_R14, offsetof(struct hw_vcpu, regs.r14));
    OFFSET(VCPU_R15, offsetof(struct hw_vcpu, regs.r15));
}

#endif
