/* SPDX-License-Identifier: BSD-2-Clause */
/* The door: who may call, in which mode, with which pointers; and arbitrary arguments to every number. */
#include "cpu.h"
#include "hypercall.h"

#include <xen/domctl.h>
#include <xen/platform.h>
#include <xen/sysctl.h>

#define CONSOLE_NR __HYPERVISOR_console_io
#define VERSION_NR __HYPERVISOR_xen_version

GUEST_TEST(hypercall_versions, "xen_version answers as Xen 4.17 does")
{
    struct xen_extraversion *e = page_alloc();
    struct xen_feature_info f = { .submap_idx = 0 };

    check_equal(xen_version(XENVER_version, NULL), 0x00040011);
    check_equal(xen_version(XENVER_extraversion, e), 0);
    check_equal(xen_version(XENVER_get_features, &f), 0);
    check_equal(f.submap, 0x12b05);
    f.submap_idx = 1;
    check_equal(xen_version(XENVER_get_features, &f), -XEN_EINVAL);
    check_equal(xen_version(XENVER_pagesize, NULL), 4096);
}

GUEST_TEST(hypercall_holes, "a number without a hypercall is -ENOSYS, however large")
{
    static const uint64_t holes[] = { 0, 1, 2, 3, 4, 5, 6, 9, 10, 11, 14, 16, 19, 22, 23, 25, 26, 28, 30, 31, 37, 38, 39,
        43, 47, 48, 55, 56, 63, 64, 100, 0x7fffffff, 0x80000000, 0xffffffff, 1UL << 32, 1UL << 63, ~0UL };

    for (unsigned int i = 0; i < ARRAY_COUNT(holes); i++)
        if (hypercall(holes[i], 0, 0, 0, 0, 0) != -XEN_ENOSYS)
            fail("hypercall 0x%lx: %ld", holes[i], hypercall(holes[i], 0, 0, 0, 0, 0));
    /* The upper half of RAX counts. */
    check_equal(hypercall(VERSION_NR | 1UL << 32, 0, 0, 0, 0, 0), -XEN_ENOSYS);
}

