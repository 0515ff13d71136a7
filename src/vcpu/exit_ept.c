/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest-physical accesses that the EPT does not allow: emulated devices, dom0's device memory, holes. */
#include "exits.h"

#include <hv/errno.h>
#include <hvm/emul.h>
#include <lib/log.h>
#include <lib/string.h>
#include <x86/time.h>

#define APIC_PAGE 0xfee00000UL
#define IOPL_SHIFT 12U

static bool is_vioapic(const struct domain *d, uint64_t gpa, struct vioapic **out)
{
    for (unsigned int i = 0; i < d->vioapic_count; i++)
        if ((gpa & PAGE_MASK) == d->vioapic[i]->address) {
            *out = d->vioapic[i];
            return true;
        }
    return false;
}

static bool is_apic_page(const struct vcpu *v, uint64_t gpa)
{
    return (gpa & PAGE_MASK) == APIC_PAGE && !vlapic_is_x2apic(&v->lapic);
}

bool vcpu_gpa_is_emulated(struct vcpu *v, gpa_t a)
{
    struct vioapic *io;

    return is_vioapic(v->domain, a.v, &io) || is_apic_page(v, a.v) ||
           (v->domain->is_dom0 && dom0_pci_traps(v->domain, gpa_to_gfn(a).v, gpa_to_gfn(a).v));
}

static void vioapic_access(struct vcpu *v, struct vioapic *io, struct io_req *req)
{
    struct domain *d = v->domain;
    unsigned int offset = req->addr & ~PAGE_MASK;
    struct vioapic_effect e = { .changed_pin = -1 };

    spin_lock(&d->vioapic_lock);
    if (req->write)
        vioapic_write(io, offset, (uint32_t)req->data, &e);
    else
        req->data = vioapic_read(io, offset);
    spin_unlock(&d->vioapic_lock);
    if (!req->write)
        return;
    if (e.changed_pin >= 0 && d->is_dom0)
        dom0_gsi_changed(d, io->gsi_base + (unsigned int)e.changed_pin, &e);
    if (e.has_msg)
        (void)domain_deliver_msg(d, &e.msg);
}

static void apic_access(struct vcpu *v, struct io_req *req)
{
    struct vlapic_effect e = { 0 };
    uint16_t offset = (uint16_t)(req->addr & 0xff0);
    uint32_t value = 0;

    if (req->write) {
        if (vlapic_write(&v->lapic, offset, (uint32_t)req->data, time_now(), &e))
            vcpu_apic_effect(v, &e);
        return;
    }
    (void)vlapic_read(&v->lapic, offset, time_now(), &value);
    req->data = value >> (8 * (req->addr & 3));
}

static enum io_result bus_access(struct domain *d, struct io_req *req)
{
    enum io_result r;

    spin_lock(&d->vdev_lock);
    r = io_bus_access(&d->io_bus, req);
    spin_unlock(&d->vdev_lock);
    if (req->effects & (IO_EFFECT_IRQ | IO_EFFECT_TIMER))
        platform_settle(d);
    return r;
}

enum io_result vcpu_mmio_access(struct vcpu *v, struct io_req *req)
{
    struct ioreq_request r = ioreq_from_memory(req->addr, !req->write, req->size, req->data);
    enum io_result result = IO_DONE;
    struct vioapic *io;

    if (is_vioapic(v->domain, req->addr, &io))
        vioapic_access(v, io, req);
    else if (is_apic_page(v, req->addr))
        apic_access(v, req);
    else if (!v->domain->is_dom0 || !dom0_pci_access(v->domain, req))
        result = bus_access(v->domain, req);
    if (result == IO_UNCLAIMED)
        result = vcpu_io_request(v, &r);
    if (result == IO_UNCLAIMED && !req->write)
        req->data = io_all_ones(req->size);
    return result == IO_PENDING ? IO_PENDING : IO_DONE;
}

/* Elements between a device model's memory and RAM in one go; devices of ours are asked for one at a time. */
enum io_result vcpu_mmio_run(struct vcpu *v, const struct io_req *req, gpa_t memory, uint32_t run)
{
    struct domain *d = v->domain;
    struct vioapic *io;
    bool ours;

    if (d->is_dom0 || is_vioapic(d, req->addr, &io) || is_apic_page(v, req->addr))
        return IO_UNCLAIMED;
    spin_lock(&d->vdev_lock);
    ours = io_bus_claims(&d->io_bus, IO_MMIO, req->addr, run * req->size);
    spin_unlock(&d->vdev_lock);
    return ours ? IO_UNCLAIMED : vcpu_io_memory_run(v, req, memory, run);
}

