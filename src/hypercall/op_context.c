/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HVM context (xen/hvm/save.h): a domain's state as a chain of records {type, instance, length,
 * data}. Written straight into the caller's buffer; read one record at a time. Devices that a
 * guest does not have are not written.
 */
#include "ctl.h"
#include "vcpu_context.h"

#include <lib/string.h>
#include <mm/heap.h>
#include <x86/cpu.h>
#include <x86/time.h>

#define MSR_MTRRCAP 0xfeU
#define MSR_MTRR_DEF_TYPE 0x2ffU
#define MSR_MTRR_PHYSBASE0 0x200U
static const uint32_t mtrr_fixed[NUM_FIXED_MSR] = { 0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b,
                                                    0x26c, 0x26d, 0x26e, 0x26f };

union record { struct hvm_save_header header; struct hvm_hw_cpu cpu; struct hvm_hw_lapic lapic;
               struct hvm_hw_lapic_regs lapic_regs; struct hvm_hw_mtrr mtrr;
               struct hvm_tsc_adjust tsc_adjust;
               struct hvm_viridian_domain_context viridian; struct hvm_viridian_vcpu_context viridian_vcpu;
               union { struct hvm_hw_cpu_xsave xsave; uint64_t room[XSAVE_RECORD_MAX / 8]; };
               uint64_t platform[PLATFORM_RECORD_MAX / 8]; };

/* Where records go. With no buffer only their size is counted. */
struct sink { struct hc *c; gva_t at; uint64_t used, room; bool count_only; int rc; };

static void put_record(struct sink *s, uint16_t type, uint16_t instance, const void *data,
                       uint32_t length)
{
    struct hvm_save_descriptor d = { type, instance, length };
    uint64_t end = s->used + sizeof(d) + length;

    if (s->rc == 0 && !s->count_only) {
        if (end > s->room)
            s->rc = -ENOSPC;
        else if (hc_write(s->c, gva_of(s->at.v + s->used), &d, sizeof(d)) != 0 ||
                 (length &&
                  hc_write(s->c, gva_of(s->at.v + s->used + sizeof(d)), data, length) != 0))
            s->rc = -EFAULT;
    }
    s->used = end;
}

static void make_header(struct domain *d, union record *r)
{
    r->header.magic = HVM_FILE_MAGIC;
    r->header.version = HVM_FILE_VERSION;
    r->header.cpuid = cpu_cpuid(1, 0).eax;
    r->header.gtsc_khz = d->tsc.khz;
}

static void make_lapic(const struct vcpu *v, union record *r)
{
    r->lapic.apic_base_msr = v->lapic.base_msr;
    r->lapic.disabled = !vlapic_is_enabled(&v->lapic);
    r->lapic.tdt_msr = vlapic_get_tsc_deadline(&v->lapic);
}

static void make_mtrr(struct vcpu *v, union record *r)
{
    struct hvm_hw_mtrr *m = &r->mtrr;

    (void)msr_store_read(&v->msrs, MSR_MTRRCAP, &m->msr_mtrr_cap);
    if (m->msr_mtrr_cap == 0)
        m->msr_mtrr_cap = 0x508;
    (void)msr_store_read(&v->msrs, MSR_MTRR_DEF_TYPE, &m->msr_mtrr_def_type);
    for (unsigned int i = 0; i < MTRR_VCNT * 2; i++)
        (void)msr_store_read(&v->msrs, MSR_MTRR_PHYSBASE0 + i, &m->msr_mtrr_var[i]);
    for (unsigned int i = 0; i < NUM_FIXED_MSR; i++)
        (void)msr_store_read(&v->msrs, mtrr_fixed[i], &m->msr_mtrr_fixed[i]);
    vcpu_context_pat(v, &m->msr_pat_cr, false);
}

static void make_viridian(const struct domain *d, union record *r)
{
    r->viridian.hypercall_gpa = d->viridian.hypercall;
    r->viridian.guest_os_id = d->viridian.guest_os_id;
    r->viridian.time_ref_count = viridian_reference_time(guest_tsc_at(&d->tsc, cpu_rdtsc()), d->tsc.khz);
    r->viridian.reference_tsc = d->viridian.reference_tsc;
}

/* One that is down has nothing to go on from; without a record it stays down where the domain is loaded again. */
static bool has_state(const struct vcpu *v)
{
    return v->initialised && !READ_ONCE(v->sched.down);
}

