/* SPDX-License-Identifier: BSD-2-Clause */
/* Making and unmaking vCPUs, their places in guest memory, and giving a CPU their registers. */
#include <domain/domain.h>

#include <hv/errno.h>
#include <lib/bitmap.h>
#include <lib/string.h>
#include <mm/frames.h>
#include <mm/heap.h>
#include <x86/cpu.h>
#include <x86/time.h>
#include <xen/hvm/params.h>

#define VPID_COUNT 65536U
#define XSAVE_ALIGN 64U
#define MSR_IA32_MISC_ENABLE 0x1a0U
#define FCW_RESET 0x37fU
#define MXCSR_RESET 0x1f80U

static uint64_t vpid_map[BITMAP_WORDS(VPID_COUNT)] = { 1 };   /* 0 is the host's */
static spinlock_t vpid_lock = SPINLOCK_INIT(LOCK_VPID);

static uint16_t vpid_alloc(void)
{
    unsigned int n;

    spin_lock(&vpid_lock);
    n = bitmap_find_clear(vpid_map, VPID_COUNT, 1);
    if (n < VPID_COUNT)
        bit_set(vpid_map, n);
    spin_unlock(&vpid_lock);
    return n < VPID_COUNT ? (uint16_t)n : 0;
}

static void vpid_free(uint16_t vpid)
{
    spin_lock(&vpid_lock);
    bit_clear(vpid_map, vpid);
    spin_unlock(&vpid_lock);
}

uint64_t host_xcr0(void)
{
    static uint64_t all;

    if (!all) {
        struct cpuid_regs r = cpu_cpuid(0xd, 0);

        all = ((uint64_t)r.edx << 32) | r.eax;
    }
    return all;
}

static uint64_t host_misc_enable(void)
{
    uint64_t value = 0;

    return msr_misc_enable(cpu_rdmsr_safe(MSR_IA32_MISC_ENABLE, &value) ? value : 0);
}

static int init_xsave(struct vcpu *v)
{
    uint8_t *area = heap_alloc(cpu_cpuid(0xd, 0).ecx, XSAVE_ALIGN);
    uint16_t fcw = FCW_RESET;
    uint32_t mxcsr = MXCSR_RESET;

    if (!area)
        return -ENOMEM;
    /* XSTATE_BV 0: everything comes up in its initial state; MXCSR is read all the same. */
    memcpy(area, &fcw, sizeof(fcw));
    memcpy(area + 24, &mxcsr, sizeof(mxcsr));
    v->xsave = area;
    return 0;
}

static void lapic_timer_fired(void *arg)
{
    struct vcpu *v = arg;

    if (vlapic_timer_expire(&v->lapic, time_now()))
        sched_kick(&v->sched);
    timer_set(&v->lapic_timer, v->lapic.timer_deadline);
}

static void singleshot_fired(void *arg)
{
    vcpu_raise_virq(arg, VIRQ_TIMER);
}

static void periodic_fired(void *arg)
{
    struct vcpu *v = arg;

    vcpu_raise_virq(v, VIRQ_TIMER);
    if (v->periodic_period)
        timer_set(&v->periodic_timer, time_now() + v->periodic_period);
}

static void poll_timed_out(void *arg)
{
    struct vcpu *v = arg;

    WRITE_ONCE(v->polling, false);
    sched_wake(&v->sched);
}

static void init_timers(struct vcpu *v, unsigned int cpu)
{
    timer_init(&v->lapic_timer, lapic_timer_fired, v, cpu);
    timer_init(&v->singleshot_timer, singleshot_fired, v, cpu);
    timer_init(&v->periodic_timer, periodic_fired, v, cpu);
    timer_init(&v->poll_timer, poll_timed_out, v, cpu);
}

static int init_hw(struct vcpu *v)
{
    struct domain *d = v->domain;
    struct hw_vcpu_config c = {
        .slat_root = hw_slat_pointer(&d->p2m.slat),
        .vpid = vpid_alloc(),
        .apic_page = v->lapic_page,
        .virtual_apic = !d->no_apicv,
        .run_limit = d->run_limit,
        .msr_bitmap = d->msr_bitmap,
        .msr_bitmap_x2apic = d->msr_bitmap_x2apic,
        .io_bitmap = d->io_bitmap,
        .eoi_exit_bitmap = v->lapic.eoi_exit,
    };

    if (c.vpid == 0)
        return -ENOSPC;
    return hw_vcpu_init(&v->hw, &c);
}

