/* SPDX-License-Identifier: BSD-2-Clause */
/* What the toolstack asks: the calls of xl info, list, vcpu-list,
 * dmesg, and of creating a domain. */
#include "world.h"

#include "fake.h"
#include "physmap.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <lib/log.h>
#include <mm/frames.h>
#include <x86/softirq.h>
#include <xen/event_channel.h>
#include <xen/hvm/save.h>
#include <xen/memory.h>
#include <xen/platform.h>
#include <xen/sched.h>
#include <xen/sysctl.h>

static struct xen_sysctl sysctl_of(uint32_t cmd)
{
    struct xen_sysctl s;

    memset(&s, 0, sizeof(s));
    s.cmd = cmd;
    s.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return s;
}

static struct xen_domctl domctl_of(uint32_t cmd, domid_t id)
{
    struct xen_domctl d;

    memset(&d, 0, sizeof(d));
    d.cmd = cmd;
    d.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    d.domain = id;
    return d;
}
#define SYS(s) CTL(__HYPERVISOR_sysctl, (s))
#define DOM(d) CTL(__HYPERVISOR_domctl, (d))

static void physinfo_says_what_libxl_needs(void **state)
{
    struct xen_sysctl s = sysctl_of(XEN_SYSCTL_physinfo);
    const struct xen_sysctl_physinfo *p = &s.u.physinfo;

    (void)state;
    assert_int_equal(SYS(&s), 0);
    assert_int_equal(p->nr_cpus, 2);
    assert_int_equal(p->max_cpu_id, 1);
    assert_int_equal(p->nr_nodes, 1);
    assert_int_equal(p->cpu_khz, 1000000);
    assert_int_equal(p->capabilities, 0x109);
    assert_int_equal(p->total_pages, WORLD_RAM >> 12);
    assert_true(p->free_pages < p->total_pages);
    assert_int_equal(p->threads_per_core * p->cores_per_socket, 2);
}

static void the_list_of_domains_can_be_read_in_pieces(void **state)
{
    struct xen_sysctl s = sysctl_of(XEN_SYSCTL_getdomaininfolist);
    struct xen_domctl_getdomaininfo info[4];
    uint64_t at;

    (void)state;
    memset(info, 0xee, sizeof(info));
    at = world_put(world.dom0, info, sizeof(info));
    s.u.getdomaininfolist.max_domains = 4;
    s.u.getdomaininfolist.buffer.p = (void *)at;
    assert_int_equal(SYS(&s), 0);
    assert_int_equal(s.u.getdomaininfolist.num_domains, 2);
    world_get(world.dom0, at, info, sizeof(info));
    assert_int_equal(info[0].domain, 0);
    assert_int_equal(info[1].domain, 1);
    assert_int_equal(info[0].nr_online_vcpus, 2);
    assert_int_equal(info[0].max_vcpu_id, 1);
    assert_true(info[0].flags & XEN_DOMINF_hvm_guest);
    assert_int_equal(info[0].tot_pages, WORLD_DOM0_RAM >> 12);
    s.u.getdomaininfolist.first_domain = 1;
    s.u.getdomaininfolist.max_domains = 1;
    assert_int_equal(SYS(&s), 0);
    assert_int_equal(s.u.getdomaininfolist.num_domains, 1);
    s.u.getdomaininfolist.first_domain = 2;
    assert_int_equal(SYS(&s), 0);
    assert_int_equal(s.u.getdomaininfolist.num_domains, 0);
    s.u.getdomaininfolist.first_domain = 0;
    s.u.getdomaininfolist.buffer.p = (void *)WORLD_BAD_POINTER;
    assert_int_equal(SYS(&s), -EFAULT);
}

static void getdomaininfo_returns_the_next_domain(void **state)
{
    struct xen_domctl d = domctl_of(XEN_DOMCTL_getdomaininfo, 1);

    (void)state;
    assert_int_equal(DOM(&d), 0);
    assert_int_equal(d.u.getdomaininfo.domain, 1);
    d = domctl_of(XEN_DOMCTL_getdomaininfo, 2);
    assert_int_equal(DOM(&d), -ESRCH);
}