static bool make_record(struct domain *d, uint16_t type, struct vcpu *v, union record *r,
                        uint32_t *length)
{
    memset(r, 0, sizeof(*r));
    switch (type) {
    case HVM_SAVE_CODE(HEADER):
        make_header(d, r);
        *length = sizeof(r->header);
        return true;
    case HVM_SAVE_CODE(CPU):
        if (!has_state(v))
            return false;
        vcpu_context_save(v, &r->cpu);
        r->cpu.tsc = vcpu_tsc(v);
        *length = sizeof(r->cpu);
        return true;
    case HVM_SAVE_CODE(LAPIC):
        make_lapic(v, r);
        *length = sizeof(r->lapic);
        return true;
    case HVM_SAVE_CODE(LAPIC_REGS):
        vlapic_save(&v->lapic, time_now(), r->lapic_regs.data);
        *length = sizeof(r->lapic_regs);
        return true;
    case HVM_SAVE_CODE(MTRR):
        make_mtrr(v, r);
        *length = sizeof(r->mtrr);
        return true;
    case CPU_XSAVE_CODE:
        *length = vcpu_xsave_length(v);
        if (*length == 0 || !has_state(v))
            return false;
        vcpu_xsave_save(v, &r->xsave);
        return true;
    case HVM_SAVE_CODE(TSC_ADJUST):
        r->tsc_adjust.tsc_adjust = v->tsc_adjust;
        *length = sizeof(r->tsc_adjust);
        return true;
    case HVM_SAVE_CODE(VIRIDIAN_DOMAIN):
        make_viridian(d, r);
        *length = sizeof(r->viridian);
        return domain_enlightenments(d) != 0;
    case HVM_SAVE_CODE(VIRIDIAN_VCPU):
        r->viridian_vcpu.vp_assist_msr = v->viridian_assist;
        *length = sizeof(r->viridian_vcpu);
        return domain_enlightenments(d) != 0;
    default:
        return false;
    }
}

static const uint16_t domain_records[] = { HVM_SAVE_CODE(HEADER), HVM_SAVE_CODE(VIRIDIAN_DOMAIN) };
/* The TSC stands before the deadlines that are made of it. */
static const uint16_t vcpu_records[] = { HVM_SAVE_CODE(CPU), HVM_SAVE_CODE(TSC_ADJUST), HVM_SAVE_CODE(LAPIC),
                                         HVM_SAVE_CODE(LAPIC_REGS), HVM_SAVE_CODE(MTRR), CPU_XSAVE_CODE,
                                         HVM_SAVE_CODE(VIRIDIAN_VCPU) };

static bool is_domain_record(uint16_t type)
{
    for (unsigned int i = 0; i < ARRAY_COUNT(domain_records); i++)
        if (domain_records[i] == type)
            return true;
    return false;
}

static void put_platform(struct sink *s, struct domain *d, union record *r)
{
    uint16_t type, instance;
    uint32_t length;

    for (unsigned int n = 0; platform_record_at(d, n, &type, &instance); n++)
        if (platform_save(d, type, instance, r, &length))
            put_record(s, type, instance, r, length);
}

static void put_all(struct sink *s, struct domain *d, union record *r)
{
    uint32_t length;

    for (unsigned int k = 0; k < ARRAY_COUNT(domain_records); k++)
        if (make_record(d, domain_records[k], NULL, r, &length))
            put_record(s, domain_records[k], 0, r, length);
    for (unsigned int k = 0; k < ARRAY_COUNT(vcpu_records); k++)
        for (uint32_t i = 0; i < d->max_vcpus; i++)
            if (d->vcpu[i] && make_record(d, vcpu_records[k], d->vcpu[i], r, &length))
                put_record(s, vcpu_records[k], (uint16_t)i, r, length);
    put_platform(s, d, r);
    put_record(s, HVM_SAVE_CODE(END), 0, NULL, 0);
}

int64_t domctl_gethvmcontext(struct ctl *t)
{
    struct xen_domctl_hvmcontext *a = t->u;
    struct sink s = { .c = t->c, .at = hc_handle(a->buffer), .room = a->size };
    union record *r = heap_new(union record);

    if (!r)
        return -ENOMEM;
    s.count_only = s.at.v == 0;
    domain_pause(t->d);
    put_all(&s, t->d, r);
    ctl_resume(t->d);
    heap_free(r);
    if (s.count_only) {
        /* Room for vCPUs that get their context later. */
        s.used += (uint64_t)t->d->max_vcpus *
                  (sizeof(struct hvm_save_descriptor) + sizeof(struct hvm_hw_cpu));
        s.rc = 0;
    }
    a->size = (uint32_t)s.used;
    return s.rc;
}

