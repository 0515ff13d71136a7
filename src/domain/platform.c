/* SPDX-License-Identifier: BSD-2-Clause */
#include <domain/platform.h>

#include <domain/domain.h>
#include <hv/errno.h>
#include <lib/log.h>
#include <mm/heap.h>
#include <x86/time.h>
#include <xen/hvm/ioreq.h>

#define NS_PER_SECOND 1000000000LL
#define IOAPIC_ADDRESS 0xfec00000ULL
#define IOAPIC_ID 1U
#define TIMER_IRQ 0U
#define TIMER_PIN 2U                    /* IRQ 0 at the IO-APIC */
#define RTC_IRQ 8U
#define SCI_IRQ 9U
#define PM_TIMER_OFFSET 8U
#define MSI_ADDRESS 0xfee00000ULL
#define MSI_OFFSET_MASK 0xfffffULL      /* SDM vol. 3A 11.11.1 */
#define LVT_EXTINT 0x700U
#define LVT_MODE_OR_MASK 0x10700U

/* ---- wires: VIOAPIC held ---- */

struct messages { unsigned int count; struct ioapic_msg msg[VLINES_PINS]; };

static void drive_pins(struct domain *d, uint64_t changed, uint64_t level, struct messages *m)
{
    struct vioapic *io = d->vioapic_count ? d->vioapic[0] : NULL;

    for (; io && changed; changed &= changed - 1) {
        unsigned int pin = (unsigned int)__builtin_ctzll(changed);

        if (pin < io->pins && m->count < VLINES_PINS &&
            vioapic_set_line(io, pin, level >> pin & 1, &m->msg[m->count]))
            m->count++;
    }
}

static void drive_pic(struct platform *p, uint16_t changed, uint16_t level)
{
    struct domain *d = p->domain;

    if (!changed)
        return;
    spin_lock(&d->vdev_lock);
    for (uint32_t left = changed; left; left &= left - 1) {
        unsigned int irq = (unsigned int)__builtin_ctz(left);

        vpic_set_line(&p->pic, irq, level >> irq & 1);
    }
    spin_unlock(&d->vdev_lock);
}

/* What HPET timers hold is ORed with what the wires say of the same pins. */
static void apply(struct platform *p, const struct vlines_change *c, uint64_t hpet, struct messages *m)
{
    uint64_t before = p->lines.pins ^ c->pins_changed, old = before | p->hpet_pins, now = c->pins | hpet;

    p->hpet_pins = hpet;
    drive_pins(p->domain, old ^ now, now, m);
    drive_pic(p, c->irqs_changed, c->irqs);
}

static void send_all(struct domain *d, const struct messages *m)
{
    for (unsigned int i = 0; i < m->count; i++)
        domain_deliver_msg(d, &m->msg[i]);
}

/* A vCPU that would take the PIC's interrupt has to look. */
static void tell_of_extint(struct domain *d)
{
    for (uint32_t i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i] && vcpu_wants_extint(d->vcpu[i]))
            sched_kick(&d->vcpu[i]->sched);
}

/* An edge: the line goes down and up. */
static void pulse(struct platform *p, uint16_t isa, uint64_t pins, struct messages *m)
{
    for (; isa; isa &= (uint16_t)(isa - 1U)) {
        unsigned int irq = (unsigned int)__builtin_ctz(isa);
        struct vlines_change down = vlines_set_isa(&p->lines, irq, true, false), up;

        apply(p, &down, p->hpet_pins, m);
        up = vlines_set_isa(&p->lines, irq, true, true);
        apply(p, &up, p->hpet_pins, m);
    }
    if (pins) {
        drive_pins(p->domain, pins, 0, m);
        drive_pins(p->domain, pins, pins, m);
        drive_pins(p->domain, pins, p->lines.pins | p->hpet_pins, m);
    }
}

void platform_settle(struct domain *d)
{
    struct platform *p = d->platform;
    struct messages m = { .count = 0 };
    struct vlines_change c;
    uint64_t pins, hpet;
    uint16_t isa;
    bool sci;

    if (!p)
        return;
    spin_lock(&d->vioapic_lock);
    spin_lock(&d->vdev_lock);
    isa = p->pulse_isa;
    pins = p->pulse_pins;
    p->pulse_isa = 0;
    p->pulse_pins = 0;
    sci = vpm_sci(&p->pm);
    hpet = vhpet_level(&p->hpet);
    spin_unlock(&d->vdev_lock);
    c = vlines_set_isa(&p->lines, SCI_IRQ, true, sci);
    apply(p, &c, hpet, &m);
    pulse(p, isa, pins, &m);
    spin_unlock(&d->vioapic_lock);
    send_all(d, &m);
    tell_of_extint(d);
}

