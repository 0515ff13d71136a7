/* SPDX-License-Identifier: BSD-2-Clause */
/* A fake machine with four CPUs and a dom0 as src/boot/start_dom0.c makes it, less everything that only a kernel would see. */
#define _GNU_SOURCE
#include "rigd.h"

#include <cpuid.h>
#include <errno.h>
#include <fake.h>
#include <fake_mm.h>
#include <hypercall/hypercall.h>
#include <lib/log.h>
#include <mm/frames.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <vmx/vmcs_fake.h>
#include <x86/softirq.h>
#include <xen/memory.h>

struct vcpu *rig_vcpu;
bool rig_null;

/* A Haswell with two cores of two threads and AVX; the leaves that policies and topology look at. */
static void make_cpuid(void)
{
    static const struct { uint32_t leaf, subleaf; struct cpuid_regs r; } leaves[] = {
        { 0, 0, { 0xd, 0x756e6547, 0x6c65746e, 0x49656e69 } },
        { 1, 0, { 0x306c3, 0x00040800, 0x7ffafbff, 0xbfebfbff } },
        { 2, 0, { 0x76036301, 0x00f0b5ff, 0, 0x00c10000 } },
        { 4, 0, { 0x1c004121, 0x01c0003f, 0x3f, 0 } },
        { 4, 1, { 0x1c004122, 0x01c0003f, 0x3f, 0 } },
        { 4, 2, { 0x1c004143, 0x01c0003f, 0x1ff, 0 } },
        { 4, 3, { 0x1c03c163, 0x03c0003f, 0x1fff, 6 } },
        { 7, 0, { 0, 0x000027ab, 0, 0 } },
        { 0xb, 0, { 1, 2, 0x100, 0 } },
        { 0xb, 1, { 2, 4, 0x201, 0 } },
        { 0xd, 0, { 7, 832, 832, 0 } },
        { 0xd, 1, { 1, 0, 0, 0 } },
        { 0xd, 2, { 256, 576, 0, 0 } },
        { 0x80000000, 0, { 0x80000008, 0, 0, 0 } },
        { 0x80000001, 0, { 0, 0, 0x21, 0x2c100800 } },
        { 0x80000002, 0, { 0x756b6f54, 0x6e656e20, 0x676972, 0 } },
        { 0x80000007, 0, { 0, 0, 0, 0x100 } },
        { 0x80000008, 0, { 0x3027, 0, 0, 0 } },
    };

    for (size_t i = 0; i < ARRAY_COUNT(leaves); i++)
        fake_cpuid_set(leaves[i].leaf, leaves[i].subleaf, leaves[i].r);
}

/* VMX as Bochs has it on its Haswell (the MSRs of SDM appendix A, 0x480 on). */
static void make_msrs(void)
{
    static const struct { uint32_t msr; uint64_t value; } msrs[] = {
        { 0x3a, 5 }, { 0x480, 0x00da10000000002b }, { 0x485, 0x200000e0 }, { 0x486, 0x80000021 },
        { 0x487, 0xffffffff }, { 0x488, 0x2000 }, { 0x489, 0x1727ff }, { 0x48b, 0x00007fff00000000 },
        { 0x48c, 0x00000f0106334141 }, { 0x48d, 0x0000007f00000016 }, { 0x48e, 0xf7f9fffe04006172 },
        { 0x48f, 0x007fffff00036dfb }, { 0x490, 0x0000ffff000011fb }, { 0xc0000080, 0xd01 },
        { 0x277, 0x0007040600070406 }, { 0xc0000100, 0 }, { 0x48, 0 },
        { 0xc0000081, 0 }, { 0xc0000082, 0 }, { 0xc0000083, 0 }, { 0xc0000084, 0 }, { 0xc0000102, 0 },
        { 0xc0000103, 0 }, { 0x174, 0 }, { 0x175, 0 }, { 0x176, 0 },
    };

    for (size_t i = 0; i < ARRAY_COUNT(msrs); i++)
        fake_msr_set(msrs[i].msr, msrs[i].value);
}

static void trace_half_full(void)
{
    domain_raise_global_virq(VIRQ_TBUF);
}

