/* SPDX-License-Identifier: BSD-2-Clause */
#include "child.h"
#include "hypercall.h"

#include <xen/arch-x86/hvm/start_info.h>
#include <xen/domctl.h>
#include <xen/hvm/save.h>

#define IMAGE 0x1000000UL              /* guest.lds */
#define KEPT 0x3000000UL               /* the image as it was loaded */
#define WINDOW 0x100000000UL           /* where other domains' pages are mapped */
#define START_INFO 0x2000000UL         /* in the child; the command line is behind it */
#define MIB_2 0x200000UL
#define CHILD_MEMORY (48UL << 20)
#define CR0_ET_PE 0x11

extern char bss_begin[];
extern void entry32(void);

static uint64_t window_used;

void child_keep_image(void) { memcpy((void *)KEPT, (void *)IMAGE, address(bss_begin) - IMAGE); }

static bool domctl(struct xen_domctl *c, uint32_t cmd, domid_t id, const char *what)
{
    int64_t rc;

    c->cmd = cmd;
    c->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    c->domain = id;
    do {
        rc = hypercall(__HYPERVISOR_domctl, address(c), 0, 0, 0, 0);
    } while (rc == -XEN_EAGAIN);
    if (rc < 0)
        error("%s: %ld", what, rc);
    return rc >= 0;
}

static bool create(struct child *c, unsigned int vcpus)
{
    struct xen_domctl d = { .cmd = 0 };

    d.u.createdomain.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
    d.u.createdomain.max_vcpus = vcpus;
    d.u.createdomain.max_evtchn_port = 255;
    d.u.createdomain.max_grant_frames = 4;
    d.u.createdomain.max_maptrack_frames = 4;
    d.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(1);
    d.u.createdomain.arch.emulation_flags = XEN_X86_EMU_LAPIC;
    if (!domctl(&d, XEN_DOMCTL_createdomain, 0, "createdomain"))
        return false;
    c->id = d.domain;
    memset(&d, 0, sizeof(d));
    d.u.max_vcpus.max = vcpus;
    return domctl(&d, XEN_DOMCTL_max_vcpus, c->id, "max_vcpus");
}

/* Second-level tables come out of an allowance, then memory from 0 on in large pages. */
static bool give_memory(const struct child *c)
{
    struct xen_domctl d = { .cmd = 0 };
    xen_pfn_t frames[CHILD_MEMORY / MIB_2];
    struct xen_memory_reservation r = { .nr_extents = ARRAY_COUNT(frames), .extent_order = 9, .domid = c->id };

    d.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION;
    d.u.shadow_op.mb = 4;
    if (!domctl(&d, XEN_DOMCTL_shadow_op, c->id, "shadow_op"))
        return false;
    memset(&d, 0, sizeof(d));
    d.u.max_mem.max_memkb = CHILD_MEMORY / 1024 + 1024;
    if (!domctl(&d, XEN_DOMCTL_max_mem, c->id, "max_mem"))
        return false;
    for (unsigned int i = 0; i < ARRAY_COUNT(frames); i++)
        frames[i] = i * MIB_2 >> 12;
    r.extent_start.p = frames;
    return check_equal(memory_op(XENMEM_populate_physmap, &r), ARRAY_COUNT(frames));
}

static bool map_page(domid_t id, uint64_t frame)
{
    xen_ulong_t index = frame;
    xen_pfn_t at = (WINDOW + window_used) >> 12;
    int rc = 0;
    struct xen_add_to_physmap_batch b = { .domid = DOMID_SELF, .space = XENMAPSPACE_gmfn_foreign, .size = 1 };
    int64_t called;

    b.u.foreign_domid = id;
    b.idxs.p = &index;
    b.gpfns.p = &at;
    b.errs.p = &rc;
    called = memory_op(XENMEM_add_to_physmap_batch, &b);
    if (called != 0 || rc != 0) {
        error("page 0x%lx of d%u: %ld, %d", frame, id, called, rc);
        return false;
    }
    window_used += 4096;
    return true;
}

void *child_memory(const struct child *c, uint64_t from, size_t size)
{
    uint64_t begin = WINDOW + window_used + from % 4096;

    for (uint64_t page = from & ~4095UL; page < from + size; page += 4096)
        if (!map_page(c->id, page >> 12))
            return NULL;
    return (void *)begin;
}