static void after_change(struct domain *d, struct vlines_change (*change)(struct platform *p, const unsigned int a[3]),
                         unsigned int a0, unsigned int a1, unsigned int a2)
{
    const unsigned int a[3] = { a0, a1, a2 };
    struct platform *p = d->platform;
    struct messages m = { .count = 0 };
    struct vlines_change c;

    if (!p)
        return;
    spin_lock(&d->vioapic_lock);
    c = change(p, a);
    apply(p, &c, p->hpet_pins, &m);
    spin_unlock(&d->vioapic_lock);
    send_all(d, &m);
    if (c.irqs_changed)
        tell_of_extint(d);
}

static struct vlines_change change_intx(struct platform *p, const unsigned int a[3])
{
    return vlines_set_intx(&p->lines, a[0], a[1], a[2]);
}

static struct vlines_change change_isa(struct platform *p, const unsigned int a[3])
{
    return vlines_set_isa(&p->lines, a[0], false, a[1]);
}

static struct vlines_change change_route(struct platform *p, const unsigned int a[3])
{
    return vlines_set_route(&p->lines, a[0], (uint8_t)a[1]);
}

static struct vlines_change change_upcall_line(struct platform *p, const unsigned int a[3])
{
    return vlines_set_upcall_line(&p->lines, a[0], a[1], a[2]);
}

static struct vlines_change change_upcall(struct platform *p, const unsigned int a[3])
{
    return vlines_set_upcall(&p->lines, a[0]);
}

void domain_set_upcall_line(struct domain *d, unsigned int kind, unsigned int a, unsigned int b)
{
    after_change(d, change_upcall_line, kind, a, b);
}

/* A vector of vCPU 0's own comes before the line. */
static bool upcall_wanted(const struct domain *d)
{
    return d->vcpu[0] && !d->vcpu[0]->upcall_vector && evtchn_upcall_pending(&d->evtchn, 0);
}

bool domain_upcall_line_is_stale(const struct domain *d)
{
    const struct platform *p = d->platform;

    return p && platform_has_upcall_line(p) && READ_ONCE(p->lines.upcall.high) != upcall_wanted(d);
}

void domain_settle_upcall_line(struct domain *d)
{
    if (domain_upcall_line_is_stale(d))
        after_change(d, change_upcall, upcall_wanted(d), 0, 0);
}

void domain_set_intx(struct domain *d, unsigned int slot, unsigned int intx, bool high)
{
    after_change(d, change_intx, slot, intx, high);
}

void domain_set_isa(struct domain *d, unsigned int irq, bool high)
{
    after_change(d, change_isa, irq, high, 0);
}

void domain_set_link_route(struct domain *d, unsigned int link, uint8_t irq)
{
    after_change(d, change_route, link, irq, 0);
}

int domain_send_msi(struct domain *d, uint64_t address, uint32_t data)
{
    struct ioapic_msg m = { .vector = (uint8_t)data, .mode = (data >> 8) & 7U, .logical = (address >> 2) & 1,
                            .level = (data >> 15) & 1, .dest = (uint8_t)(address >> 12) };

    /* QEMU gives the place within the window of messages, which is where its own devices write to. */
    if ((address & ~MSI_OFFSET_MASK) != MSI_ADDRESS && (address & ~MSI_OFFSET_MASK) != 0)
        return -EINVAL;
    domain_deliver_msg(d, &m);
    return 0;
}

/* ---- the PIC and the CPU ---- */

/* Through the IO-APIC, as hvmloader leaves it to the firmware. */
static bool extint_by_ioapic(const struct vcpu *v)
{
    struct ioapic_msg to;

    return v->domain->vioapic_count > 0 && vioapic_passes_extint(v->domain->vioapic[0], &to) &&
           vlapic_is_enabled(&v->lapic) && vlapic_matches(&v->lapic, to.dest, to.logical, false);
}

