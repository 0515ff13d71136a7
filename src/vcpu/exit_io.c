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
    if (req->effects & IO_EFFECT_TRAPS)
        dom0_pci_settle(d);
    if (r == IO_UNCLAIMED && !req->write)
        req->data = io_all_ones(req->size);
    if (req->effects & IO_EFFECT_SHUTDOWN)
        domain_shutdown(d, SHUTDOWN_reboot);
}

enum exit_action exit_pio(struct vcpu *v, const struct vmexit *x)
{
    const struct exit_pio *p = &x->pio;
    struct guest_regs *r = &v->hw.regs;
    struct io_req req = { .space = IO_PORT, .write = !p->in, .size = p->size, .addr = p->port };
    uint64_t mask = io_all_ones(p->size);

    if (p->string)
        return vcpu_emulate(v, "string port I/O");
    if (req.write)
        req.data = r->rax & mask;
    vcpu_port_access(v, &req);
    if (p->in)
        r->rax = p->size == 4 ? (uint32_t)req.data : (r->rax & ~mask) | (req.data & mask);
    return ACT_ADVANCE;
}