/* ---- running an instruction against it ---- */

/* An emulation under way, with the page that the exit already told the translation of, for reading (known) or writing (known_writable). */
struct emulation { struct vcpu *v; struct emul_context c; uint64_t va_page, pa_page; bool known, known_writable, device, may_ports, walk;
                   unsigned int accesses; };

static enum emul_result translate(struct emulation *m, gva_t va, bool write, gpa_t *a)
{
    uint32_t pfec;

    if (m->known && (va.v & PAGE_MASK) == m->va_page && (!write || m->known_writable)) {
        a->v = m->pa_page | (va.v & ~PAGE_MASK);
        return EMUL_DONE;
    }
    if (guest_translate(m->v, va, write, a, &pfec))
        return EMUL_DONE;
    m->c.fault_vector = X86_PF;
    m->c.fault_has_error = true;
    m->c.fault_error = pfec;
    m->c.fault_cr2 = va.v;
    return EMUL_FAULT;
}

/* Within one page; a power of two of at most eight bytes where it is a device's. RAM on one side of a move is served as
 * RAM, and what is read-only there ignores what is written. */
static enum emul_result page_access(struct emulation *m, gva_t va, void *buf, unsigned int size, bool write)
{
    struct io_req req = { .space = IO_MMIO, .write = write, .size = (uint8_t)size };
    struct vcpu *v = m->v;
    enum p2m_type type = P2M_HOLE;
    enum emul_result r;
    gpa_t a;

    if (translate(m, va, write, &a) != EMUL_DONE)
        return EMUL_FAULT;
    /* The page that the exit was about is known to be one of our devices'. */
    if (!m->device || (a.v & PAGE_MASK) != m->pa_page)
        type = p2m_lookup(&v->domain->p2m, gpa_to_gfn(a)).type;
    if (type == P2M_RAM_RO && write)
        return EMUL_DONE;
    if (type != P2M_HOLE && type != P2M_MMIO_DM) {
        int rc = write ? domain_write_phys(v->domain, a, buf, size) : domain_read_phys(v->domain, a, buf, size);

        return rc == 0 ? EMUL_DONE : EMUL_UNHANDLED;
    }
    req.addr = a.v;
    if (write)
        memcpy(&req.data, buf, size);
    r = vcpu_emul_access(v, &m->accesses, &req);
    if (r == EMUL_DONE && !write)
        memcpy(buf, &req.data, size);
    return r;
}

/* As much of an access as one page and one request take. */
static unsigned int chunk_of(gva_t va, unsigned int size)
{
    unsigned int left = (unsigned int)(PAGE_SIZE - (va.v & ~PAGE_MASK)), n = 8;

    while (n > size || n > left)
        n /= 2;
    return n;
}

static enum emul_result linear_access(struct emulation *m, gva_t va, void *buf, unsigned int size, bool write)
{
    enum emul_result r = EMUL_DONE;
    gpa_t a;

    /* Nothing is done of an access whose end cannot be reached. */
    if ((va.v & ~PAGE_MASK) + size > PAGE_SIZE && translate(m, gva_of(va.v + size - 1), write, &a) != EMUL_DONE)
        return EMUL_FAULT;
    for (unsigned int done = 0, n; r == EMUL_DONE && done < size; done += n) {
        n = chunk_of(gva_of(va.v + done), size - done);
        r = page_access(m, gva_of(va.v + done), (char *)buf + done, n, write);
    }
    return r;
}

static enum emul_result emul_read(void *ctx, gva_t va, void *to, unsigned int size)
{
    return linear_access(ctx, va, to, size, false);
}

static enum emul_result emul_write(void *ctx, gva_t va, const void *from, unsigned int size)
{
    return linear_access(ctx, va, (void *)(uintptr_t)from, size, true);
}

/*
 * Whether a program may access a port the CPU decides, before an exit for that. An instruction that became INS or OUTS after an exit
 * for something else (its bytes were rewritten meanwhile) has not been asked: run by the CPU, it will be.
 */
static bool ports_are_unasked(const struct emulation *m)
{
    return !m->may_ports && m->c.mode.cpl > (m->c.rflags >> IOPL_SHIFT & 3U);
}

static enum emul_result emul_port(void *ctx, uint16_t port, bool write, uint64_t *value, unsigned int size)
{
    struct emulation *m = ctx;
    struct io_req req = { .space = IO_PORT, .write = write, .size = (uint8_t)size, .addr = port };
    enum emul_result r;

    if (ports_are_unasked(m))
        return EMUL_RETRY;
    if (write)
        req.data = *value;
    r = vcpu_emul_access(m->v, &m->accesses, &req);
    if (r == EMUL_DONE && !write)
        *value = req.data;
    return r;
}