static void pausing_nests_and_shows(void **state)
{
    struct xen_domctl d = domctl_of(XEN_DOMCTL_pausedomain, 1);

    (void)state;
    assert_int_equal(DOM(&d), 0);
    d = domctl_of(XEN_DOMCTL_getdomaininfo, 1);
    assert_int_equal(DOM(&d), 0);
    assert_true(d.u.getdomaininfo.flags & XEN_DOMINF_paused);
    d = domctl_of(XEN_DOMCTL_unpausedomain, 1);
    assert_int_equal(DOM(&d), 0);
    assert_int_equal(DOM(&d), -EINVAL);
    d = domctl_of(XEN_DOMCTL_pausedomain, 0);
    assert_int_equal(DOM(&d), -EINVAL);
}

static void vcpu_info_and_affinity_are_shown(void **state)
{
    struct xen_domctl d = domctl_of(XEN_DOMCTL_getvcpuinfo, 0);
    uint8_t map[2] = { 0xff, 0xff };
    uint64_t at;

    (void)state;
    d.u.getvcpuinfo.vcpu = 1;
    assert_int_equal(DOM(&d), 0);
    assert_int_equal(d.u.getvcpuinfo.online, 1);
    d.u.getvcpuinfo.vcpu = 2;
    assert_int_equal(DOM(&d), -EINVAL);
    at = world_put(world.dom0, map, sizeof(map));
    d = domctl_of(XEN_DOMCTL_getvcpuaffinity, 0);
    d.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
    d.u.vcpuaffinity.cpumap_hard.bitmap.p = (void *)at;
    d.u.vcpuaffinity.cpumap_hard.nr_bits = 16;
    assert_int_equal(DOM(&d), 0);
    world_get(world.dom0, at, map, sizeof(map));
    assert_int_equal(map[0], 3);
    assert_int_equal(map[1], 0);
}

static void pinning_reports_what_is_in_effect(void **state)
{
    struct xen_domctl d = domctl_of(XEN_DOMCTL_setvcpuaffinity, 1);
    uint8_t map = 0xfe;
    uint64_t at = world_put(world.dom0, &map, sizeof(map));

    (void)state;
    d.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
    d.u.vcpuaffinity.cpumap_hard.bitmap.p = (void *)at;
    d.u.vcpuaffinity.cpumap_hard.nr_bits = 8;
    assert_int_equal(DOM(&d), 0);
    world_get(world.dom0, at, &map, 1);
    assert_int_equal(map, 2);
    assert_int_equal(world.g0->sched.hard.bits[0] & 3, 2);
    map = 0xfc;
    world_put_at(world.dom0, at, &map, 1);
    assert_int_equal(DOM(&d), -EINVAL);
}

static void the_pool_has_all_cpus_and_is_the_only_one(void **state)
{
    struct xen_sysctl s = sysctl_of(XEN_SYSCTL_cpupool_op);
    uint8_t map = 0;
    uint64_t at = world_put(world.dom0, &map, 1);

    (void)state;
    s.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_INFO;
    s.u.cpupool_op.cpumap.bitmap.p = (void *)at;
    s.u.cpupool_op.cpumap.nr_bits = 8;
    assert_int_equal(SYS(&s), 0);
    assert_int_equal(s.u.cpupool_op.n_dom, 2);
    assert_int_equal(s.u.cpupool_op.sched_id, XEN_SCHEDULER_CREDIT2);
    world_get(world.dom0, at, &map, 1);
    assert_int_equal(map, 3);
    s.u.cpupool_op.cpupool_id = 1;
    assert_int_equal(SYS(&s), -ENOENT);
    s.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_FREEINFO;
    assert_int_equal(SYS(&s), 0);
    world_get(world.dom0, at, &map, 1);
    assert_int_equal(map, 0);
}