int vcpu_create(struct domain *d, uint32_t id)
{
    struct vcpu *v = heap_new(struct vcpu);
    unsigned int cpu = id % cpu_count();
    int rc;

    if (!v)
        return -ENOMEM;
    v->domain = d;
    v->id = id;
    spin_lock_init(&v->lock, LOCK_VCPU);
    v->lapic_page = heap_alloc_pages(0);
    if (!v->lapic_page) {
        heap_free(v);
        return -ENOMEM;
    }
    vlapic_init(&v->lapic, v->lapic_page, 2 * id, id == 0);
    msr_store_reset(&v->msrs);
    v->misc_enable = host_misc_enable();
    sched_unit_init(&v->sched, d->id, id, cpu);
    sched_group_add(&d->sched, &v->sched);
    v->sched.pause_count = d->pause_count ? 1 : 0;
    init_timers(v, cpu);
    v->sipi_wait = id != 0;
    rc = init_xsave(v);
    if (rc == 0)
        rc = init_hw(v);
    if (rc != 0) {
        vcpu_destroy(v);
        return rc;
    }
    v->context_new = true;     /* its CPU has yet to be given the TSC */
    v->hw.guest_xcr0 = 1;      /* x87, as after reset */
    vcpu_place_info_default(v);
    d->vcpu[id] = v;
    return 0;
}

void vcpu_destroy(struct vcpu *v)
{
    if (!v)
        return;
    timer_kill(&v->lapic_timer);
    timer_kill(&v->singleshot_timer);
    timer_kill(&v->periodic_timer);
    timer_kill(&v->poll_timer);
    sched_unit_fini(&v->sched);
    if (v->hw.config.vpid) {
        vpid_free(v->hw.config.vpid);
        hw_vcpu_fini(&v->hw);
    }
    domain_unmap_page(v->info.page, v->info.mfn);
    domain_unmap_page(v->fifo_control.page, v->fifo_control.mfn);
    heap_free(v->xsave);
    heap_free_pages(v->lapic_page, 0);
    heap_free(v);
}

/* ---- shared areas ---- */

/* Until it registers one, a vCPU's info is in shared_info; those beyond its 32 have none. */
void vcpu_place_info_default(struct vcpu *v)
{
    struct shared_info *s = v->domain->shared_info;

    if (v->id < XEN_LEGACY_MAX_VCPUS)
        evtchn_set_vcpu_info(&v->domain->evtchn, v->id, &s->vcpu_info[v->id]);
    vcpu_update_time(v);
}

struct vcpu_time_info *vcpu_time_area(struct vcpu *v)
{
    struct vcpu_info *info = v->domain->evtchn.vcpu[v->id].vcpu_info;

    return info ? &info->time : NULL;
}

/* ---- TSC ---- */

uint64_t vcpu_tsc(const struct vcpu *v)
{
    return guest_tsc_at(&v->domain->tsc, cpu_rdtsc()) + v->tsc_adjust;
}

ns_t vcpu_tsc_deadline(const struct vcpu *v, uint64_t tsc)
{
    uint64_t host = guest_tsc_until(&v->domain->tsc, tsc - v->tsc_adjust, cpu_rdtsc(), (uint32_t)time_tsc_khz());

    return host > time_ns_to_tsc(NS_NEVER / 4) ? NS_NEVER : time_now() + time_tsc_to_ns(host);
}

void vcpu_apply_tsc(struct vcpu *v)
{
    const struct guest_tsc *t = &v->domain->tsc;

    if (hw_features.tsc_scaling)
        hw_set_tsc_multiplier(&v->hw, t->ratio << 16);       /* 32.32 to 16.48 */
    hw_set_tsc_offset(&v->hw, t->offset + v->tsc_adjust);
    hw_set_rdtsc_exits(&v->hw, t->emulated);
}

void vcpu_set_tsc_adjust(struct vcpu *v, uint64_t adjust)
{
    v->tsc_adjust = adjust;
    vcpu_apply_tsc(v);
    vcpu_update_time(v);
}