static bool is_ram(enum p2m_type type, bool to_write) { return type == P2M_RAM_RW || (!to_write && type == P2M_RAM_RO); }

/* The first element must be reachable at both ends before its port is touched: what was read is read. */
static enum emul_result emul_port_run(void *ctx, uint16_t port, bool write, gva_t va, unsigned int size, uint32_t *count)
{
    struct emulation *m = ctx;
    struct io_req req = { .space = IO_PORT, .write = write, .size = (uint8_t)size, .addr = port };
    gpa_t first, last;
    enum p2m_type type;

    if (ports_are_unasked(m))
        return EMUL_RETRY;
    if (translate(m, va, !write, &first) != EMUL_DONE || translate(m, gva_of(va.v + size - 1), !write, &last) != EMUL_DONE)
        return EMUL_FAULT;
    type = p2m_lookup(&m->v->domain->p2m, gpa_to_gfn(first)).type;
    if (*count < 2 || !is_ram(type, !write))
        return EMUL_UNHANDLED;
    return vcpu_emul_run(m->v, &m->accesses, &req, first, count);
}

/* A page that is no RAM, and of none of our devices as far as the exit told. */
static bool may_be_device_models(const struct emulation *m, gpa_t a, enum p2m_type type)
{
    return (type == P2M_HOLE || type == P2M_MMIO_DM) && !(m->device && (a.v & PAGE_MASK) == m->pa_page);
}

/* RAM on one side, a device model's memory on the other. */
static enum emul_result emul_copy_run(void *ctx, gva_t from, gva_t to, unsigned int size, uint32_t *count)
{
    struct emulation *m = ctx;
    struct p2m *p = &m->v->domain->p2m;
    struct io_req req = { .space = IO_MMIO, .size = (uint8_t)size };
    enum p2m_type from_type, to_type;
    gpa_t a, b;

    if (translate(m, from, false, &a) != EMUL_DONE || translate(m, to, true, &b) != EMUL_DONE)
        return EMUL_UNHANDLED;
    from_type = p2m_lookup(p, gpa_to_gfn(a)).type;
    to_type = p2m_lookup(p, gpa_to_gfn(b)).type;
    req.write = is_ram(from_type, false) && may_be_device_models(m, b, to_type);
    if (!req.write && !(is_ram(to_type, true) && may_be_device_models(m, a, from_type)))
        return EMUL_UNHANDLED;
    req.addr = req.write ? b.v : a.v;
    return vcpu_emul_run(m->v, &m->accesses, &req, req.write ? a : b, count);
}

_Static_assert(EMUL_VECTOR_BYTES == VECTOR_BYTES, "both are a YMM register");

static void emul_vector_get(void *ctx, unsigned int n, uint8_t to[EMUL_VECTOR_BYTES])
{
    vcpu_vector_get(((struct emulation *)ctx)->v, n, to);
}

static void emul_vector_set(void *ctx, unsigned int n, const uint8_t from[EMUL_VECTOR_BYTES], unsigned int bytes)
{
    vcpu_vector_set(((struct emulation *)ctx)->v, n, from, bytes);
}

static const struct emul_ops emul_ops = { .read = emul_read, .write = emul_write, .port = emul_port,
                                          .port_run = emul_port_run, .copy_run = emul_copy_run, .vector_get = emul_vector_get,
                                          .vector_set = emul_vector_set };

static void log_unhandled(struct vcpu *v, const struct emul_context *c, const char *why)
{
    const uint8_t *b = c->insn;

    log_err("d%uv%u: cannot emulate %02x %02x %02x %02x %02x %02x %02x %02x at RIP %#llx (%s)",
            v->domain->id, v->id, b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7],
            (unsigned long long)c->rip, why);
}

/* Whether a prefix names FS or GS. */
static bool names_fs_or_gs(const uint8_t *insn, unsigned int length)
{
    for (unsigned int i = 0; i < length; i++)
        switch (insn[i]) {
        case 0x64: case 0x65:
            return true;
        case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x66: case 0x67: case 0xf0: case 0xf2: case 0xf3:
        case 0x40 ... 0x4f:
            break;
        default:
            return false;
        }
    return false;
}