static void scheduler_parameters_are_read_and_written(void **state)
{
    struct xen_domctl d = domctl_of(XEN_DOMCTL_scheduler_op, 1);
    struct xen_sysctl s = sysctl_of(XEN_SYSCTL_scheduler_op);

    (void)state;
    d.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    d.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
    assert_int_equal(DOM(&d), 0);
    assert_int_equal(d.u.scheduler_op.u.credit2.weight, 256);
    d.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
    d.u.scheduler_op.u.credit2.weight = 512;
    assert_int_equal(DOM(&d), 0);
    assert_int_equal(world.guest->sched.params.weight, 512);
    d.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT;
    assert_int_equal(DOM(&d), -EINVAL);
    s.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    s.u.scheduler_op.cmd = XEN_SYSCTL_SCHEDOP_getinfo;
    assert_int_equal(SYS(&s), 0);
    assert_int_equal(s.u.scheduler_op.u.sched_credit2.ratelimit_us, 1000);
}

static void topology_is_asked_for_twice(void **state)
{
    struct xen_sysctl s = sysctl_of(XEN_SYSCTL_cputopoinfo);
    struct xen_sysctl_cputopo topo[2];

    (void)state;
    assert_int_equal(SYS(&s), 0);
    assert_int_equal(s.u.cputopoinfo.num_cpus, 2);
    s.u.cputopoinfo.cputopo.p = (void *)world_put(world.dom0, topo, sizeof(topo));
    assert_int_equal(SYS(&s), 0);
    world_get(world.dom0, (uint64_t)s.u.cputopoinfo.cputopo.p, topo, sizeof(topo));
    assert_int_equal(topo[1].socket, 0);
    s = sysctl_of(XEN_SYSCTL_numainfo);
    assert_int_equal(SYS(&s), 0);
    assert_int_equal(s.u.numainfo.num_nodes, 1);
}

static void the_log_is_read_piece_by_piece(void **state)
{
    struct xen_sysctl s = sysctl_of(XEN_SYSCTL_readconsole);
    char text[2048] = "";
    uint64_t at = world_put(world.dom0, text, sizeof(text));

    (void)state;
    log_err("a line for dmesg");
    s.u.readconsole.incremental = 1;
    s.u.readconsole.buffer.p = (void *)at;
    s.u.readconsole.count = sizeof(text) - 1;
    assert_int_equal(SYS(&s), 0);
    assert_int_not_equal(s.u.readconsole.count, 0);
    world_get(world.dom0, at, text, sizeof(text));
    for (unsigned int i = 0; i < 64 && s.u.readconsole.count != 0; i++) {
        world_get(world.dom0, at, text, sizeof(text));
        text[s.u.readconsole.count] = 0;
        s.u.readconsole.count = sizeof(text) - 1;
        assert_int_equal(SYS(&s), 0);
    }
    assert_int_equal(s.u.readconsole.count, 0);
    assert_non_null(strstr(text, "a line for dmesg"));
}

static void the_wall_clock_is_set_for_all_domains(void **state)
{
    struct xen_platform_op p = { .cmd = XENPF_settime64,
                                 .interface_version = XENPF_INTERFACE_VERSION };
    const struct shared_info *info = world.guest->shared_info;

    (void)state;
    p.u.settime64.secs = 1800000000;
    p.u.settime64.nsecs = 5;
    p.u.settime64.system_time = 2000000000;
    assert_int_equal(CTL(__HYPERVISOR_platform_op, &p), 0);
    assert_int_equal(info->wc_sec, 1799999998);
    assert_int_equal(info->wc_nsec, 5);
    p.u.settime64.mbz = 1;
    assert_int_equal(CTL(__HYPERVISOR_platform_op, &p), -EINVAL);
}

static void physical_cpus_are_shown_to_dom0(void **state)
{
    struct xen_platform_op p = { .cmd = XENPF_get_cpuinfo,
                                 .interface_version = XENPF_INTERFACE_VERSION };

    (void)state;
    p.u.pcpu_info.xen_cpuid = 1;
    assert_int_equal(CTL(__HYPERVISOR_platform_op, &p), 0);
    assert_int_equal(p.u.pcpu_info.max_present, 1);
    p.u.pcpu_info.xen_cpuid = 5;
    assert_int_equal(CTL(__HYPERVISOR_platform_op, &p), 0);
    assert_int_equal(p.u.pcpu_info.flags, XEN_PCPU_FLAGS_INVALID);
}

