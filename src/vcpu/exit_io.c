/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports: a device of ours, PCI configuration, a port that dom0 reaches through us, or nothing. */
#include "exits.h"

#include <lib/log.h>
#include <x86/cpu.h>
#include <xen/sched.h>

/* A device of ours wants more than to answer, or there is none. */
static noinline_fn enum io_result after_access(struct vcpu *v, struct io_req *req, enum io_result r)
{
    struct domain *d = v->domain;

    if (req->effects & IO_EFFECT_TRAPS)
        dom0_pci_settle(d);
    if (req->effects & (IO_EFFECT_IRQ | IO_EFFECT_TIMER))
        platform_settle(d);
    if (req->effects & IO_EFFECT_SHUTDOWN)
        domain_shutdown(d, SHUTDOWN_reboot);
    if (r == IO_UNCLAIMED)
        r = vcpu_io_port(v, req);
    if (r == IO_UNCLAIMED && !req->write)
        req->data = io_all_ones(req->size);
    return r == IO_PENDING ? IO_PENDING : IO_DONE;
}

enum io_result vcpu_port_access(struct vcpu *v, struct io_req *req)
{
    struct domain *d = v->domain;
    enum io_result r;

    spin_lock(&d->vdev_lock);
    r = io_bus_access(&d->io_bus, req);
    spin_unlock(&d->vdev_lock);
    return r == IO_DONE && req->effects == 0 ? IO_DONE : after_access(v, req, r);
}

/* Elements between a device model's port and memory in one go; devices of ours are asked for one at a time. */
enum io_result vcpu_port_run(struct vcpu *v, const struct io_req *req, gpa_t memory, uint32_t run)
{
    struct domain *d = v->domain;
    bool ours;

    spin_lock(&d->vdev_lock);
    ours = io_bus_claims(&d->io_bus, IO_PORT, req->addr, req->size);
    spin_unlock(&d->vdev_lock);
    return ours ? IO_UNCLAIMED : vcpu_io_port_run(v, req, memory, run);
}

enum exit_action exit_pio(struct vcpu *v, const struct vmexit *x)
{
    const struct exit_pio *p = &x->pio;
    struct guest_regs *r = &v->hw.regs;
    struct io_req req = { .space = IO_PORT, .write = !p->in, .size = p->size, .addr = p->port };

    if (p->string)
        return vcpu_emulate(v, true, "string port I/O");
    if (req.write)
        req.data = r->rax & io_all_ones(p->size);
    if (vcpu_port_access(v, &req) == IO_PENDING) {
        v->io.purpose = IO_FOR_PORT;
        v->io.insn_len = x->insn_len;
        return ACT_WAIT_IO;
    }
    if (p->in)
        vcpu_port_result(v, p->size, req.data);
    return ACT_ADVANCE;
}