/* Two conversions in a row may lose as many nanoseconds: rather the guest sees a deadline passed than that it comes early. */
#define CLOCK_ROUNDING_NS 2

static struct pvclock_source clock_of(const struct vcpu *v)
{
    const struct guest_tsc *t = &v->domain->tsc;
    struct tsc_scale s = time_tsc_scale();
    ns_t since_boot = time_tsc_to_ns(t->host - time_boot_tsc());

    if (t->ratio != GUEST_TSC_ONE)
        pvclock_scale(t->khz, &s.mul, &s.shift);
    return (struct pvclock_source){
        .tsc_timestamp = t->guest + v->tsc_adjust,
        .system_time = since_boot ? since_boot + CLOCK_ROUNDING_NS : 0,
        .mul = s.mul,
        .shift = s.shift,
        .flags = XEN_PVCLOCK_TSC_STABLE_BIT,
    };
}

void vcpu_update_time(struct vcpu *v)
{
    struct pvclock_source clock = clock_of(v);
    struct vcpu_time_info *to = vcpu_time_area(v);

    if (to)
        pvclock_write(to, &clock);
    if (v->time_registered && v == current_vcpu()) {
        struct vcpu_time_info copy = { 0 };

        pvclock_write(&copy, &clock);
        copy.version = 2;
        if (guest_write(v, v->time_va, &copy, sizeof(copy)) != 0)
            return; /* not mapped right now: the next update will try again */
    }
}

void domain_update_wallclock(struct domain *d)
{
    wallclock_write(d->shared_info, d->shared_32bit, time_wallclock_at_boot());
}

void domain_set_shared_layout(struct domain *d, bool bits32)
{
    bool changed;

    spin_lock(&d->evtchn_lock);
    changed = d->shared_32bit != bits32;
    d->shared_32bit = bits32;
    d->evtchn.shared_32bit = bits32;
    spin_unlock(&d->evtchn_lock);
    if (changed)
        domain_update_wallclock(d);
}

void vcpu_write_runstate(struct vcpu *v)
{
    struct runstate_image image;
    gva_t flag;
    uint8_t busy;

    if (!v->runstate_registered)
        return;
    runstate_make_image(&v->sched.runstate, time_now(), v->domain->shared_32bit, &image);
    flag = gva_of(v->runstate_va.v + image.flag_offset);
    busy = image.bytes[image.flag_offset] | RUNSTATE_FLAG_BYTE;
    /* Readers see the flag go up, the record, then the record without it. Not mapped now: tried at the next switch. */
    if (guest_write(v, flag, &busy, sizeof(busy)) == 0)
        (void)(guest_write(v, v->runstate_va, image.bytes, image.size) == 0);
}

/* ---- on and off a CPU ---- */

static void save_debug(struct vcpu *v)
{
    if (!v->dr_loaded)
        return;
    for (unsigned int i = 0; i < 4; i++)
        v->dr[i] = cpu_read_dr(i);
    v->dr6 = hw_get_dr6(&v->hw);
    v->dr_loaded = false;
}

void vcpu_load_debug(struct vcpu *v)
{
    for (unsigned int i = 0; i < 4; i++)
        cpu_write_dr(i, v->dr[i]);
    hw_set_dr6(&v->hw, v->dr6);
    v->dr_loaded = true;
}

/* Which breakpoints were met is of this one; BD, BS and BT stay until the guest clears them. */
void vcpu_note_debug(struct vcpu *v, uint64_t causes)
{
    uint64_t dr6 = v->dr_loaded ? hw_get_dr6(&v->hw) : v->dr6;

    dr6 = (dr6 & ~DR6_BREAKPOINTS) | (causes & (DR6_BREAKPOINTS | DR6_BD | DR6_BS | DR6_BT)) | DR6_FIXED;
    if (v->dr_loaded)
        hw_set_dr6(&v->hw, dr6);
    v->dr6 = dr6;
}

static bool load_pdptes(struct vcpu *v)
{
    gpa_t at = gpa_of(hw_get_cr(&v->hw, 3) & 0xffffffe0U);
    uint64_t pdpte[4];

    return domain_read_phys(v->domain, at, pdpte, sizeof(pdpte)) == 0 && hw_set_pdptes(&v->hw, pdpte);
}