GUEST_TEST(hypercall_registers, "a hypercall changes RAX and no other register")
{
    uint64_t in[14], out[14], rax = VERSION_NR;

    for (unsigned int i = 0; i < 14; i++)
        in[i] = random64();
    in[3] = 0;                                          /* RDI: the sub-op */
    __asm__ volatile(
        "push %%rbp\n"
        "push %%rbx\n"
        "push %[out]\n"
        "mov 0*8(%[in]), %%rcx; mov 1*8(%[in]), %%rdx; mov 2*8(%[in]), %%rsi; mov 3*8(%[in]), %%rdi\n"
        "mov 4*8(%[in]), %%r8; mov 5*8(%[in]), %%r9; mov 6*8(%[in]), %%r10; mov 7*8(%[in]), %%r11\n"
        "mov 8*8(%[in]), %%r12; mov 9*8(%[in]), %%r13; mov 10*8(%[in]), %%r14; mov 11*8(%[in]), %%r15\n"
        "mov 12*8(%[in]), %%rbp; mov 13*8(%[in]), %%rbx\n"
        HYPERCALL_INSN
        "push %%rbx\n"
        "mov 8(%%rsp), %%rbx\n"
        "mov %%rcx, 0*8(%%rbx); mov %%rdx, 1*8(%%rbx); mov %%rsi, 2*8(%%rbx); mov %%rdi, 3*8(%%rbx)\n"
        "mov %%r8, 4*8(%%rbx); mov %%r9, 5*8(%%rbx); mov %%r10, 6*8(%%rbx); mov %%r11, 7*8(%%rbx)\n"
        "mov %%r12, 8*8(%%rbx); mov %%r13, 9*8(%%rbx); mov %%r14, 10*8(%%rbx); mov %%r15, 11*8(%%rbx)\n"
        "mov %%rbp, 12*8(%%rbx)\n"
        "pop %%rcx\n"
        "mov %%rcx, 13*8(%%rbx)\n"
        "add $8, %%rsp\n"
        "pop %%rbx\n"
        "pop %%rbp\n"
        : "+a"(rax) : [in] "b"(in), [out] "c"(out)
        : "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
    check_equal(rax, 0x00040011);
    for (unsigned int i = 0; i < 14; i++)
        if (in[i] != out[i])
            fail("register %u was 0x%lx, is 0x%lx", i, in[i], out[i]);
}

static uint64_t user_hypercall(uint64_t nr)
{
    return (uint64_t)hypercall(nr, 0, 0, 0, 0, 0);
}

GUEST_TEST(hypercall_cpl3, "every hypercall from CPL 3 is -EPERM")
{
    for (uint64_t nr = 0; nr < 66; nr++) {
        int64_t r = (int64_t)user_call(user_hypercall, nr);

        if (r != -XEN_EPERM)
            fail("hypercall %lu from CPL 3: %ld", nr, r);
    }
}

GUEST_TEST(hypercall_32bit, "32-bit, 16-bit and real-mode callers have the 32-bit registers, in every mode")
{
    static const char *const names[] = { "compatibility", "protected", "16-bit protected", "real" };

    for (unsigned int mode = 0; mode < 4; mode++) {
        struct regs32 r = { .eax = VERSION_NR, .ebx = XENVER_version };
        int32_t v = hypercall32(mode, &r);
        struct xen_feature_info *f = (void *)(LOW_PAGE + 0x1800);

        if (v != 0x00040011)
            fail("xen_version in %s mode: 0x%x", names[mode], (uint32_t)v);
        *f = (struct xen_feature_info){ .submap_idx = 0 };
        r = (struct regs32){ .eax = VERSION_NR, .ebx = XENVER_get_features, .ecx = (uint32_t)address(f) };
        v = hypercall32(mode, &r);
        if (v != 0 || f->submap != 0x12b05)
            fail("features in %s mode: %d, 0x%x", names[mode], v, f->submap);
        r = (struct regs32){ .eax = 63 };
        v = hypercall32(mode, &r);
        if (v != -XEN_ENOSYS)
            fail("hypercall 63 in %s mode: %d", names[mode], v);
    }
    check_equal(rdmsr(MSR_EFER) & 0x500, 0x500);
}

GUEST_TEST(hypercall_bad_pointers, "pointers to where nothing is are -EFAULT, and nothing is half done")
{
    static const uint64_t bad[] = { UNMAPPED_ADDRESS, 0x0000800000000000, 0xffff7fffffffffff, ~0UL, ~0UL - 7,
                                    0xffff800000000000, 0xfffffffffffff000 };
    struct evtchn_alloc_unbound a = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
    uint32_t before;

    evtchn_op(EVTCHNOP_alloc_unbound, &a);
    before = a.port;
    for (unsigned int i = 0; i < ARRAY_COUNT(bad); i++) {
        const void *p = (const void *)bad[i];

        check_equal(xen_version(XENVER_extraversion, p), -XEN_EFAULT);
        check_equal(xen_version(XENVER_get_features, p), -XEN_EFAULT);
        check_equal(evtchn_op(EVTCHNOP_alloc_unbound, p), -XEN_EFAULT);
        check_equal(memory_op(XENMEM_memory_map, p), -XEN_EFAULT);
        check_equal(memory_op(XENMEM_add_to_physmap, p), -XEN_EFAULT);
        check_equal(hvm_op(HVMOP_get_param, p), -XEN_EFAULT);
        check_equal(sched_op(SCHEDOP_poll, p), -XEN_EFAULT);
        check_equal(grant_op(GNTTABOP_map_grant_ref, p, 1), -XEN_EFAULT);
        check_equal(hypercall(CONSOLE_NR, CONSOLEIO_write, 10, bad[i], 0, 0), -XEN_EFAULT);
        check_equal(hypercall(__HYPERVISOR_multicall, bad[i], 1, 0, 0, 0), -XEN_EFAULT);
    }
    evtchn_op(EVTCHNOP_close, &(struct evtchn_close){ .port = before });
    evtchn_op(EVTCHNOP_alloc_unbound, &a);
    check_equal(a.port, before);
    evtchn_op(EVTCHNOP_close, &(struct evtchn_close){ .port = a.port });
}

/* The last bytes of a page, with nothing behind it; a page that may not be written. */
GUEST_TEST(hypercall_page_edges, "an argument across the edge to an unmapped or read-only page is -EFAULT")
{
    uint8_t *page = page_alloc(), *beyond = page_alloc();
    uint64_t *entry = page_entry(address(beyond));
    uint64_t was;

    entry = page_entry(address(beyond));
    was = *entry;
    *entry = 0;
    flush_page(address(beyond));
    check_equal(xen_version(XENVER_get_features, page + 4096 - 4), -XEN_EFAULT);
    check_equal(xen_version(XENVER_extraversion, page + 4096 - 8), -XEN_EFAULT);
    check_equal(xen_version(XENVER_extraversion, page + 4096 - 16), 0);
    *entry = was & ~2UL;
    flush_page(address(beyond));
    check_equal(xen_version(XENVER_extraversion, page + 4096 - 8), -XEN_EFAULT);
    check_equal(xen_version(XENVER_extraversion, beyond), -XEN_EFAULT);
    *entry = was;
    flush_page(address(beyond));
    check_equal(xen_version(XENVER_extraversion, page + 4096 - 8), 0);
}

GUEST_TEST(hypercall_multicall, "a multicall does its calls in order, each with a result of its own")
{
    static struct multicall_entry e[3];
    struct xen_feature_info f = { .submap_idx = 0 };

    e[0] = (struct multicall_entry){ .op = VERSION_NR, .args = { XENVER_version } };
    e[1] = (struct multicall_entry){ .op = 63 };
    e[2] = (struct multicall_entry){ .op = VERSION_NR, .args = { XENVER_get_features, address(&f) } };
    check_equal(hypercall(__HYPERVISOR_multicall, address(e), 3, 0, 0, 0), 0);
    check_equal(e[0].result, 0x00040011);
    check_equal(e[1].result, -XEN_ENOSYS);
    check_equal(e[2].result, 0);
    check_equal(f.submap, 0x12b05);
}

/* ---- arbitrary arguments ---- */

/* Two pages for each CPU, and none behind them. */
static uint8_t *noise_pages[CPUS_MAX];

static uint8_t *noise(void) { return noise_pages[this_cpu()->index]; }

static void noise_alloc(unsigned int cpu)
{
    uint64_t guard;

    if (noise_pages[cpu])
        return;
    noise_pages[cpu] = page_alloc();
    page_alloc();
    guard = address(page_alloc());
    *page_entry(guard) = 0;
    flush_page(guard);
}

/* Also frame numbers, so not those of the page with our 16-bit code and the one behind it. */
static uint64_t random_small(void)
{
    uint32_t v = random32() % 62;

    return v < LOW_PAGE >> 12 ? v : v + 2;
}

static uint64_t random_argument(void)
{
    switch (random32() % 8) {
    case 0: return 0;
    case 1: return random_small();
    case 2: return address(noise()) + random32() % 4096;
    case 3: return address(noise()) + 8192 - random32() % 64;    /* near the end */
    case 4: return UNMAPPED_ADDRESS - random32() % 16;
    case 5: return random64();
    case 6: return random32() % 0x2000;
    default: return address(noise());
    }
}

static void make_noise(void)
{
    uint64_t *p = (uint64_t *)(void *)noise();

    for (unsigned int i = 0; i < 1024; i++)
        p[i] = random32() % 3 == 0 ? random64() : random32() % 3 == 0 ? random_small() : 0;
    /* The structures of tools, past their first check. Commands that end the machine are for others to test. */
    switch (random32() % 4) {
    case 0: p[0] = (random32() % 90) | (uint64_t)XEN_DOMCTL_INTERFACE_VERSION << 32; break;
    case 1: p[0] = (random32() % 40) | (uint64_t)XEN_SYSCTL_INTERFACE_VERSION << 32; break;
    case 2: p[0] = (random32() % 70) | (uint64_t)XENPF_INTERFACE_VERSION << 32; break;
    default: break;
    }
}

/* What would end the test itself, as it should. */
static bool spare(uint64_t nr, uint64_t a, uint64_t b)
{
    uint32_t command = (uint32_t)*(uint64_t *)(void *)noise();

    switch (nr) {
    case __HYPERVISOR_sched_op:                 /* end, sleep until an event, watchdog */
        return a == SCHEDOP_shutdown || a == SCHEDOP_block || a == SCHEDOP_poll || a == SCHEDOP_watchdog ||
               a == SCHEDOP_remote_shutdown;
    case __HYPERVISOR_vcpu_op:
        return a == VCPUOP_down || a == VCPUOP_initialise;
    case __HYPERVISOR_console_io:
        return a == CONSOLEIO_write && b > 0;
    case __HYPERVISOR_platform_op:
        return command == XENPF_enter_acpi_sleep || command == XENPF_cpu_offline;
    case __HYPERVISOR_sysctl:
        return command == XEN_SYSCTL_debug_keys || command == XEN_SYSCTL_cpu_hotplug;
    case __HYPERVISOR_domctl:
        return command == XEN_DOMCTL_createdomain;
    case __HYPERVISOR_memory_op:                /* may take our own pages away */
        return (a & 63) == XENMEM_decrease_reservation || (a & 63) == XENMEM_remove_from_physmap;
    case __HYPERVISOR_multicall:
        return true;
    default:
        return false;
    }
}

static void storm(uint64_t nr, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        uint64_t a = random_argument(), b = random_argument(), c = random_argument(), d = random_argument();

        if (i % 4 == 0)
            make_noise();
        if (nr == __HYPERVISOR_domctl || nr == __HYPERVISOR_sysctl || nr == __HYPERVISOR_platform_op)
            a = address(noise());
        else if (random32() % 4)
            a = random32() % 32;
        if (spare(nr, a, b))
            continue;
        /* Requests without end where nothing ends them would be all memory from there on, our page tables among it. */
        if (nr == __HYPERVISOR_grant_table_op && b - address(noise()) >= 8192)
            c %= 64;
        (void)hypercall(nr, a, b, c, d, random_argument());
    }
}