static void cpu_policies_have_the_size_that_was_told(void **state)
{
    struct xen_sysctl s = sysctl_of(XEN_SYSCTL_get_cpu_policy);
    xen_cpuid_leaf_t *leaf = calloc(120, sizeof(*leaf));
    xen_msr_entry_t msr[2];

    (void)state;
    assert_int_equal(SYS(&s), 0);
    assert_int_equal(s.u.cpu_policy.nr_leaves, 120);
    assert_int_equal(s.u.cpu_policy.nr_msrs, 2);
    s.u.cpu_policy.index = XEN_SYSCTL_cpu_policy_hvm_default;
    s.u.cpu_policy.leaves.p = (void *)world_put(world.dom0, leaf, 120 * sizeof(*leaf));
    s.u.cpu_policy.msrs.p = (void *)world_put(world.dom0, msr, sizeof(msr));
    assert_int_equal(SYS(&s), 0);
    assert_in_range(s.u.cpu_policy.nr_leaves, 10, 60);
    s.u.cpu_policy.nr_leaves = 3;
    assert_int_equal(SYS(&s), -ENOBUFS);
    s.u.cpu_policy.index = 6;
    assert_int_equal(SYS(&s), -EINVAL);
    s.u.cpu_policy.index = XEN_SYSCTL_cpu_policy_pv_max;
    assert_int_equal(SYS(&s), -EOPNOTSUPP);
    free(leaf);
}

static void featuresets_fill_what_room_there_is(void **state)
{
    struct xen_sysctl s = sysctl_of(XEN_SYSCTL_get_cpu_featureset);
    uint32_t words[19] = { 0 };

    (void)state;
    assert_int_equal(SYS(&s), 0);
    assert_int_equal(s.u.cpu_featureset.nr_features, 19);
    s.u.cpu_featureset.index = XEN_SYSCTL_cpu_featureset_host;
    s.u.cpu_featureset.features.p = (void *)world_put(world.dom0, words, sizeof(words));
    assert_int_equal(SYS(&s), 0);
    world_get(world.dom0, (uint64_t)s.u.cpu_featureset.features.p, words, sizeof(words));
    assert_int_not_equal(words[0], 0);
    s.u.cpu_featureset.nr_features = 2;
    assert_int_equal(SYS(&s), -ENOBUFS);
    assert_int_equal(s.u.cpu_featureset.nr_features, 2);
}

/* ---- the making of a domain, in xl's order ---- */

static domid_t create(void)
{
    struct xen_domctl d = domctl_of(XEN_DOMCTL_createdomain, 0);

    d.u.createdomain = (struct xen_domctl_createdomain){
        .flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap, .max_vcpus = 2, .max_evtchn_port = 1023,
        .max_grant_frames = -1, .max_maptrack_frames = -1, .grant_opts = 1,
        .arch.emulation_flags = XEN_X86_EMU_LAPIC };
    assert_int_equal(DOM(&d), 0);
    return d.domain;
}

/* Not referenced: it stays because nobody else is here to end it. */
static struct domain *look(domid_t id)
{
    struct domain *d = domain_get(id);

    domain_put(d);
    return d;
}

static void drop(domid_t id)
{
    struct domain *d = domain_get(id);

    domain_unlist(d);
    domain_put(d);
    domain_put(d);
}

static uint64_t populate(domid_t id, uint64_t gfn, unsigned int order)
{
    struct xen_memory_reservation r = { .nr_extents = 1, .extent_order = order, .domid = id };

    r.extent_start.p = (void *)world_put(world.dom0, &gfn, sizeof(gfn));
    return (uint64_t)OP(world.v0, __HYPERVISOR_memory_op, XENMEM_populate_physmap, &r);
}

static int map_foreign(domid_t id, uint64_t idx, uint64_t gpfn)
{
    struct xen_add_to_physmap_batch b = { .domid = DOMID_SELF, .space = XENMAPSPACE_gmfn_foreign,
                                          .size = 1, .u.foreign_domid = id };
    int err = 1;

    b.idxs.p = (void *)world_put(world.dom0, &idx, sizeof(idx));
    b.gpfns.p = (void *)world_put(world.dom0, &gpfn, sizeof(gpfn));
    b.errs.p = (void *)world_put(world.dom0, &err, sizeof(err));
    assert_int_equal(OP(world.v0, __HYPERVISOR_memory_op, XENMEM_add_to_physmap_batch, &b), 0);
    world_get(world.dom0, (uint64_t)b.errs.p, &err, sizeof(err));
    return err;
}

