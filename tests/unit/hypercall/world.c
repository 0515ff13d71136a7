/* SPDX-License-Identifier: BSD-2-Clause */
#include "world.h"

#include "fake.h"
#include "fake_mm.h"

#include <lib/log.h>
#include <mm/frames.h>
#include <stdlib.h>
#include <string.h>
#include <vmx/vmcs_fake.h>
#include <hw/hw.h>
#include <x86/softirq.h>

#define ARGS_AT 0x10000UL
#define ARGS_END 0x80000UL
#define FETCHES_MAX 4096U

struct world world;
unsigned int world_cpus = 2;
void (*world_on_fetch)(void);
unsigned int world_fetches_until;

static uint64_t next_arg;
static struct { uint64_t at, size; } fetches[FETCHES_MAX];
static unsigned int fetch_count;
static bool watching;

/* The fakes' arenas live as long as the program; a search for
 * leaks has nothing to say about them. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }

/* ---- the watch on guest memory: the linker sends src/hypercall's reads through here ---- */

int __real_guest_read(struct vcpu *v, void *to, gva_t from, size_t size);
int __wrap_guest_read(struct vcpu *v, void *to, gva_t from, size_t size);

static void come_between(void)
{
    void (*fn)(void) = world_on_fetch;

    if (world_fetches_until == 0 || --world_fetches_until > 0)
        return;
    world_on_fetch = NULL;
    fn();
}

int __wrap_guest_read(struct vcpu *v, void *to, gva_t from, size_t size)
{
    static unsigned int reads;

    come_between();

    /* Time passes: what is long is interrupted. */
    if (world.ticking && ++reads % 256 == 0)
        softirq_raise(SOFTIRQ_TIMER);
    if (watching && size > 0 && !world.ticking) {
        for (unsigned int i = 0; i < fetch_count; i++)
            if (from.v < fetches[i].at + fetches[i].size && fetches[i].at < from.v + size)
                world.double_fetches++;
        if (fetch_count < FETCHES_MAX) {
            fetches[fetch_count].at = from.v;
            fetches[fetch_count++].size = size;
        }
    }
    return __real_guest_read(v, to, from, size);
}

/* ---- domains ---- */

static void give_identity(struct domain *d)
{
    for (uint64_t g = 0; g < WORLD_DOM0_RAM >> PAGE_SHIFT; g += 512)
        if (p2m_set(&d->p2m, gfn_of(g), PAGE_ORDER_2M, mfn_of(g), P2M_RAM_RW, NULL) != 0)
            abort();
    d->tot_pages = d->max_pages = WORLD_DOM0_RAM >> PAGE_SHIFT;
}

static void give_pages(struct domain *d)
{
    for (uint64_t g = 0; g < WORLD_GUEST_PAGES; g++) {
        mfn_t m = frame_alloc(0, d->id, true);

        if (!mfn_is_valid(m) || p2m_set(&d->p2m, gfn_of(g), 0, m, P2M_RAM_RW, NULL) != 0)
            abort();
    }
    d->tot_pages = WORLD_GUEST_PAGES;
    d->max_pages = WORLD_GUEST_PAGES + 64;
}

static struct domain *make_domain(domid_t id, uint32_t vcpus)
{
    struct xen_domctl_createdomain config = {
        .flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
        .max_vcpus = vcpus,
        .max_evtchn_port = 131071,
        .max_grant_frames = -1,
        .max_maptrack_frames = -1,
        .grant_opts = 1,
        .arch.emulation_flags = XEN_X86_EMU_LAPIC,
    };
    struct domain *d;

    if (domain_create(id, &config, &d) != 0 || domain_add_vcpus(d, vcpus) != 0)
        abort();
    for (uint32_t i = 0; i < vcpus; i++) {
        d->vcpu[i]->initialised = true;
        vcpu_online(d->vcpu[i]);
    }
    if (domain_unpause(d) != 0)
        abort();
    d->e820[0].start = 0;
    d->e820[0].size = WORLD_DOM0_RAM;
    d->e820[0].type = 1;
    d->e820_count = 1;
    return d;
}

static struct cpuid_leaf no_leaf(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_regs r = cpu_cpuid(leaf, subleaf);

    return (struct cpuid_leaf){ r.eax, r.ebx, r.ecx, r.edx };
}