bool vcpu_extint_pending(const struct vcpu *v)
{
    uint32_t lvt0;

    if (v->id != 0)
        return false;
    if (!(v->lapic.base_msr & VLAPIC_BASE_EN))
        return true;
    lvt0 = *(const volatile uint32_t *)(const volatile void *)(v->lapic.regs + VLAPIC_REG_LVT0);
    return (lvt0 & LVT_MODE_OR_MASK) == LVT_EXTINT || extint_by_ioapic(v);
}

uint8_t vcpu_take_extint(struct vcpu *v)
{
    struct domain *d = v->domain;
    uint8_t vector;

    spin_lock(&d->vdev_lock);
    vector = vpic_acknowledge(&d->platform->pic);
    spin_unlock(&d->vdev_lock);
    return vector;
}

/* ---- time: VDEV held but in the timer's own function ---- */

void platform_arm(struct platform *p)
{
    ns_t next = min_of(vpit_deadline(&p->pit), vrtc_deadline(&p->rtc));

    next = min_of(next, vpm_deadline(&p->pm));
    next = min_of(next, p->pit_ticks.again);
    next = min_of(next, p->rtc_ticks.again);
    timer_set(&p->timer, min_of(next, vhpet_deadline(&p->hpet)));
}

/* Does an edge of this pin still wait in the virtual APIC that it went to? */
static bool edge_waits_in_apic(const struct domain *d, unsigned int irq)
{
    struct ioapic_msg m;

    if (d->vioapic_count == 0 || !vioapic_pin_message(d->vioapic[0], irq == TIMER_IRQ ? TIMER_PIN : irq, &m))
        return false;
    for (uint32_t i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i] && vlapic_matches(&d->vcpu[i]->lapic, m.dest, m.logical, false) &&
            vlapic_irr_has(&d->vcpu[i]->lapic, m.vector))
            return true;
    return false;
}

static bool edge_is_taken(const struct platform *p, unsigned int irq)
{
    return !vpic_edge_waits(&p->pic, irq) && !edge_waits_in_apic(p->domain, irq);
}

/* What a guest misses while it is paused it does not miss. */
static bool makes_up_for_ticks(const struct domain *d)
{
    return d->params.value[HVM_PARAM_TIMER_MODE] <= HVMPTM_no_delay_for_missed_ticks && READ_ONCE(d->pause_count) == 0;
}

/* The bit of irq, if it is to rise now. */
static uint16_t tick(const struct platform *p, struct vticks *t, unsigned int irq, unsigned int count, ns_t now)
{
    if (count == 0 && now < t->again)
        return 0;
    return vticks_due(t, count, edge_is_taken(p, irq), makes_up_for_ticks(p->domain), now) ? (uint16_t)(1U << irq) : 0;
}

static void timer_fired(void *arg)
{
    struct platform *p = arg;
    struct domain *d = p->domain;
    ns_t now = time_now();
    unsigned int pit, rtc;
    uint64_t pins;
    uint16_t isa;
    bool legacy;

    spin_lock(&d->vdev_lock);
    vhpet_expire(&p->hpet, now, &pins, &isa);
    legacy = vhpet_is_legacy(&p->hpet);
    pit = vpit_expire(&p->pit, now);
    rtc = vrtc_expire(&p->rtc, now);
    if (!legacy)
        isa |= tick(p, &p->pit_ticks, TIMER_IRQ, pit, now) | tick(p, &p->rtc_ticks, RTC_IRQ, rtc, now);
    vpm_expire(&p->pm, now);
    p->pulse_isa |= isa;
    p->pulse_pins |= pins;
    platform_arm(p);
    spin_unlock(&d->vdev_lock);
    platform_settle(d);
}

/* ---- the devices on the bus: VDEV held ---- */

#define EFFECTS (IO_EFFECT_IRQ | IO_EFFECT_TIMER)

/* Byte by byte, as these devices see wider accesses. */
static void by_bytes(struct io_req *req, struct platform *p,
                     uint8_t (*read)(struct platform *p, uint16_t port, ns_t now),
                     void (*write)(struct platform *p, uint16_t port, uint8_t value, ns_t now))
{
    uint64_t data = 0;
    ns_t now = time_now();

    for (unsigned int i = 0; i < req->size; i++) {
        uint16_t port = (uint16_t)(req->addr + i);

        if (req->write)
            write(p, port, (uint8_t)(req->data >> 8 * i), now);
        else
            data |= (uint64_t)read(p, port, now) << 8 * i;
    }
    if (!req->write)
        req->data = data;
    platform_arm(p);
    req->effects |= EFFECTS;
}

