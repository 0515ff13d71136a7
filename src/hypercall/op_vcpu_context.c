/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * domctls get/setvcpucontext (struct vcpu_guest_context, an ABI made for PV guests): what debuggers and xl dump-core
 * read of a vCPU, and how xl makes the hypercall of a suspended guest return another value. Set are the
 * general registers alone; everything else goes by records (op_context.c).
 */
#include "ctl.h"
#include "vcpu_context.h"

#include <lib/string.h>
#include <mm/heap.h>

/* Names that both structures share. */
#define EACH_REG(X) X(rax) X(rbx) X(rcx) X(rdx) X(rbp) X(rsi) X(rdi) X(r8) X(r9) X(r10) X(r11) X(r12) X(r13) \
    X(r14) X(r15) X(rip) X(rsp) X(rflags)
#define EACH_SELECTOR(X) X(cs) X(ss) X(ds) X(es) X(fs) X(gs)

static bool is_kernel_mode(const struct hvm_hw_cpu *from)
{
    return (from->ss_arbytes >> 5 & 3) == 0;
}

static void fill(struct vcpu_guest_context *to, const struct hvm_hw_cpu *from)
{
#define X(r) to->user_regs.r = from->r;
    EACH_REG(X)
#undef X
#define X(s) to->user_regs.s = (uint16_t)from->s##_sel;
    EACH_SELECTOR(X)
#undef X
    memcpy(&to->fpu_ctxt, from->fpu_regs, sizeof(to->fpu_ctxt));
    to->ctrlreg[0] = from->cr0;
    to->ctrlreg[2] = from->cr2;
    to->ctrlreg[3] = from->cr3;
    to->ctrlreg[4] = from->cr4;
    to->debugreg[0] = from->dr0;
    to->debugreg[1] = from->dr1;
    to->debugreg[2] = from->dr2;
    to->debugreg[3] = from->dr3;
    to->debugreg[6] = from->dr6;
    to->debugreg[7] = from->dr7;
    to->fs_base = from->fs_base;
    to->gs_base_kernel = is_kernel_mode(from) ? from->gs_base : from->shadow_gs;
    to->gs_base_user = is_kernel_mode(from) ? from->shadow_gs : from->gs_base;
    to->flags = from->flags & XEN_X86_FPU_INITIALISED ? VGCF_i387_valid : 0;
}

/* Both forms of a context: too much for the stack. */
struct contexts { struct vcpu_guest_context guest; struct hvm_hw_cpu cpu; };

/* The vCPU and room for its context, which the caller frees. */
static int64_t begin(struct ctl *t, struct vcpu **v, struct contexts **both)
{
    const struct xen_domctl_vcpucontext *a = t->u;

    *v = domain_vcpu(t->d, a->vcpu);
    if (!*v)
        return hc_refuse(t->c, -ESRCH, "vcpucontext: vcpu", a->vcpu);
    if (!(*v)->initialised)
        return -ENODATA;
    *both = heap_new(struct contexts);
    return *both ? 0 : -ENOMEM;
}

int64_t domctl_getvcpucontext(struct ctl *t)
{
    const struct xen_domctl_vcpucontext *a = t->u;
    struct contexts *both;
    struct vcpu *v;
    int64_t rc = begin(t, &v, &both);

    if (rc != 0)
        return rc;
    domain_pause(t->d);
    vcpu_context_save(v, &both->cpu);
    if (domain_unpause(t->d) != 0)
        rc = -EINVAL;
    fill(&both->guest, &both->cpu);
    if (!READ_ONCE(v->sched.down))
        both->guest.flags |= VGCF_online;
    if (rc == 0)
        rc = hc_write(t->c, hc_handle(a->ctxt), &both->guest, sizeof(both->guest));
    heap_free(both);
    return rc;
}

static int64_t set_regs(struct ctl *t, struct vcpu *v, struct contexts *both)
{
    domain_pause(t->d);
    vcpu_context_save(v, &both->cpu);
#define X(r) both->cpu.r = both->guest.user_regs.r;
    EACH_REG(X)
#undef X
    vcpu_context_set_regs(v, &both->cpu);
    return domain_unpause(t->d) == 0 ? 0 : -EINVAL;
}

int64_t domctl_setvcpucontext(struct ctl *t)
{
    const struct xen_domctl_vcpucontext *a = t->u;
    struct contexts *both;
    struct vcpu *v;
    int64_t rc = begin(t, &v, &both);

    if (rc != 0)
        return rc;
    rc = hc_read(t->c, &both->guest, hc_handle(a->ctxt), sizeof(both->guest));
    if (rc == 0)
        rc = set_regs(t, v, both);
    heap_free(both);
    return rc;
}