int64_t domctl_gethvmcontext_partial(struct ctl *t)
{
    struct xen_domctl_hvmcontext_partial *a = t->u;
    struct vcpu *v = domain_vcpu(t->d, a->instance);
    union record *r = heap_new(union record);
    uint32_t length = 0;
    int64_t rc = -ENOENT;

    if (!r)
        return -ENOMEM;
    domain_pause(t->d);
    if (platform_record_length((uint16_t)a->type)) {
        if (platform_save(t->d, (uint16_t)a->type, (uint16_t)a->instance, r, &length))
            rc = 0;
    } else if ((v || is_domain_record((uint16_t)a->type)) && make_record(t->d, (uint16_t)a->type, v, r, &length)) {
        rc = 0;
    }
    ctl_resume(t->d);
    if (rc == 0 && hc_handle(a->buffer).v) {
        if (a->bufsz < length)
            rc = -ENOSPC;
        else
            rc = hc_write(t->c, hc_handle(a->buffer), r, length);
    }
    a->bufsz = length;
    heap_free(r);
    return rc;
}

/* Loading. */

static int load_mtrr(struct vcpu *v, struct hvm_hw_mtrr *m)
{
    bool good = msr_store_write(&v->msrs, MSR_MTRR_DEF_TYPE, m->msr_mtrr_def_type);

    for (unsigned int i = 0; i < MTRR_VCNT * 2; i++)
        good &= msr_store_write(&v->msrs, MSR_MTRR_PHYSBASE0 + i, m->msr_mtrr_var[i]);
    for (unsigned int i = 0; i < NUM_FIXED_MSR; i++)
        good &= msr_store_write(&v->msrs, mtrr_fixed[i], m->msr_mtrr_fixed[i]);
    good &= vcpu_context_pat(v, &m->msr_pat_cr, true);
    return good ? 0 : -EINVAL;
}

static int load_header(const union record *r)
{
    return r->header.magic == HVM_FILE_MAGIC && r->header.version == HVM_FILE_VERSION ? 0 : -EINVAL;
}

_Static_assert(sizeof(struct hvm_hw_lapic_regs) == VLAPIC_IMAGE_SIZE, "the record is the image");

/* The deadline itself came with the LAPIC record, which stands before this one. */
static int load_lapic_regs(struct vcpu *v, const union record *r)
{
    struct vlapic_effect e = { 0 };
    uint64_t tsc = v->lapic.tsc_deadline;

    vlapic_restore(&v->lapic, r->lapic_regs.data, time_now());
    if (tsc != 0)
        vlapic_set_tsc_deadline(&v->lapic, tsc, vcpu_tsc_deadline(v, tsc), &e);
    timer_set(&v->lapic_timer, v->lapic.timer_deadline);
    v->context_new = true;
    return 0;
}

static int load_lapic(struct vcpu *v, const union record *r)
{
    struct vlapic_effect e = { 0 };

    if (!vlapic_set_base(&v->lapic, r->lapic.apic_base_msr, &e))
        return -EINVAL;
    v->lapic.tsc_deadline = r->lapic.tdt_msr;
    v->context_new = true;
    return 0;
}

/* The first vCPU's TSC sets the domain's, so that all stay alike. */
static int load_cpu(struct vcpu *v, const union record *r)
{
    int rc = vcpu_context_load(v, &r->cpu);

    if (rc != 0)
        return rc;
    if (v->id == 0) {
        v->tsc_adjust = 0;
        guest_tsc_set(&v->domain->tsc, r->cpu.tsc, cpu_rdtsc());
    }
    vcpu_online(v);
    return 0;
}

/* The TSC that came with the first vCPU's registers had it in it. */
static int load_tsc_adjust(struct vcpu *v, const union record *r)
{
    struct guest_tsc *t = &v->domain->tsc;

    v->tsc_adjust = r->tsc_adjust.tsc_adjust;
    if (v->id == 0)
        guest_tsc_set(t, t->guest - v->tsc_adjust, t->host);
    return 0;
}

/* What its pages hold is in the domain's memory; the reference time goes on with the TSC. */
static int load_viridian(struct domain *d, const union record *r)
{
    d->viridian.hypercall = r->viridian.hypercall_gpa;
    d->viridian.guest_os_id = r->viridian.guest_os_id;
    d->viridian.reference_tsc = r->viridian.reference_tsc;
    return 0;
}