/* A domain with small and large pages, a grant frame, a mapping of its memory, and a channel to
 * dom0. */
static void live_and_die(void)
{
    struct xen_remove_from_physmap r = { .domid = DOMID_SELF, .gpfn = 0x10000 };
    struct evtchn_alloc_unbound a = { .remote_dom = 0 };
    struct evtchn_bind_interdomain bi = { 0 };
    struct evtchn_status st = { .dom = DOMID_SELF };
    struct xen_domctl d;
    domid_t id = create();

    d = domctl_of(XEN_DOMCTL_max_vcpus, id);
    d.u.max_vcpus.max = 2;
    assert_int_equal(DOM(&d), 0);
    d = domctl_of(XEN_DOMCTL_max_mem, id);
    d.u.max_mem.max_memkb = 8 << 10;
    assert_int_equal(DOM(&d), 0);
    assert_int_equal(populate(id, 0x200, 9), 1);
    assert_int_equal(populate(id, 5, 0), 1);
    assert_int_equal(map_foreign(id, 0x203, 0x10000), 0);
    assert_int_equal(grant_table_grow_to(look(id), 2), 0);
    a.dom = id;
    assert_int_equal(OP(world.v0, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &a), 0);
    bi = (struct evtchn_bind_interdomain){ .remote_dom = id, .remote_port = a.port };
    assert_int_equal(OP(world.v0, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, &bi),
                     0);

    d = domctl_of(XEN_DOMCTL_destroydomain, id);
    softirq_raise(SOFTIRQ_TIMER);
    for (unsigned int i = 0; i < 2; i++) {
        uint64_t args[6] = { world_put(world.dom0, &d, sizeof(d)) };
        bool again;

        (void)world_call_once(world.v0, __HYPERVISOR_domctl, args, &again);
        assert_true(again);
    }
    this_cpu()->softirq_pending = 0;
    assert_int_equal(DOM(&d), 0);
    assert_null(domain_get(id));
    assert_int_equal(DOM(&d), -ESRCH);
    st.port = bi.local_port;
    assert_int_equal(OP(world.v0, __HYPERVISOR_event_channel_op, EVTCHNOP_status, &st), 0);
    assert_int_equal(st.status, EVTCHNSTAT_unbound);
    /* The one page that dom0 has mapped stays until it is unmapped. */
    assert_int_equal(OP(world.v0, __HYPERVISOR_memory_op, XENMEM_remove_from_physmap, &r), 0);
}

/* The heap keeps a page or two for the next one; after that nothing may be missing. */
static void destroying_a_domain_gives_everything_back(void **state)
{
    uint64_t settled = 0;

    (void)state;
    for (unsigned int i = 0; i < 12; i++) {
        world_forget();
        live_and_die();
        if (i == 3)
            settled = frames_free_count();
    }
    assert_int_equal(frames_free_count(), settled);
}

static void refused_configurations_are_einval(void **state)
{
    struct xen_domctl d = domctl_of(XEN_DOMCTL_createdomain, 0);

    (void)state;
    d.u.createdomain =
        (struct xen_domctl_createdomain){ .flags = 3, .max_vcpus = 0, .grant_opts = 1 };
    assert_int_equal(DOM(&d), -EINVAL);
    d.u.createdomain.max_vcpus = 129;
    assert_int_equal(DOM(&d), -EINVAL);
    d.u.createdomain.max_vcpus = 1;
    d.u.createdomain.flags = 0;
    assert_int_equal(DOM(&d), -EINVAL);
    d.u.createdomain.flags = 3;
    d.u.createdomain.iommu_opts = 1;
    assert_int_equal(DOM(&d), -EINVAL);
}