static uint8_t pic_in(struct platform *p, uint16_t port, ns_t now unused_arg) { return vpic_read(&p->pic, port); }
static void pic_out(struct platform *p, uint16_t port, uint8_t value, ns_t now unused_arg)
{
    vpic_write(&p->pic, port, value);
}
static uint8_t pit_in(struct platform *p, uint16_t port, ns_t now) { return vpit_read(&p->pit, port, now); }
static void pit_out(struct platform *p, uint16_t port, uint8_t value, ns_t now)
{
    vpit_write(&p->pit, port, value, now);
}
static uint8_t pm_in(struct platform *p, uint16_t port, ns_t now) { return vpm_read(&p->pm, port - p->pm_port, now); }
static void pm_out(struct platform *p, uint16_t port, uint8_t value, ns_t now)
{
    vpm_write(&p->pm, port - p->pm_port, value, now);
}

static void pic_access(void *ctx, struct io_req *req) { by_bytes(req, ctx, pic_in, pic_out); }
static void pit_access(void *ctx, struct io_req *req) { by_bytes(req, ctx, pit_in, pit_out); }
static void pm_access(void *ctx, struct io_req *req) { by_bytes(req, ctx, pm_in, pm_out); }

/* CMOS beyond the clock's registers is a device model's, the index with it. */
static void rtc_access(void *ctx, struct io_req *req)
{
    struct platform *p = ctx;
    uint8_t value = 0xff;
    bool ours;

    if (req->size != 1) {
        req->effects |= IO_EFFECT_FORWARD;
        return;
    }
    if (req->write) {
        ours = vrtc_write(&p->rtc, (uint16_t)req->addr, (uint8_t)req->data, time_now());
    } else {
        ours = vrtc_read(&p->rtc, (uint16_t)req->addr, time_now(), &value);
        req->data = value;
    }
    platform_arm(p);
    req->effects |= ours ? EFFECTS : IO_EFFECT_FORWARD;
}

static void hpet_access(void *ctx, struct io_req *req)
{
    struct platform *p = ctx;
    unsigned int offset = (unsigned int)(req->addr - VHPET_ADDRESS);

    if (req->write)
        vhpet_write(&p->hpet, offset, req->size, req->data, time_now());
    else
        req->data = vhpet_read(&p->hpet, offset, req->size, time_now()) & io_all_ones(req->size);
    if (req->write) {
        platform_arm(p);
        req->effects |= EFFECTS;
    }
}

static void pm_timer_access(void *ctx, struct io_req *req)
{
    const struct platform *p = ctx;
    uint32_t count;

    if (req->write)
        return;
    count = vpm_timer(&p->pm, time_now());
    req->data = (count >> 8 * (req->addr - p->pm_port - PM_TIMER_OFFSET)) & io_all_ones(req->size);
}

static void flush_line(struct platform *p)
{
    p->line[p->line_used] = 0;
    if (p->line_used)
        log_guest(LOG_G_INFO, p->domain->id, "%s", p->line);
    p->line_used = 0;
}

static void debug_access(void *ctx, struct io_req *req)
{
    struct platform *p = ctx;
    char c = (char)req->data;

    if (!req->write)
        req->data = 0xe9;
    else if (c == '\n' || p->line_used == sizeof(p->line) - 1)
        flush_line(p);
    else if (c >= ' ' || c == '\t')
        p->line[p->line_used++] = c;
}

static const struct io_device pic_device = { pic_access, "PIC" };
static const struct io_device pit_device = { pit_access, "PIT" };
static const struct io_device rtc_device = { rtc_access, "RTC" };
static const struct io_device hpet_device = { hpet_access, "HPET" };
static const struct io_device pm_device = { pm_access, "PM1a event block" };
static const struct io_device pm_timer_device = { pm_timer_access, "PM timer" };
static const struct io_device debug_device = { debug_access, "debug port" };

static const struct { uint16_t first, last; const struct io_device *device; uint32_t flag; } ports[] = {
    { 0x20, 0x21, &pic_device, XEN_X86_EMU_PIC },     { 0xa0, 0xa1, &pic_device, XEN_X86_EMU_PIC },
    { 0x4d0, 0x4d1, &pic_device, XEN_X86_EMU_PIC },   { 0x40, 0x43, &pit_device, XEN_X86_EMU_PIT },
    { 0x61, 0x61, &pit_device, XEN_X86_EMU_PIT },     { 0x70, 0x71, &rtc_device, XEN_X86_EMU_RTC },
    { 0xe9, 0xe9, &debug_device, 0 },
};