/* The instruction's bytes, and the segments that it may use: in 64-bit mode only FS and GS have a base, and none a limit. */
static void fetch(struct vcpu *v, struct emul_context *c)
{
    gva_t at = gva_of(c->rip);

    if (!c->mode.code64) {
        for (unsigned int s = 0; s < SEG_COUNT; s++)
            hw_get_seg(&v->hw, (enum seg)s, &c->seg[s]);
        at.v += c->seg[SEG_CS].base;
    }
    c->insn_len = (unsigned int)guest_fetch(v, at, c->insn, sizeof(c->insn));
    if (c->mode.code64 && names_fs_or_gs(c->insn, c->insn_len)) {
        hw_get_seg(&v->hw, SEG_FS, &c->seg[SEG_FS]);
        hw_get_seg(&v->hw, SEG_GS, &c->seg[SEG_GS]);
    }
}

/* What the CPU would find in page tables that are in no memory: all-ones, which has reserved bits set. */
#define PFEC_RESERVED_FETCH 0x19U

/*
 * The end of the instruction is mapped no more, or not readable: the CPU will say so when it gets there; unless it is the page tables
 * that are in no memory, of which it tells us alone.
 */
static bool code_has_gone(struct vcpu *v, const struct emul_context *c)
{
    uint64_t at = c->rip + c->insn_len;
    uint32_t pfec;
    gpa_t a;

    if (!c->mode.code64)
        at = (uint32_t)(at + c->seg[SEG_CS].base);
    return !guest_translate(v, gva_of(at), false, &a, &pfec);
}

static enum exit_action emulate(struct emulation *m, const char *why)
{
    struct vcpu *v = m->v;
    struct emul_context *c = &m->c;
    enum emul_result result;

    c->regs = &v->hw.regs;
    c->ops = &emul_ops;
    c->ops_ctx = m;
    c->rip = hw_get_rip(&v->hw);
    c->rflags = hw_get_rflags(&v->hw);
    c->rsp = hw_get_rsp(&v->hw);
    hw_get_mode(&v->hw, &c->mode);
    fetch(v, c);
    result = emul_run(c);
    if (result != EMUL_RETRY)
        vcpu_emul_done(v);
    switch (result) {
    case EMUL_DONE:
        hw_set_rflags(&v->hw, c->rflags);
        hw_set_rsp(&v->hw, c->rsp);
        /* The emulator's commit is the second place that moves RIP (invariant I1). */
        hw_skip(&v->hw, 0);
        hw_set_rip(&v->hw, c->rip);
        return ACT_RESUME;
    case EMUL_FAULT:
        hw_set_rflags(&v->hw, c->rflags);
        if (c->fault_vector == X86_PF)
            return vcpu_page_fault(v, c->fault_error, c->fault_cr2);
        return vcpu_fault(v, c->fault_vector, c->fault_error);
    case EMUL_RETRY:
        hw_set_rflags(&v->hw, c->rflags);
        return v->io.purpose != IO_NOTHING ? ACT_WAIT_IO : ACT_RETRY;
    case EMUL_FETCH_FAILED:
        if (code_has_gone(v, c))
            return m->walk ? vcpu_page_fault(v, PFEC_RESERVED_FETCH, c->rip) : ACT_RETRY;
        break;
    case EMUL_UNHANDLED:
        break;
    }
    log_unhandled(v, c, why);
    return ACT_CRASH;
}

enum exit_action vcpu_emulate(struct vcpu *v, bool may_ports, const char *why)
{
    struct emulation m = { .v = v, .may_ports = may_ports };

    return emulate(&m, why);
}

static enum exit_action emulate_access(struct vcpu *v, const struct exit_ept *e, bool device, const char *why)
{
    struct emulation m = { .v = v, .va_page = e->gva.v & PAGE_MASK, .pa_page = e->gpa.v & PAGE_MASK,
                           .known = e->gva_valid && !e->walk, .known_writable = e->write, .device = device, .walk = e->walk };

    return emulate(&m, why);
}

/* dom0 owns the machine's devices: their memory is mapped when it is first touched. */
static bool map_device_memory(struct vcpu *v, gpa_t a)
{
    struct domain *d = v->domain;

    return d->is_dom0 && dom0_map_mmio(d, gpa_to_gfn(a)) == 0;
}

enum exit_action exit_ept(struct vcpu *v, const struct vmexit *x)
{
    const struct exit_ept *e = &x->ept;

    if (vcpu_gpa_is_emulated(v, e->gpa))
        return emulate_access(v, e, true, "emulated device");
    if (!e->readable && !e->writable && !e->executable && map_device_memory(v, e->gpa))
        return ACT_RETRY;
    if (e->write && e->readable && p2m_dirty_fault(&v->domain->p2m, gpa_to_gfn(e->gpa))) {
        __atomic_fetch_add(&v->domain->logdirty.faults, 1, __ATOMIC_RELAXED);
        return ACT_RETRY;
    }
    return emulate_access(v, e, false, "unclaimed memory");
}