static void a_domain_is_made_in_xls_order(void **state)
{
    static struct {
        struct hvm_save_descriptor hd;
        struct hvm_save_header h;
        struct hvm_save_descriptor cd;
        struct hvm_hw_cpu c;
        struct hvm_save_descriptor end;
    } __attribute__((packed)) ctx;
    struct xen_domctl d;
    domid_t id;

    (void)state;
    id = create();
    assert_in_range(id, 2, 100);
    d = domctl_of(XEN_DOMCTL_max_vcpus, id);
    d.u.max_vcpus.max = 3;
    assert_int_equal(DOM(&d), -EINVAL);
    d.u.max_vcpus.max = 2;
    assert_int_equal(DOM(&d), 0);
    d = domctl_of(XEN_DOMCTL_max_mem, id);
    d.u.max_mem.max_memkb = 5 << 10;
    assert_int_equal(DOM(&d), 0);
    assert_int_equal(look(id)->max_pages, 1280);
    d = domctl_of(XEN_DOMCTL_set_paging_mempool_size, id);
    d.u.paging_mempool.size = 3 << 20;
    assert_int_equal(DOM(&d), 0);
    d = domctl_of(XEN_DOMCTL_getdomaininfo, id);
    assert_int_equal(DOM(&d), 0);
    assert_int_equal(d.u.getdomaininfo.nr_online_vcpus, 0);
    assert_true(d.u.getdomaininfo.flags & XEN_DOMINF_paused);
    d = domctl_of(XEN_DOMCTL_gethvmcontext, id);
    assert_int_equal(DOM(&d), 0);
    assert_true(d.u.hvmcontext.size > 1000);
    ctx.hd = (struct hvm_save_descriptor){ HVM_SAVE_CODE(HEADER), 0, sizeof(ctx.h) };
    ctx.h = (struct hvm_save_header){ .magic = HVM_FILE_MAGIC, .version = HVM_FILE_VERSION };
    ctx.cd = (struct hvm_save_descriptor){ HVM_SAVE_CODE(CPU), 0, sizeof(ctx.c) };
    ctx.c.cr0 = CR0_PE | CR0_ET;
    ctx.c.rip = 0x1000850;
    ctx.c.rbx = 0x1234;
    ctx.c.cs_arbytes = 0xc9b;
    ctx.c.cs_limit = ~0U;
    ctx.c.rflags = 2;
    d = domctl_of(XEN_DOMCTL_sethvmcontext, id);
    d.u.hvmcontext.size = sizeof(ctx);
    d.u.hvmcontext.buffer.p = (void *)world_put(world.dom0, &ctx, sizeof(ctx));
    assert_int_equal(DOM(&d), 0);
    d = domctl_of(XEN_DOMCTL_getvcpuinfo, id);
    assert_int_equal(DOM(&d), 0);
    assert_int_equal(d.u.getvcpuinfo.online, 1);
    d = domctl_of(XEN_DOMCTL_gethvmcontext_partial, id);
    d.u.hvmcontext_partial.type = HVM_SAVE_CODE(CPU);
    d.u.hvmcontext_partial.bufsz = sizeof(ctx.c);
    d.u.hvmcontext_partial.buffer.p = (void *)world_put(world.dom0, &ctx.c, sizeof(ctx.c));
    assert_int_equal(DOM(&d), 0);
    world_get(world.dom0, (uint64_t)d.u.hvmcontext_partial.buffer.p, &ctx.c, sizeof(ctx.c));
    assert_int_equal(ctx.c.rip, 0x1000850);
    assert_int_equal(ctx.c.rbx, 0x1234);
    assert_int_equal(ctx.c.cs_arbytes, 0xc9b);
    d = domctl_of(XEN_DOMCTL_unpausedomain, id);
    assert_int_equal(DOM(&d), 0);
    drop(id);
}