/* A small CPU: enough leaves for policies and topology. */
static void make_cpu(void)
{
    fake_cpuid_set(0, 0, (struct cpuid_regs){ 0xd, 0x756e6547, 0x6c65746e, 0x49656e69 });
    fake_cpuid_set(1, 0, (struct cpuid_regs){ 0x306c3, 0x00020800, 0x7ffafbff, 0xbfebfbff });
    fake_cpuid_set(0xb, 0, (struct cpuid_regs){ 0, 1, 0x100, 0 });
    fake_cpuid_set(0xb, 1, (struct cpuid_regs){ 4, 2, 0x201, 0 });
    fake_cpuid_set(0xd, 0, (struct cpuid_regs){ 7, 832, 832, 0 });
    fake_cpuid_set(0xd, 2, (struct cpuid_regs){ 256, 576, 0, 0 });
    fake_cpuid_set(0x80000000, 0, (struct cpuid_regs){ 0x80000008, 0, 0, 0 });
    fake_cpuid_set(0x80000001, 0, (struct cpuid_regs){ 0, 0, 0x21, 0x2c100800 });
    fake_cpuid_set(0x80000008, 0, (struct cpuid_regs){ 0x3027, 0, 0, 0 });
}

/* VMX as Bochs has it on its Haswell (the MSRs of SDM appendix A, 0x480 on). */
static void make_vmx(void)
{
    static const struct { uint32_t msr; uint64_t value;
    } caps[] = {
        { 0x3a, 5 },
        { 0x480, 0x00da10000000002b },
        { 0x485, 0x200000e0 },
        { 0x486, 0x80000021 },
        { 0x487, 0xffffffff },
        { 0x488, 0x2000 },
        { 0x489, 0x1727ff },
        { 0x48b, 0x00007fff00000000 },
        { 0x48c, 0x00000f0106334141 },
        { 0x48d, 0x0000007f00000016 },
        { 0x48e, 0xf7f9fffe04006172 },
        { 0x48f, 0x007fffff00036dfb },
        { 0x490, 0x0000ffff000011fb },
        { 0xc0000080, 0xd01 },
        { 0x277, 0x0007040600070406 },
        { 0xc0000100, 0 },
        { 0x48, 0 },
        { 0xc0000081, 0 },
        { 0xc0000082, 0 },
        { 0xc0000083, 0 },
        { 0xc0000084, 0 },
        { 0xc0000102, 0 },
        { 0xc0000103, 0 },
        { 0x174, 0 },
        { 0x175, 0 },
        { 0x176, 0 },
    };

    for (unsigned int i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
        fake_msr_set(caps[i].msr, caps[i].value);
    cpu_write_cr0(0x80010033);
    cpu_write_cr4(0x20);
}

static void start_cpus(void)
{
    fake_cpu_set_count(world_cpus);
    if (hw_start() != NULL)
        abort();
    sched_init();
    for (unsigned int cpu = 0; cpu < world_cpus; cpu++) {
        fake_cpu_switch(cpu);
        cpu_write_cr0(0x80010033);
        cpu_write_cr4(0x20);
        if (hw_cpu_enable() != NULL)
            abort();
        timers_init();
        sched_init_cpu();
    }
    fake_cpu_switch(0);
}

int world_setup(void **state)
{
    (void)state;
    fake_reset();
    vmcs_fake_reset();
    fake_mm_init(WORLD_RAM, WORLD_DOM0_RAM);
    make_vmx();
    make_cpu();
    fake_time_set(1000 * NS_PER_MS);
    memset(&world, 0, sizeof(world));
    start_cpus();
    world.dom0 = make_domain(0, 2);
    world.guest = make_domain(1, 1);
    give_identity(world.dom0);
    give_pages(world.guest);
    cpuid_policy_init(&world.dom0->cpuid, CPUID_DOM0, no_leaf);
    cpuid_policy_init(&world.guest->cpuid, CPUID_HVM_DEFAULT, no_leaf);
    world.v0 = world.dom0->vcpu[0];
    world.v1 = world.dom0->vcpu[1];
    world.g0 = world.guest->vcpu[0];
    (void)strcpy(hypercall_env.cmdline, "dom0_mem=512M,max:512M console=com1");
    world_forget();
    return 0;
}

static void unmake(struct domain *d)
{
    domain_unlist(d);
    domain_put(d);
}

int world_teardown(void **state)
{
    (void)state;
    if (this_cpu()->current)
        vcpu_unload(this_cpu()->current);
    this_cpu()->softirq_pending = 0;
    unmake(world.guest);
    unmake(world.dom0);
    for (unsigned int cpu = 0; cpu < world_cpus; cpu++) {
        fake_cpu_switch(cpu);
        hw_cpu_disable();
    }
    fake_cpu_switch(0);
    return 0;
}

/* ---- calls ---- */

static void run_on_cpu(struct vcpu *v)
{
    struct vcpu *now = this_cpu()->current;

    if (now == v)
        return;
    if (now)
        vcpu_unload(now);
    vcpu_load(v);
}

int64_t world_call_once(struct vcpu *v, uint64_t nr, uint64_t args[6], bool *again)
{
    int64_t rc;

    run_on_cpu(v);
    fetch_count = 0;
    watching = true;
    rc = hypercall_call(v, nr, args, world.bits32);
    watching = false;
    *again = v->hc_restart;
    return rc;
}

int64_t world_call(struct vcpu *v, uint64_t nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
    uint64_t args[6] = { a0, a1, a2, a3, 0, 0 };
    bool again = true;
    int64_t rc = 0;

    for (world.restarts = 0; again; world.restarts += again)
        rc = world_call_once(v, nr, args, &again);
    return rc;
}

void world_forget(void)
{
    next_arg = ARGS_AT;
}

void world_put_at(struct domain *d, uint64_t at, const void *data, size_t size)
{
    if (domain_write_phys(d, gpa_of(at), data, size) != 0)
        abort();
}

uint64_t world_put(struct domain *d, const void *data, size_t size)
{
    uint64_t at = next_arg;

    next_arg += (size + 63) & ~63UL;
    if (next_arg > ARGS_END)
        abort();
    world_put_at(d, at, data, size);
    return at;
}

void world_get(struct domain *d, uint64_t at, void *data, size_t size)
{
    if (domain_read_phys(d, gpa_of(at), data, size) != 0)
        abort();
}

int64_t world_op(struct vcpu *v, uint64_t nr, uint64_t cmd, void *arg, size_t size)
{
    uint64_t keep = next_arg, at = world_put(v->domain, arg, size);
    int64_t rc = world_call(v, nr, cmd, at, nr == __HYPERVISOR_grant_table_op ? 1 : 0, 0);

    world_get(v->domain, at, arg, size);
    next_arg = keep;
    return rc;
}

int64_t world_ctl(uint64_t nr, void *arg, size_t size)
{
    uint64_t keep = next_arg, at = world_put(world.dom0, arg, size);
    int64_t rc = world_call(world.v0, nr, at, 0, 0, 0);

    world_get(world.dom0, at, arg, size);
    next_arg = keep;
    return rc;
}

/* ---- pictures ---- */

struct domain_picture {
    struct domain d;
    struct vcpu v[2];
    struct evtchn ports[EVTCHN_PER_BUCKET];
};
struct world_picture { struct domain_picture d[2]; };

static void forget_lock(spinlock_t *l)
{
    l->next = l->owner = l->cpu = 0;
}

static void take(struct domain *d, struct domain_picture *p)
{
    p->d = *d;
    forget_lock(&p->d.lock);
    forget_lock(&p->d.evtchn_lock);
    forget_lock(&p->d.grant_lock);
    forget_lock(&p->d.p2m.lock);
    p->d.refs = 0;
    for (uint32_t i = 0; i < d->max_vcpus && i < 2; i++) {
        p->v[i] = *d->vcpu[i];
        forget_lock(&p->v[i].lock);
        p->v[i].hc_restart = false;
        p->v[i].sched.wake_pending = false;
        memset(&p->v[i].hw, 0, sizeof(p->v[i].hw));
        memset(&p->v[i].sched.runstate, 0, sizeof(p->v[i].sched.runstate));
    }
    memcpy(p->ports, d->evtchn.bucket[0], sizeof(p->ports));
}

struct world_picture *world_picture_take(void)
{
    struct world_picture *p = calloc(1, sizeof(*p));

    take(world.dom0, &p->d[0]);
    take(world.guest, &p->d[1]);
    return p;
}

bool world_picture_same(const struct world_picture *p)
{
    struct world_picture *now = world_picture_take();
    bool same = memcmp(p, now, sizeof(*p)) == 0;

    free(now);
    free((void *)(uintptr_t)p);
    return same;
}