/* The size that a type must have; 0: one that is accepted and not used. */
static uint32_t record_length(uint16_t type)
{
    switch (type) {
    case HVM_SAVE_CODE(HEADER):     return sizeof(struct hvm_save_header);
    case HVM_SAVE_CODE(CPU):        return sizeof(struct hvm_hw_cpu);
    case HVM_SAVE_CODE(LAPIC):      return sizeof(struct hvm_hw_lapic);
    case HVM_SAVE_CODE(LAPIC_REGS): return sizeof(struct hvm_hw_lapic_regs);
    case HVM_SAVE_CODE(MTRR):       return sizeof(struct hvm_hw_mtrr);
    case HVM_SAVE_CODE(TSC_ADJUST): return sizeof(struct hvm_tsc_adjust);
    case HVM_SAVE_CODE(VIRIDIAN_DOMAIN): return sizeof(struct hvm_viridian_domain_context);
    case HVM_SAVE_CODE(VIRIDIAN_VCPU): return sizeof(struct hvm_viridian_vcpu_context);
    default:                        return platform_record_length(type);
    }
}

static int load_record(struct ctl *t, const struct hvm_save_descriptor *h, union record *r)
{
    struct vcpu *v = domain_vcpu(t->d, h->instance);

    if (h->typecode == HVM_SAVE_CODE(HEADER))
        return load_header(r);
    if (h->typecode == HVM_SAVE_CODE(VIRIDIAN_DOMAIN))
        return load_viridian(t->d, r);
    if (platform_record_length(h->typecode))
        return platform_load(t->d, h->typecode, h->instance, r);
    if (!v)
        return hc_invalid(t->c, "sethvmcontext: instance", h->instance);
    switch (h->typecode) {
    case HVM_SAVE_CODE(CPU):        return load_cpu(v, r);
    case HVM_SAVE_CODE(LAPIC):      return load_lapic(v, r);
    case HVM_SAVE_CODE(LAPIC_REGS): return load_lapic_regs(v, r);
    case HVM_SAVE_CODE(MTRR):       return load_mtrr(v, &r->mtrr);
    case CPU_XSAVE_CODE:            return vcpu_xsave_load(v, &r->xsave, h->length);
    case HVM_SAVE_CODE(TSC_ADJUST): return load_tsc_adjust(v, r);
    case HVM_SAVE_CODE(VIRIDIAN_VCPU): v->viridian_assist = r->viridian_vcpu.vp_assist_msr; return 0;
    default:                        return 0;
    }
}

/* One record at `at`; *step is how far the next one is, 0 after the last. */
static int next_record(struct ctl *t, gva_t at, uint64_t room, union record *r, uint64_t *step)
{
    struct hvm_save_descriptor h;
    uint32_t want;
    int rc;

    *step = 0;
    if (room < sizeof(h) || hc_read(t->c, &h, at, sizeof(h)) != 0)
        return -EFAULT;
    if (h.typecode == HVM_SAVE_CODE(END))
        return 0;
    if (h.length > room - sizeof(h))
        return hc_invalid(t->c, "sethvmcontext: length", h.length);
    *step = sizeof(h) + h.length;
    want = h.typecode == CPU_XSAVE_CODE ? h.length : record_length(h.typecode);
    if (want == 0)
        return 0;
    if (h.length != want || want > sizeof(*r))
        return hc_invalid(t->c, "sethvmcontext: length", h.length);
    if (hc_read(t->c, r, gva_of(at.v + sizeof(h)), want) != 0)
        return -EFAULT;
    rc = load_record(t, &h, r);
    return rc == -EINVAL ? hc_invalid(t->c, "sethvmcontext: record", h.typecode) : rc;
}

/* Every vCPU goes down first: those with a CPU record come up again. */
static void all_down(struct domain *d)
{
    for (uint32_t i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i])
            vcpu_offline(d->vcpu[i]);
}

int64_t domctl_sethvmcontext(struct ctl *t)
{
    const struct xen_domctl_hvmcontext *a = t->u;
    gva_t at = hc_handle(a->buffer);
    union record *r;
    uint64_t done = 0, step;
    int rc;

    if (t->d->max_vcpus == 0)
        return -EINVAL;
    r = heap_new(union record);
    if (!r)
        return -ENOMEM;
    domain_pause(t->d);
    all_down(t->d);
    do {
        memset(r, 0, sizeof(*r));
        rc = next_record(t, gva_of(at.v + done), a->size - done, r, &step);
        done += step;
    } while (rc == 0 && step != 0);
    ctl_resume(t->d);
    heap_free(r);
    return rc;
}