static void a_policy_travels_to_the_toolstack_and_back(void **state)
{
    xen_cpuid_leaf_t *leaf = calloc(120, sizeof(*leaf));
    struct xen_domctl d = domctl_of(XEN_DOMCTL_get_cpu_policy, 1);
    struct cpuid_policy before = world.guest->cpuid;
    uint64_t at = world_put(world.dom0, leaf, 120 * sizeof(*leaf));
    uint32_t n;

    (void)state;
    d.u.cpu_policy.leaves.p = (void *)at;
    d.u.cpu_policy.nr_leaves = 120;
    assert_int_equal(DOM(&d), 0);
    n = d.u.cpu_policy.nr_leaves;
    d = domctl_of(XEN_DOMCTL_set_cpu_policy, 1);
    d.u.cpu_policy.leaves.p = (void *)at;
    d.u.cpu_policy.nr_leaves = n;
    assert_int_equal(DOM(&d), 0);
    assert_memory_equal(&before, &world.guest->cpuid, sizeof(before));
    /* A leaf that nobody has is named, and nothing is taken over. */
    leaf[0] = (xen_cpuid_leaf_t){ .leaf = 0x77, .subleaf = XEN_CPUID_NO_SUBLEAF };
    world_put_at(world.dom0, at, leaf, sizeof(*leaf));
    assert_int_equal(DOM(&d), -ERANGE);
    assert_memory_equal(&before, &world.guest->cpuid, sizeof(before));
    free(leaf);
}

static void a_suspended_domain_can_be_resumed(void **state)
{
    struct sched_shutdown s = { SHUTDOWN_suspend };
    struct xen_domctl d = domctl_of(XEN_DOMCTL_resumedomain, 1);

    (void)state;
    assert_int_equal(OP(world.g0, __HYPERVISOR_sched_op, SCHEDOP_shutdown, &s), 0);
    assert_true(world.guest->shut_down);
    assert_false(sched_is_runnable(&world.g0->sched));
    assert_int_equal(DOM(&d), 0);
    assert_false(world.guest->shut_down);
    assert_true(sched_is_runnable(&world.g0->sched));
}

static struct xen_domctl small_domain(domid_t id)
{
    struct xen_domctl d = domctl_of(XEN_DOMCTL_createdomain, id);

    d.u.createdomain = (struct xen_domctl_createdomain){
        .flags = 3, .max_vcpus = 2, .max_evtchn_port = 1023, .max_grant_frames = -1,
        .max_maptrack_frames = -1, .grant_opts = 1, .arch.emulation_flags = 1 };
    return d;
}

static void a_domain_id_that_is_taken_is_refused(void **state)
{
    uint64_t before = frames_free_count();
    struct xen_domctl d = small_domain(1);

    (void)state;
    assert_int_equal(DOM(&d), -EEXIST);
    assert_int_equal(frames_free_count(), before);
}

static void a_domain_that_memory_does_not_suffice_for_leaves_nothing(void **state)
{
    uint64_t before = 0;
    int64_t rc;

    (void)state;
    for (unsigned int n = 1; n < 200; n++) {
        struct xen_domctl d = small_domain(0);

        /* The first round is for what the heap keeps. */
        if (n == 2)
            before = frames_free_count();
        frames_fail_countdown = n;
        rc = DOM(&d);
        frames_fail_countdown = 0;
        if (rc == 0) {
            drop(d.domain);
            return;
        }
        assert_int_equal(rc, -ENOMEM);
        if (n >= 2)
            assert_in_range(frames_free_count(), before - 4, before);
    }
    fail();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(physinfo_says_what_libxl_needs),
        T(the_list_of_domains_can_be_read_in_pieces),
        T(getdomaininfo_returns_the_next_domain),
        T(pausing_nests_and_shows),
        T(vcpu_info_and_affinity_are_shown),
        T(pinning_reports_what_is_in_effect),
        T(the_pool_has_all_cpus_and_is_the_only_one),
        T(scheduler_parameters_are_read_and_written),
        T(topology_is_asked_for_twice),
        T(the_log_is_read_piece_by_piece),
        T(the_wall_clock_is_set_for_all_domains),
        T(physical_cpus_are_shown_to_dom0),
        T(cpu_policies_have_the_size_that_was_told),
        T(featuresets_fill_what_room_there_is),
        T(destroying_a_domain_gives_everything_back),
        T(refused_configurations_are_einval),
        T(a_domain_id_that_is_taken_is_refused),
        T(a_domain_that_memory_does_not_suffice_for_leaves_nothing),
        T(a_domain_is_made_in_xls_order),
        T(a_policy_travels_to_the_toolstack_and_back),
        T(a_suspended_domain_can_be_resumed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