static void ignore(struct trap_frame *f unused_arg) { }

/* VCPUOP_send_nmi is one of them. */
static void storm_all(void *p)
{
    irq_set(NMI, ignore);
    for (uint64_t nr = 0; nr < 64; nr++)
        storm(nr, *(unsigned int *)p);
}

GUEST_TEST(hypercall_storm, "thousands of hypercalls with arbitrary arguments leave hypervisor and guest running")
{
    unsigned int count = (unsigned int)command_line_number("storm=", 100);

    noise_alloc(0);
    storm_all(&count);
    check_equal(xen_version(XENVER_version, NULL), 0x00040011);
}

GUEST_TEST(hypercall_storm_smp, "the same from all CPUs at once")
{
    unsigned int count = (unsigned int)command_line_number("storm=", 100), n = cpus_start();

    for (unsigned int i = 0; i < n; i++)
        noise_alloc(i);
    for (unsigned int i = 1; i < n; i++)
        cpu_begin(i, storm_all, &count);
    storm_all(&count);
    for (unsigned int i = 1; i < n; i++)
        cpu_finish(i);
    check_equal(xen_version(XENVER_version, NULL), 0x00040011);
}

/* Without page tables every address below the end of RAM is one: only noise may be hit by accident. */
static uint32_t harmless(uint64_t v)
{
    if (v - address(noise()) < 8192 || v < 0x2000)
        return (uint32_t)v;
    return (uint32_t)v | 0xc0000000;
}

static void make_noise_harmless(void)
{
    uint32_t *p = (uint32_t *)(void *)noise();

    make_noise();
    for (unsigned int i = 2; i < 2048; i++)
        p[i] = harmless(p[i]);
}

GUEST_TEST(hypercall_storm_32bit, "the same from 32-bit code, with and without paging, and from real mode")
{
    noise_alloc(0);
    for (uint32_t nr = 0; nr < 64; nr++)
        for (unsigned int i = 0; i < 40; i++) {
            struct regs32 r = { nr, harmless(random_argument()), harmless(random_argument()),
                                harmless(random_argument()), harmless(random_argument()),
                                harmless(random_argument()), random32() };

            if (i % 4 == 0)
                make_noise_harmless();
            if (nr != __HYPERVISOR_multicall && random32() % 4)
                r.ebx = random32() % 32;
            if (nr == __HYPERVISOR_grant_table_op)
                r.edx %= 64;                   /* requests: more would be all that lies behind them, this code among it */
            if (!spare(nr, r.ebx, r.ecx))
                (void)hypercall32(i % 4, &r);
        }
    check_equal(xen_version(XENVER_version, NULL), 0x00040011);
}