static void make_cpus(void)
{
    fake_reset();
    vmcs_fake_reset();
    make_msrs();
    make_cpuid();
    fake_cpu_set_count(MACHINE_CPUS);
    cpu_write_cr0(0x80010033);
    cpu_write_cr4(0x20);
    if (hw_start() != NULL)
        abort();
    softirq_set_handler(SOFTIRQ_TRACE, trace_half_full);
    sched_configure(rig_null ? SCHED_ID_NULL : SCHED_ID_CREDIT2, SCHED_PER_SOCKET, 1000);
    sched_init();
    for (unsigned int cpu = 0; cpu < MACHINE_CPUS; cpu++) {
        fake_cpu_switch(cpu);
        if (hw_cpu_enable() != NULL)
            abort();
        timers_init();
        sched_init_cpu();
    }
    fake_cpu_switch(0);
}

/* The fake's memory, replaced by memory that tools can map. */
static void make_memory(int memory)
{
    fake_mm_init(MACHINE_RAM, DOM0_RAM);
    if (mmap(host_phys_base, MACHINE_RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memory, 0) == MAP_FAILED)
        abort();
}

static struct cpuid_leaf host_cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_regs r = cpu_cpuid(leaf, subleaf);

    return (struct cpuid_leaf){ r.eax, r.ebx, r.ecx, r.edx };
}

static void fill_dom0(struct domain *d)
{
    for (uint64_t g = 0; g < DOM0_RAM >> PAGE_SHIFT; g += 512)
        if (p2m_set(&d->p2m, gfn_of(g), PAGE_ORDER_2M, mfn_of(g), P2M_RAM_RW, NULL) != 0)
            abort();
    d->tot_pages = d->max_pages = DOM0_RAM >> PAGE_SHIFT;
    d->e820[0].size = DOM0_RAM;
    d->e820[0].type = 1;
    d->e820_count = 1;
    cpuid_policy_init(&d->cpuid, CPUID_DOM0, host_cpuid);
    d->no_apicv = true;
    domain_update_wallclock(d);
}

static void make_dom0(void)
{
    struct xen_domctl_createdomain config = {
        .flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap, .max_vcpus = MACHINE_CPUS,
        .max_evtchn_port = UINT32_MAX, .max_grant_frames = -1, .max_maptrack_frames = -1,
        .arch.emulation_flags = XEN_X86_EMU_LAPIC | XEN_X86_EMU_IOAPIC | XEN_X86_EMU_VPCI,
    };
    struct domain *d;

    if (domain_create(0, &config, &d) != 0)
        abort();
    fill_dom0(d);
    if (domain_add_vcpus(d, MACHINE_CPUS) != 0)
        abort();
    for (uint32_t i = 0; i < MACHINE_CPUS; i++) {
        d->vcpu[i]->initialised = true;
        vcpu_online(d->vcpu[i]);
    }
    if (domain_unpause(d) != 0)
        abort();
    rig_vcpu = d->vcpu[0];
}

/* The scheduler gives each CPU a vCPU, CPU 0 the tools'; dom0's others have nothing to do and block. */
static void start_vcpus(void)
{
    for (unsigned int cpu = 0; cpu < MACHINE_CPUS; cpu++) {
        struct sched_unit *u;

        fake_cpu_switch(cpu);
        u = sched_next();
        if (!u || (cpu == 0) != (u == &rig_vcpu->sched))
            abort();
    }
    for (unsigned int cpu = MACHINE_CPUS; cpu-- > 1;) {
        struct sched_unit *u;

        fake_cpu_switch(cpu);
        u = sched_next();
        sched_block_prepare(u);
        sched_block(u);
        if (sched_next() != NULL)
            abort();
        sched_left(u);
    }
    fake_cpu_switch(0);
    vcpu_load(rig_vcpu);
}

/* What a kernel does first: shared_info gets an address. */
static void start_kernel(void)
{
    struct xen_add_to_physmap *a = (void *)kernel_memory.byte;

    start_vcpus();
    *a = (struct xen_add_to_physmap){ .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info,
                                      .gpfn = SHARED_INFO_GFN };
    if (call_from_kernel(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, kernel_address(a), 0) != 0)
        abort();
    evtchn_start();
}

static void debug_key(uint8_t key)
{
    log_info("debug key '%c' of the rig", key);
    if (key == 'r')
        sched_dump();
}

static void dom0_ended(uint32_t reason)
{
    log_info("dom0 has ended, reason %u: the rig goes on", reason);
}

