/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercalls by VMCALL or VMMCALL: numbers and structures are libxen-dev's. */
#ifndef GUEST_HYPERCALL_H
#define GUEST_HYPERCALL_H

#include "guest.h"

#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>
#include <xen/xen.h>

/* 64-bit callers: RAX; RDI, RSI, RDX, R10, R8. No register but RAX may change. */
static inline int64_t hypercall(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
    register uint64_t r10 __asm__("r10") = d;
    register uint64_t r8 __asm__("r8") = e;

    __asm__ volatile(HYPERCALL_INSN : "+a"(nr), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8) : : "memory");
    return (int64_t)nr;
}
static inline uint64_t address(const volatile void *p) { return (uint64_t)(uintptr_t)p; }
static inline int64_t hypercall2(uint64_t nr, uint64_t command, const volatile void *arg)
{
    return hypercall(nr, command, address(arg), 0, 0, 0);
}
static inline int64_t sched_op(unsigned int c, const volatile void *p) { return hypercall2(__HYPERVISOR_sched_op, c, p); }
static inline int64_t evtchn_op(unsigned int c, const volatile void *p) { return hypercall2(__HYPERVISOR_event_channel_op, c, p); }
static inline int64_t memory_op(unsigned int c, const volatile void *p) { return hypercall2(__HYPERVISOR_memory_op, c, p); }
static inline int64_t hvm_op(unsigned int c, const volatile void *p) { return hypercall2(__HYPERVISOR_hvm_op, c, p); }
static inline int64_t xen_version(unsigned int c, const volatile void *p) { return hypercall2(__HYPERVISOR_xen_version, c, p); }
static inline int64_t grant_op(unsigned int c, const volatile void *p, unsigned int n)
{
    return hypercall(__HYPERVISOR_grant_table_op, c, address(p), n, 0, 0);
}
static inline int64_t vcpu_op(unsigned int c, unsigned int vcpu, const volatile void *p)
{
    return hypercall(__HYPERVISOR_vcpu_op, c, vcpu, address(p), 0, 0);
}
void guest_shutdown(unsigned int reason) __attribute__((noreturn));

/* 32-bit callers: EAX; EBX, ECX, EDX, ESI, EDI. mode: MODE_* of layout.h. */
struct regs32 { uint32_t eax, ebx, ecx, edx, esi, edi, ebp; };
int32_t hypercall32(unsigned int mode, const struct regs32 *r);

/* The shared info page, mapped over a page of ours the first time. */
struct shared_info *shared_info(void);
uint64_t clock_now(void);              /* Xen's system time as this CPU sees it: nanoseconds */

#endif
