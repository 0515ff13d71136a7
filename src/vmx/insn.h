/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMX instructions as functions; false: the instruction failed (VMfail, SDM 31.2). In the product
 * they are inline, on the host vmcs_fake.c stands in.
 */
#ifndef VMX_INSN_H
#define VMX_INSN_H

#include <hv/types.h>

struct hw_vcpu;

/* What the host-state area needs of this CPU's descriptor tables. */
struct host_tables {
    uint64_t gdt_base, idt_base, tr_base;
    uint16_t cs, ss, tr;
};

/* entry.S: runs the guest until its next exit. False: VMLAUNCH or VMRESUME failed. */
bool vmx_enter_guest(struct hw_vcpu *v, bool launched);
extern const char vmx_exit_stub[];

#ifdef HV_HOST
bool insn_vmxon(hpa_t region);
void insn_vmxoff(void);
bool insn_vmclear(hpa_t vmcs);
bool insn_vmptrld(hpa_t vmcs);
bool insn_vmread(uint64_t encoding, uint64_t *value);
bool insn_vmwrite(uint64_t encoding, uint64_t value);
bool insn_invept(uint64_t type, uint64_t eptp);
bool insn_invvpid(uint64_t type, uint16_t vpid);
void insn_read_tables(struct host_tables *t);
#else
static inline bool insn_vmxon(hpa_t region)
{
    bool failed;

    __asm__ volatile("vmxon %[r]" : "=@ccbe"(failed) : [r] "m"(region.v) : "memory");
    return !failed;
}

static inline void insn_vmxoff(void) { __asm__ volatile("vmxoff" ::: "cc", "memory"); }

static inline bool insn_vmclear(hpa_t vmcs)
{
    bool failed;

    __asm__ volatile("vmclear %[v]" : "=@ccbe"(failed) : [v] "m"(vmcs.v) : "memory");
    return !failed;
}

static inline bool insn_vmptrld(hpa_t vmcs)
{
    bool failed;

    __asm__ volatile("vmptrld %[v]" : "=@ccbe"(failed) : [v] "m"(vmcs.v) : "memory");
    return !failed;
}

static inline bool insn_vmread(uint64_t encoding, uint64_t *value)
{
    bool failed;

    __asm__ volatile("vmread %[e], %[v]"
                     : "=@ccbe"(failed), [v] "=r"(*value) : [e] "r"(encoding) : "memory");
    return !failed;
}

static inline bool insn_vmwrite(uint64_t encoding, uint64_t value)
{
    bool failed;

    __asm__ volatile("vmwrite %[v], %[e]"
                     : "=@ccbe"(failed) : [v] "rm"(value), [e] "r"(encoding) : "memory");
    return !failed;
}

static inline bool insn_invept(uint64_t type, uint64_t eptp)
{
    struct { uint64_t eptp, reserved; } d = { eptp, 0 };
    bool failed;

    __asm__ volatile("invept %[d], %[t]" : "=@ccbe"(failed) : [d] "m"(d), [t] "r"(type) : "memory");
    return !failed;
}

static inline bool insn_invvpid(uint64_t type, uint16_t vpid)
{
    struct { uint64_t vpid, address; } d = { vpid, 0 };
    bool failed;

    __asm__ volatile("invvpid %[d], %[t]" : "=@ccbe"(failed) : [d] "m"(d), [t] "r"(type) : "memory");
    return !failed;
}

struct packed_struct table_register { uint16_t limit; uint64_t base; };

/* The base of a 64-bit TSS descriptor (SDM figure 8-4) lies in four pieces. */
static inline uint64_t tss_base(uint64_t gdt, uint16_t tr)
{
    const uint64_t *d = (const uint64_t *)(uintptr_t)(gdt + (tr & ~7U));

    return ((d[0] >> 16) & 0xffffff) | ((d[0] >> 56) << 24) | (d[1] << 32);
}

static inline void insn_read_tables(struct host_tables *t)
{
    struct table_register gdt, idt;

    __asm__ volatile("sgdt %0" : "=m"(gdt));
    __asm__ volatile("sidt %0" : "=m"(idt));
    __asm__ volatile("mov %%cs, %0" : "=r"(t->cs));
    __asm__ volatile("mov %%ss, %0" : "=r"(t->ss));
    __asm__ volatile("str %0" : "=r"(t->tr));
    t->gdt_base = gdt.base;
    t->idt_base = idt.base;
    t->tr_base = tss_base(gdt.base, t->tr);
}
#endif

#endif