static void to_stderr(const char *text, size_t length)
{
    if (rig_hostile && memcmp(text, "(XEN)", min_of(length, 5UL)) != 0)
        return;   /* what the storm writes to the console */
    (void)fwrite(text, 1, length, stderr);
}

void machine_make(int memory)
{
    static const struct domain_hooks hooks = { dom0_ended };
    static struct log_sink sink = { to_stderr, NULL };

    if (rig_hostile)
        log_set_thresholds(1, 1, 0, 0);
    else
        log_set_thresholds(3, 4, 3, 4);
    log_add_sink(&sink);
    make_memory(memory);
    make_cpus();
    machine_settle();
    log_info("Tenon's hypercall layer in the ABI rig, ABI of Xen 4.17");
    domain_set_hooks(&hooks);
    (void)strcpy(hypercall_env.cmdline, "placeholder dom0_mem=512M,max:512M console=com1 loglvl=all");
    (void)strcpy(hypercall_env.compiler, "clang");
    (void)strcpy(hypercall_env.compile_by, "tenon");
    (void)strcpy(hypercall_env.compile_date, "today");
    hypercall_env.debug_key = debug_key;
    make_dom0();
    start_kernel();
}

void machine_settle(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    fake_time_set((ns_t)t.tv_sec * NS_PER_SEC + t.tv_nsec);
    for (unsigned int cpu = MACHINE_CPUS; cpu-- > 0;) {
        fake_cpu_switch(cpu);
        softirq_raise(SOFTIRQ_TIMER);
        softirq_run();
    }
}

/* ---- an account of references ---- */

static uint32_t *mapped;      /* of each frame: entries of all maps that lead to it */

static bool count_entry(void *ctx, gfn_t g, const struct slat_entry *e)
{
    (void)ctx;
    (void)g;
    for (uint64_t i = 0; i < 1UL << e->order; i++)
        if (e->type != P2M_MMIO_DIRECT && e->type != P2M_MMIO_DM && frame_of(mfn_of(e->mfn.v + i)))
            mapped[e->mfn.v + i]++;
    return true;
}

static bool is_there(domid_t id)
{
    struct domain *d = domain_get(id);

    if (d)
        domain_put(d);
    return d != NULL;
}

/* References to frames of domains that are gone which no map of a living one accounts for. */
static uint64_t lost_references(void)
{
    uint64_t lost = 0;
    domid_t from = 0;
    struct domain *d;

    mapped = calloc(frames_max_mfn(), sizeof(*mapped));
    if (!mapped)
        abort();
    for (; (d = domain_get_next(from)) != NULL; domain_put(d)) {
        from = (domid_t)(d->id + 1);
        slat_for_each(&d->p2m.slat, gfn_of(0), gfn_of(1UL << 36), count_entry, NULL);
    }
    for (uint64_t m = 0; m < frames_max_mfn(); m++) {
        domid_t owner = frame_owner(mfn_of(m));

        if (owner != DOMID_INVALID && owner != DOMID_XEN && frame_of(mfn_of(m))->refs != mapped[m] && !is_there(owner))
            lost += frame_of(mfn_of(m))->refs - mapped[m];
    }
    free(mapped);
    return lost;
}

/* One line per thing that must be as before when all tools are gone. */
void machine_report(char *to, size_t size)
{
    unsigned int domains = 0, used = 0, xen = 0;
    domid_t from = 0;
    struct domain *d;

    for (; (d = domain_get_next(from)) != NULL; domain_put(d)) {
        from = (domid_t)(d->id + 1);
        domains++;
        xen += d->evtchn.xen_in_use;
    }
    for (uint32_t port = 0; port < rig_vcpu->domain->evtchn.port_limit; port++) {
        const struct evtchn *c = evtchn_port(&rig_vcpu->domain->evtchn, port);

        used += c && c->state != EVT_FREE && c->state != EVT_RESERVED;
    }
    snprintf(to, size, "free_pages %lu\ndomains %u\ndom0_pages %lu\ndom0_ports %u\ntool_ports %u\nscratch %lu\n"
             "maptrack %u\nlost_references %lu\nxen_ports %u\nclaimed %lu\n", frames_free_count(), domains, rig_vcpu->domain->tot_pages, used, evtchn_ports_open(),
             scratch_used(), rig_vcpu->domain->grants.maptrack_used, lost_references(), xen, frames_claimed());
}