static int claim_pm(struct platform *p, uint16_t port)
{
    struct io_bus *bus = &p->domain->io_bus;
    int rc = io_bus_add(bus, IO_PORT, port, port + 3U, &pm_device, p);

    if (rc == 0)
        rc = io_bus_add(bus, IO_PORT, port + PM_TIMER_OFFSET, port + PM_TIMER_OFFSET + 3U, &pm_timer_device, p);
    p->pm_port = port;
    return rc;
}

int domain_move_pm_block(struct domain *d, uint64_t location)
{
    struct platform *p = d->platform;
    int rc = 0;

    if (location > 1)
        return -EINVAL;
    if (!p || !(d->config.arch.emulation_flags & XEN_X86_EMU_PM))
        return 0;
    spin_lock(&d->vdev_lock);
    io_bus_remove(&d->io_bus, IO_PORT, p->pm_port);
    io_bus_remove(&d->io_bus, IO_PORT, p->pm_port + PM_TIMER_OFFSET);
    rc = claim_pm(p, location ? ACPI_PM1A_EVT_BLK_ADDRESS_V1 : ACPI_PM1A_EVT_BLK_ADDRESS_V0);
    spin_unlock(&d->vdev_lock);
    return rc;
}

static int claim(struct platform *p, uint32_t flags)
{
    struct io_bus *bus = &p->domain->io_bus;
    int rc = 0;

    for (unsigned int i = 0; rc == 0 && i < ARRAY_COUNT(ports); i++)
        if ((flags & ports[i].flag) == ports[i].flag)
            rc = io_bus_add(bus, IO_PORT, ports[i].first, ports[i].last, ports[i].device, p);
    if (rc == 0 && (flags & XEN_X86_EMU_HPET))
        rc = io_bus_add(bus, IO_MMIO, VHPET_ADDRESS, VHPET_ADDRESS + VHPET_SIZE - 1, &hpet_device, p);
    if (rc == 0 && (flags & XEN_X86_EMU_PM))
        rc = claim_pm(p, ACPI_PM1A_EVT_BLK_ADDRESS_V0);
    return rc;
}

static int make_ioapic(struct domain *d)
{
    struct vioapic *io = heap_new(struct vioapic);

    if (!io)
        return -ENOMEM;
    vioapic_init(io, IOAPIC_ADDRESS, 0, VLINES_PINS, IOAPIC_ID);
    d->vioapic[d->vioapic_count++] = io;
    return 0;
}

int domain_make_platform(struct domain *d)
{
    uint32_t flags = d->config.arch.emulation_flags;
    struct platform *p = heap_new(struct platform);
    ns_t now = time_now();

    if (!p)
        return -ENOMEM;
    p->domain = d;
    vpic_init(&p->pic);
    vpit_init(&p->pit, now);
    vticks_init(&p->pit_ticks);
    vticks_init(&p->rtc_ticks);
    vrtc_init(&p->rtc, time_wallclock_at_boot() / NS_PER_SECOND, now);
    vhpet_init(&p->hpet, now);
    vpm_init(&p->pm, now);
    timer_init(&p->timer, timer_fired, p, this_cpu_id());
    d->platform = p;
    if ((flags & XEN_X86_EMU_IOAPIC) && make_ioapic(d) != 0)
        return -ENOMEM;
    return claim(p, flags);
}

void domain_free_platform(struct domain *d)
{
    if (!d->platform)
        return;
    timer_kill(&d->platform->timer);
    heap_free(d->platform);
    d->platform = NULL;
}

void domain_press_button(struct domain *d, uint16_t button)
{
    if (!d->platform)
        return;
    spin_lock(&d->vdev_lock);
    vpm_press(&d->platform->pm, button);
    spin_unlock(&d->vdev_lock);
    platform_settle(d);
}

void domain_set_time_offset(struct domain *d, int64_t seconds)
{
    if (!d->platform)
        return;
    spin_lock(&d->vdev_lock);
    vrtc_set_epoch(&d->platform->rtc, time_wallclock_at_boot() / NS_PER_SECOND + seconds);
    spin_unlock(&d->vdev_lock);
}