static bool write_memory(const struct child *c, uint64_t to, const void *from, size_t size)
{
    void *window = child_memory(c, to, size);

    if (window)
        memcpy(window, from, size);
    return window != NULL;
}

static bool load_image(const struct child *c, const char *command_line)
{
    struct hvm_start_info s = { .magic = XEN_HVM_START_MAGIC_VALUE, .version = 1 };
    size_t length = 0;

    while (command_line[length++])
        ;
    s.cmdline_paddr = START_INFO + sizeof(s);
    return write_memory(c, IMAGE, (void *)KEPT, address(bss_begin) - IMAGE) && write_memory(c, START_INFO, &s, sizeof(s)) &&
           write_memory(c, s.cmdline_paddr, command_line, length);
}

/* The state at the entry of PVH (xen/arch-x86/hvm/start_info.h). */
static void entry_registers(struct hvm_hw_cpu *r)
{
    memset(r, 0, sizeof(*r));
    r->rip = address((void *)(uintptr_t)entry32);
    r->rbx = START_INFO;
    r->rflags = 2;
    r->cr0 = CR0_ET_PE;
    r->dr6 = 0xffff0ff0;
    r->dr7 = 0x400;
    r->cs_limit = r->ds_limit = r->es_limit = r->ss_limit = ~0U;
    r->cs_arbytes = 0xc9b;
    r->ds_arbytes = r->es_arbytes = r->ss_arbytes = 0xc93;
    r->tr_limit = 0x67;
    r->tr_arbytes = 0x8b;
    r->ldtr_arbytes = 0x82;
}

/* The hypervisor's own record begins with a header that it wants back. */
static bool set_registers(const struct child *c)
{
    static uint8_t got[32768] __attribute__((aligned(8)));
    struct __attribute__((packed)) {
        struct hvm_save_descriptor header_is;
        HVM_SAVE_TYPE(HEADER) header;
        struct hvm_save_descriptor cpu_is;
        HVM_SAVE_TYPE(CPU) cpu;
        struct hvm_save_descriptor end_is;
    } put;
    struct hvm_hw_cpu registers;
    struct xen_domctl d = { .cmd = 0 };

    d.u.hvmcontext.size = sizeof(got);
    d.u.hvmcontext.buffer.p = got;
    if (!domctl(&d, XEN_DOMCTL_gethvmcontext, c->id, "gethvmcontext"))
        return false;
    memset(&put, 0, sizeof(put));
    memcpy(&put.header_is, got, sizeof(put.header_is) + sizeof(put.header));
    put.cpu_is = (struct hvm_save_descriptor){ HVM_SAVE_CODE(CPU), 0, HVM_SAVE_LENGTH(CPU) };
    entry_registers(&registers);
    memcpy(&put.cpu, &registers, sizeof(registers));
    put.end_is = (struct hvm_save_descriptor){ HVM_SAVE_CODE(END), 0, 0 };
    memset(&d, 0, sizeof(d));
    d.u.hvmcontext.size = sizeof(put);
    d.u.hvmcontext.buffer.p = (uint8_t *)&put;
    return domctl(&d, XEN_DOMCTL_sethvmcontext, c->id, "sethvmcontext");
}

bool child_make(struct child *c, const char *command_line, unsigned int vcpus)
{
    return create(c, vcpus) && give_memory(c) && load_image(c, command_line) && set_registers(c);
}

bool child_schedule(const struct child *c, uint16_t weight, uint16_t cap)
{
    struct xen_domctl d = { .cmd = 0 };

    d.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    d.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
    d.u.scheduler_op.u.credit2.weight = weight;
    d.u.scheduler_op.u.credit2.cap = cap;
    return domctl(&d, XEN_DOMCTL_scheduler_op, c->id, "scheduler_op");
}

bool child_start(const struct child *c)
{
    struct xen_domctl d = { .cmd = 0 };

    return domctl(&d, XEN_DOMCTL_unpausedomain, c->id, "unpausedomain");
}

uint64_t child_time(const struct child *c)
{
    struct xen_domctl d = { .cmd = 0 };

    return domctl(&d, XEN_DOMCTL_getdomaininfo, c->id, "getdomaininfo") ? d.u.getdomaininfo.cpu_time : 0;
}

bool child_destroy(const struct child *c)
{
    struct xen_domctl d = { .cmd = 0 };

    return domctl(&d, XEN_DOMCTL_destroydomain, c->id, "destroydomain");
}