bool vcpu_set_cr(struct vcpu *v, unsigned int n, uint64_t value)
{
    uint64_t old = hw_get_cr(&v->hw, n);

    if (!hw_set_cr(&v->hw, n, value))
        return false;
    if (likely(!hw_pdptes_wanted(&v->hw)) || load_pdptes(v))
        return true;
    if (!hw_set_cr(&v->hw, n, old))
        domain_crash(v->domain, "PDPTEs at CR3 %#llx cannot be loaded", (unsigned long long)hw_get_cr(&v->hw, 3));
    return false;
}

void vcpu_load(struct vcpu *v)
{
    unsigned int cpu = this_cpu_id();

    (void)bit_test_and_set_atomic(v->domain->p2m.dirty_cpus, cpu);
    this_cpu()->current = v;
    sched_entered(&v->sched);
    cpu_xsetbv(host_xcr0());
    cpu_xrstor(v->xsave, host_xcr0());
    hw_load(&v->hw);
    cpu_xsetbv(v->hw.guest_xcr0);
    timer_migrate(&v->lapic_timer, cpu);
    timer_migrate(&v->singleshot_timer, cpu);
    timer_migrate(&v->periodic_timer, cpu);
    timer_migrate(&v->poll_timer, cpu);
}

/* ---- vector registers one by one: by way of the saved form (SDM vol. 1, 13.4) ---- */

#define XSAVE_XMM 160U
#define XSAVE_BV 512U
#define XCR0_SSE 2ULL
#define XCR0_AVX 4ULL

static uint8_t *saved_upper_halves(struct vcpu *v)
{
    return host_xcr0() & XCR0_AVX ? (uint8_t *)v->xsave + cpu_cpuid(0xd, 2).ebx : NULL;
}

static void vectors_begin(struct vcpu *v)
{
    v->hw.guest_xcr0 = cpu_xgetbv();
    cpu_xsetbv(host_xcr0());
    cpu_xsave(v->xsave, host_xcr0());
}

void vcpu_vector_get(struct vcpu *v, unsigned int n, uint8_t to[VECTOR_BYTES])
{
    uint8_t *upper = saved_upper_halves(v);

    vectors_begin(v);
    memcpy(to, (uint8_t *)v->xsave + XSAVE_XMM + 16 * (n & 15U), 16);
    memset(to + 16, 0, 16);
    if (upper)
        memcpy(to + 16, upper + 16 * (n & 15U), 16);
    cpu_xsetbv(v->hw.guest_xcr0);
}

void vcpu_vector_set(struct vcpu *v, unsigned int n, const uint8_t from[VECTOR_BYTES], unsigned int bytes)
{
    uint64_t *held = (uint64_t *)(void *)((uint8_t *)v->xsave + XSAVE_BV);
    uint8_t *upper = saved_upper_halves(v);

    vectors_begin(v);
    memcpy((uint8_t *)v->xsave + XSAVE_XMM + 16 * (n & 15U), from, 16);
    *held |= XCR0_SSE;
    if (upper && bytes > 16) {
        memcpy(upper + 16 * (n & 15U), from + 16, 16);
        *held |= XCR0_AVX;
    }
    cpu_xrstor(v->xsave, host_xcr0());
    cpu_xsetbv(v->hw.guest_xcr0);
}

void vcpu_unload(struct vcpu *v)
{
    save_debug(v);
    v->hw.guest_xcr0 = cpu_xgetbv();     /* not every emulated CPU exits at XSETBV */
    cpu_xsetbv(host_xcr0());
    cpu_xsave(v->xsave, host_xcr0());
    hw_unload(&v->hw);
    this_cpu()->current = NULL;
    sched_left(&v->sched);
}

void vcpu_online(struct vcpu *v)
{
    sched_set_down(&v->sched, false);
}

static bool start_pending(const struct vcpu *v)
{
    return READ_ONCE(v->init_pending) || READ_ONCE(v->sipi_pending);
}

/* Whoever sends INIT or SIPI makes the request first, then brings the vCPU up: a request that is not
 * seen here will still bring it up. */
void vcpu_offline(struct vcpu *v)
{
    sched_set_down(&v->sched, true);
    if (start_pending(v))
        sched_set_down(&v->sched, false);
}

void vcpu_block(struct vcpu *v)
{
    if (!start_pending(v))
        sched_block(&v->sched);
}
