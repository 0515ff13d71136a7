/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports: a device of ours, PCI configuration, a port that dom0 reaches through us, or nothing. */
#include "exits.h"

#include <lib/log.h>
#include <x86/cpu.h>
#include <xen/sched.h>

void vcpu_port_access(struct vcpu *v, struct io_req *req)
{
    struct domain *d = v->domain;
    enum io_result r;

    spin_lock(&d->vdev_lock);
    r = io_bus_access(&d->io_bus, req);
    spin_unlock(&d->vdev_lock);
    if (r == IO_UNCLAIMED && !req->write)
        req->data = io_all_ones(req->size);
    if (req->effects & IO_EFFECT_SHUTDOWN)
        domain_shutdown(d, SHUTDOWN_reboot);
}

enum exit_action exit_pio(struct vcpu *v, const struct vmexit *x)
{
    const struct exit_pio *p = &x->pio;
    struct guest_regs *r = &v->vmx.regs;
    struct io_req req = { .space = IO_PORT, .write = !p->in, .size = p->size, .addr = p->port };
    uint64_t mask = io_all_ones(p->size);

    if (p->string)
        return vcpu_string_pio(v, x);
    if (req.write)
        req.data = r->rax & mask;
    vcpu_port_access(v, &req);
    if (p->in)
        r->rax = p->size == 4 ? (uint32_t)req.data : (r->rax & ~mask) | (req.data & mask);
    return ACT_ADVANCE;
}

/* One element per exit: INS/OUTS reach only ports that are ours, where speed does not matter. The instruction runs again
 * until RCX is used up, so that an interrupt can come between two elements. */
enum exit_action vcpu_string_pio(struct vcpu *v, const struct vmexit *x)
{
    const struct exit_pio *p = &x->pio;
    struct guest_regs *r = &v->vmx.regs;
    struct io_req req = { .space = IO_PORT, .write = !p->in, .size = p->size, .addr = p->port };
    uint64_t step = vmx_get_rflags(&v->vmx) & RFLAGS_DF ? (uint64_t)-(int64_t)p->size : p->size;
    struct guest_mode mode;
    uint64_t *index = p->in ? &r->rdi : &r->rsi, width;

    vmx_get_mode(&v->vmx, &mode);
    width = mode.code64 ? UINT64_MAX : mode.code32 ? UINT32_MAX : UINT16_MAX;
    if (p->rep && (r->rcx & width) == 0)
        return ACT_ADVANCE;
    if (req.write && guest_read(v, &req.data, p->gva, p->size) != 0)
        return vcpu_page_fault(v, mode.cpl == 3 ? PFEC_U : 0, p->gva.v);
    if (p->in && guest_check_write(v, p->gva, p->size) != 0)
        return vcpu_page_fault(v, PFEC_W | (mode.cpl == 3 ? PFEC_U : 0), p->gva.v);
    vcpu_port_access(v, &req);
    if (p->in && guest_write(v, p->gva, &req.data, p->size) != 0)
        return ACT_CRASH;
    *index = (*index & ~width) | ((*index + step) & width);
    if (!p->rep)
        return ACT_ADVANCE;
    r->rcx = (r->rcx & ~width) | ((r->rcx - 1) & width);
    return (r->rcx & width) == 0 ? ACT_ADVANCE : ACT_RETRY;
}
