/* SPDX-License-Identifier: BSD-2-Clause */
/* What xl save, restore and dump-core ask for: registers of a vCPU, the log of written pages, context records. */
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
#include <mm/heap.h>
#include <x86/softirq.h>
#include <x86/time.h>
#include <xen/event_channel.h>
#include <xen/hvm/dm_op.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/save.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

static struct xen_domctl domctl_of(uint32_t cmd)
{
    struct xen_domctl d;

    memset(&d, 0, sizeof(d));
    d.cmd = cmd;
    d.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    d.domain = 1;
    return d;
}
#define DOM(d) CTL(__HYPERVISOR_domctl, (d))

static int64_t log_op(uint32_t op)
{
    struct xen_domctl d = domctl_of(XEN_DOMCTL_shadow_op);

    d.u.shadow_op.op = op;
    return DOM(&d);
}

/* How many of the first `pages` bits a CLEAN or PEEK gives; *bits: the first 1024. */
static int64_t read_log(uint32_t op, uint64_t pages, uint64_t bits[16])
{
    struct xen_domctl d = domctl_of(XEN_DOMCTL_shadow_op);
    uint64_t at;
    int64_t rc;

    memset(bits, 0xee, 128);
    world_forget();
    at = world_put(world.dom0, bits, 128);
    d.u.shadow_op.op = op;
    d.u.shadow_op.pages = pages;
    d.u.shadow_op.dirty_bitmap.p = (void *)at;
    rc = DOM(&d);
    world_get(world.dom0, at, bits, 128);
    if (rc != 0)
        return rc;
    assert_int_equal(d.u.shadow_op.pages, pages);
    return d.u.shadow_op.stats.dirty_count;
}

static void guest_writes(uint64_t gfn)
{
    uint64_t value = 7;

    assert_int_equal(domain_write_phys(world.guest, gpa_of(gfn << 12), &value, sizeof(value)), 0);
}

static void written_pages_are_told_once(void **state)
{
    uint64_t bits[16];

    (void)state;
    assert_int_equal(log_op(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), 0);
    assert_int_equal(log_op(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), -EINVAL);
    assert_int_equal(read_log(XEN_DOMCTL_SHADOW_OP_CLEAN, 1024, bits), 0);
    assert_int_equal(bits[0] | bits[15], 0);
    guest_writes(3);
    guest_writes(200);
    /* A CPU that meets the protection. */
    assert_true(p2m_dirty_fault(&world.guest->p2m, gfn_of(70)));
    assert_true(p2m_dirty_fault(&world.guest->p2m, gfn_of(70)));
    assert_false(p2m_dirty_fault(&world.guest->p2m, gfn_of(5000)));
    assert_int_equal(read_log(XEN_DOMCTL_SHADOW_OP_PEEK, 1024, bits), 3);
    assert_int_equal(read_log(XEN_DOMCTL_SHADOW_OP_CLEAN, 1024, bits), 3);
    assert_int_equal(bits[0], 1UL << 3);
    assert_int_equal(bits[1], 1UL << 6);
    assert_int_equal(bits[3], 1UL << 8);
    assert_int_equal(read_log(XEN_DOMCTL_SHADOW_OP_CLEAN, 1024, bits), 0);
    guest_writes(3);
    assert_int_equal(log_op(XEN_DOMCTL_SHADOW_OP_OFF), 0);
    assert_int_equal(p2m_lookup(&world.guest->p2m, gfn_of(3)).type, P2M_RAM_RW);
    assert_int_equal(p2m_lookup(&world.guest->p2m, gfn_of(4)).type, P2M_RAM_RW);
    assert_int_equal(read_log(XEN_DOMCTL_SHADOW_OP_CLEAN, 1024, bits), -EINVAL);
    assert_int_equal(log_op(XEN_DOMCTL_SHADOW_OP_OFF), 0);
}

static void only_as_much_is_written_as_was_asked_for(void **state)
{
    uint64_t bits[16];

    (void)state;
    assert_int_equal(log_op(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), 0);
    guest_writes(1);
    assert_int_equal(read_log(XEN_DOMCTL_SHADOW_OP_CLEAN, 20, bits), 1);
    assert_int_equal(bits[0], 0xeeeeeeeeee000002UL);
    assert_int_equal(read_log(XEN_DOMCTL_SHADOW_OP_CLEAN, 0, bits), 0);
    assert_int_equal(log_op(XEN_DOMCTL_SHADOW_OP_OFF), 0);
}

/* What cannot be told is not forgotten. */
static void a_bitmap_that_is_not_there_loses_nothing(void **state)
{
    struct xen_domctl d = domctl_of(XEN_DOMCTL_shadow_op);
    uint64_t bits[16];

    (void)state;
    assert_int_equal(log_op(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), 0);
    guest_writes(9);
    d.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_CLEAN;
    d.u.shadow_op.pages = 1024;
    d.u.shadow_op.dirty_bitmap.p = (void *)WORLD_BAD_POINTER;
    assert_int_equal(DOM(&d), -EFAULT);
    assert_int_equal(read_log(XEN_DOMCTL_SHADOW_OP_CLEAN, 1024, bits), 1);
    assert_int_equal(bits[0], 1UL << 9);
}

static void put_large(uint64_t gfn)
{
    mfn_t m = frame_alloc(PAGE_ORDER_2M, 1, true);

    assert_true(mfn_is_valid(m));
    physmap_count(world.guest, BIT(PAGE_ORDER_2M));
    assert_int_equal(physmap_put_new(world.guest, gfn_of(gfn), PAGE_ORDER_2M, m), 0);
}

static void a_large_page_is_split_by_its_first_write(void **state)
{
    uint64_t bits[16];
    unsigned int count = 0;

    (void)state;
    put_large(512);
    assert_int_equal(log_op(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), 0);
    assert_int_equal(p2m_lookup(&world.guest->p2m, gfn_of(512)).order, PAGE_ORDER_2M);
    assert_true(p2m_dirty_fault(&world.guest->p2m, gfn_of(700)));
    assert_int_equal(p2m_lookup(&world.guest->p2m, gfn_of(700)).order, PAGE_ORDER_4K);
    assert_int_equal(read_log(XEN_DOMCTL_SHADOW_OP_CLEAN, 1024, bits), 1);
    assert_int_equal(bits[700 / 64], 1UL << (700 % 64));
    for (unsigned int i = 0; i < 16; i++)
        count += (unsigned int)__builtin_popcountl(bits[i]);
    assert_int_equal(count, 1);
}

static void without_memory_a_large_page_is_dirty_as_a_whole(void **state)
{
    uint64_t bits[16];

    (void)state;
    put_large(512);
    assert_int_equal(log_op(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), 0);
    frames_fail_countdown = 1;
    assert_true(p2m_dirty_fault(&world.guest->p2m, gfn_of(700)));
    frames_fail_countdown = 0;
    assert_int_equal(read_log(XEN_DOMCTL_SHADOW_OP_CLEAN, 1024, bits), 512);
    assert_int_equal(read_log(XEN_DOMCTL_SHADOW_OP_CLEAN, 1024, bits), 0);
}

static void pages_that_come_meanwhile_are_dirty(void **state)
{
    uint64_t at, gfn = 900, bits[16];
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = 1 };

    (void)state;
    assert_int_equal(log_op(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), 0);
    at = world_put(world.dom0, &gfn, sizeof(gfn));
    r.extent_start.p = (void *)at;
    assert_int_equal(OP(world.v0, __HYPERVISOR_memory_op, XENMEM_populate_physmap, &r), 1);
    assert_int_equal(read_log(XEN_DOMCTL_SHADOW_OP_CLEAN, 1024, bits), 1);
    assert_int_equal(bits[900 / 64], 1UL << (900 % 64));
}

/* Made to stop after each step, it takes more calls and comes to the same. */
static void the_log_makes_way_and_goes_on(void **state)
{
    struct xen_domctl d = domctl_of(XEN_DOMCTL_shadow_op);
    uint64_t bits[16] = { 0 }, at, args[6] = { 0 };
    unsigned int calls = 0;
    bool again = true;
    int64_t rc = 0;

    (void)state;
    put_large(512);
    assert_int_equal(log_op(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), 0);
    guest_writes(5);
    guest_writes(600);
    at = world_put(world.dom0, bits, sizeof(bits));
    d.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_CLEAN;
    d.u.shadow_op.pages = 1024;
    d.u.shadow_op.dirty_bitmap.p = (void *)at;
    args[0] = world_put(world.dom0, &d, sizeof(d));
    while (again) {
        softirq_raise(SOFTIRQ_CONSOLE);
        rc = world_call_once(world.v0, __HYPERVISOR_domctl, args, &again);
        if (again) {
            /* Another caller does not get in between. */
            struct xen_domctl other = domctl_of(XEN_DOMCTL_shadow_op);
            uint64_t a = world_put(world.dom0, &other, sizeof(other));

            other.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_OFF;
            world_put_at(world.dom0, a, &other, sizeof(other));
            assert_int_equal(world_call(world.v1, __HYPERVISOR_domctl, a, 0, 0, 0), -EBUSY);
        }
        calls++;
    }
    assert_int_equal(rc, 0);
    assert_true(calls > 1);
    world_get(world.dom0, at, bits, sizeof(bits));
    assert_int_equal(bits[0], 1UL << 5);
    assert_int_equal(bits[600 / 64], 1UL << (600 % 64));
    this_cpu()->softirq_pending = 0;
}

static void a_device_model_says_what_it_wrote(void **state)
{
    struct xen_dm_op_modified_memory_extent e[2] = { { .first_pfn = 10, .nr = 3 }, { .first_pfn = 64, .nr = 1 } };
    struct xen_dm_op op = { .op = XEN_DMOP_modified_memory };
    struct xen_dm_op_buf buf[2];
    uint64_t bits[16];

    (void)state;
    assert_int_equal(log_op(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), 0);
    memset(buf, 0, sizeof(buf));
    op.u.modified_memory.nr_extents = 2;
    buf[0].h.p = (void *)world_put(world.dom0, &op, sizeof(op));
    buf[0].size = sizeof(op);
    buf[1].h.p = (void *)world_put(world.dom0, e, sizeof(e));
    buf[1].size = sizeof(e);
    assert_int_equal(dom0_call(__HYPERVISOR_dm_op, 1, 2, world_put(world.dom0, buf, sizeof(buf))), 0);
    assert_int_equal(read_log(XEN_DOMCTL_SHADOW_OP_CLEAN, 1024, bits), 4);
    assert_int_equal(bits[0], 7UL << 10);
    assert_int_equal(bits[1], 1);
    buf[1].size = sizeof(e[0]);
    world_forget();
    buf[0].h.p = (void *)world_put(world.dom0, &op, sizeof(op));
    assert_int_equal(dom0_call(__HYPERVISOR_dm_op, 1, 2, world_put(world.dom0, buf, sizeof(buf))), -EINVAL);
}

/* The first 192 bits of what a device model is told of the screen at gfn `first`. */
static int64_t track(uint64_t first, uint32_t nr, uint64_t bits[3])
{
    struct xen_dm_op op = { .op = XEN_DMOP_track_dirty_vram, .u.track_dirty_vram = { .first_pfn = first, .nr = nr } };
    struct xen_dm_op_buf buf[2];
    uint64_t at;
    int64_t rc;

    memset(bits, 0xee, 24);
    memset(buf, 0, sizeof(buf));
    world_forget();
    at = world_put(world.dom0, bits, 24);
    buf[0].h.p = (void *)world_put(world.dom0, &op, sizeof(op));
    buf[0].size = sizeof(op);
    buf[1].h.p = (void *)at;
    buf[1].size = 24;
    rc = dom0_call(__HYPERVISOR_dm_op, 1, 2, world_put(world.dom0, buf, sizeof(buf)));
    world_get(world.dom0, at, bits, 24);
    return rc;
}

static void the_screen_is_drawn_where_it_was_written(void **state)
{
    uint64_t bits[3];

    (void)state;
    assert_int_equal(track(4, 130, bits), 0);
    assert_int_equal(bits[0] & bits[1], UINT64_MAX);
    assert_int_equal(bits[2], 0xeeeeeeeeeeeeeeffUL);
    assert_int_equal(track(4, 130, bits), 0);
    assert_int_equal(bits[0] | bits[1] | (bits[2] & 3), 0);
    guest_writes(5);
    guest_writes(200);
    assert_true(p2m_dirty_fault(&world.guest->p2m, gfn_of(132)));
    assert_int_equal(track(4, 130, bits), 0);
    assert_int_equal(bits[0], 1UL << 1);
    assert_int_equal(bits[2] & 3, 1);
    assert_int_equal(track(4, 130, bits), 0);
    assert_int_equal(bits[0], 0);
    /* Another screen, and none. */
    assert_int_equal(track(5, 130, bits), 0);
    assert_int_equal(bits[0], UINT64_MAX);
    assert_int_equal(track(0, 0, bits), 0);
    assert_int_equal(track(5, 130, bits), 0);
    assert_int_equal(bits[0], UINT64_MAX);
    assert_int_equal(track(5, 193, bits), -EINVAL);
    assert_int_equal(track(5, 0x4001, bits), -ENODATA);
    assert_int_equal(track(1UL << 50, 64, bits), -EINVAL);
}

/* A page that the device model made clean would never be sent. */
static void while_memory_is_logged_the_screen_is_the_logs(void **state)
{
    uint64_t screen[3], bits[16];

    (void)state;
    assert_int_equal(track(4, 64, screen), 0);
    assert_int_equal(log_op(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY), 0);
    guest_writes(5);
    assert_int_equal(track(4, 64, screen), -ENODATA);
    assert_int_equal(read_log(XEN_DOMCTL_SHADOW_OP_CLEAN, 1024, bits), 1);
    assert_int_equal(log_op(XEN_DOMCTL_SHADOW_OP_OFF), 0);
    assert_int_equal(track(4, 64, screen), 0);
    assert_int_equal(screen[0], UINT64_MAX);
    guest_writes(6);
    assert_int_equal(track(4, 64, screen), 0);
    assert_int_equal(screen[0], 1UL << 2);
}

/* ---- registers ---- */

static void registers_are_shown_and_the_general_ones_set(void **state)
{
    struct xen_domctl d = domctl_of(XEN_DOMCTL_getvcpucontext);
    struct vcpu_guest_context *c = calloc(1, sizeof(*c));
    uint64_t at;

    (void)state;
    memset(c, 0xee, sizeof(*c));
    at = world_put(world.dom0, c, sizeof(*c));
    d.u.vcpucontext.ctxt.p = (void *)at;
    world.g0->initialised = true;
    world.g0->hw.regs.rbx = 0x1234;
    assert_int_equal(DOM(&d), 0);
    world_get(world.dom0, at, c, sizeof(*c));
    assert_int_equal(c->user_regs.rbx, 0x1234);
    assert_int_equal(c->trap_ctxt[255].address, 0);
    c->user_regs.rax = 1;
    c->user_regs.rip = 0x5000;
    c->user_regs.rflags = ~0UL;
    world_put_at(world.dom0, at, c, sizeof(*c));
    d.cmd = XEN_DOMCTL_setvcpucontext;
    assert_int_equal(DOM(&d), 0);
    d.cmd = XEN_DOMCTL_getvcpucontext;
    assert_int_equal(DOM(&d), 0);
    world_get(world.dom0, at, c, sizeof(*c));
    assert_int_equal(c->user_regs.rax, 1);
    assert_int_equal(c->user_regs.rip, 0x5000);
    assert_int_equal(c->user_regs.rflags, 0x3f7fd7);
    assert_int_equal(world.guest->pause_count, 0);
    d.u.vcpucontext.vcpu = 1;
    assert_int_equal(DOM(&d), -ESRCH);
    d.u.vcpucontext.vcpu = 0;
    d.u.vcpucontext.ctxt.p = (void *)WORLD_BAD_POINTER;
    assert_int_equal(DOM(&d), -EFAULT);
    world.g0->initialised = false;
    assert_int_equal(DOM(&d), -ENODATA);
    free(c);
}

/* ---- context records ---- */

static uint8_t context[8192];

static uint32_t save_context(void)
{
    struct xen_domctl d = domctl_of(XEN_DOMCTL_gethvmcontext);
    uint64_t at = world_put(world.dom0, context, sizeof(context));

    d.u.hvmcontext.buffer.p = (void *)at;
    d.u.hvmcontext.size = sizeof(context);
    assert_int_equal(DOM(&d), 0);
    world_get(world.dom0, at, context, sizeof(context));
    return d.u.hvmcontext.size;
}

static int64_t load_context(uint32_t size)
{
    struct xen_domctl d = domctl_of(XEN_DOMCTL_sethvmcontext);

    world_forget();
    d.u.hvmcontext.buffer.p = (void *)world_put(world.dom0, context, sizeof(context));
    d.u.hvmcontext.size = size;
    return DOM(&d);
}

/* The record of a type in the context just saved. */
static void *record_of(uint16_t type, uint32_t *length)
{
    struct hvm_save_descriptor *h = (void *)context;

    while (h->typecode != type) {
        assert_true(h->typecode != 0);
        h = (void *)((uint8_t *)(h + 1) + h->length);
    }
    if (length)
        *length = h->length;
    return h + 1;
}

/* The first vCPU's TSC in a context of the same shape as the one just saved. */
static uint64_t *tsc_in(uint8_t *of)
{
    struct hvm_hw_cpu *c = record_of(HVM_SAVE_CODE(CPU), NULL);

    return (void *)(of + ((uint8_t *)&c->tsc - (uint8_t *)context));
}

static void make_state(struct vcpu *v)
{
    struct vlapic_effect e = { 0 };

    v->initialised = true;
    vcpu_online(v);
    v->hw.regs.r12 = 0xabcdef;
    v->tsc_adjust = 77;
    assert_true(vlapic_write(&v->lapic, VLAPIC_REG_SVR, 0x1ff, 0, &e));
    assert_true(vlapic_write(&v->lapic, VLAPIC_REG_LVTT, 0x200ef, 0, &e));
    assert_true(vlapic_write(&v->lapic, VLAPIC_REG_TDCR, 0xb, 0, &e));
    assert_true(vlapic_write(&v->lapic, VLAPIC_REG_TMICT, 1000000, time_now(), &e));
    assert_true(vlapic_set_irr(&v->lapic, 0x51, false));
    assert_true(vlapic_set_irr(&v->lapic, 0x61, true));
}

static void a_context_is_what_it_was_after_a_round(void **state)
{
    static uint8_t first[8192];
    struct vcpu *v = world.g0;
    uint64_t saved;
    uint32_t size;
    ns_t deadline;

    (void)state;
    make_state(v);
    deadline = v->lapic.timer_deadline;
    size = save_context();
    memcpy(first, context, sizeof(first));
    saved = *tsc_in(first);
    world.guest->tsc.offset ^= 1UL << 40;
    vlapic_reset(&v->lapic);
    v->hw.regs.r12 = v->tsc_adjust = 0;
    assert_int_equal(load_context(size), 0);
    assert_int_equal(v->hw.regs.r12, 0xabcdef);
    assert_int_equal(v->tsc_adjust, 77);
    /* It goes on from where it stood, however long that is ago. */
    assert_in_range(vcpu_tsc(v) - saved, 0, 1UL << 30);
    assert_int_equal(v->lapic.timer_deadline, deadline);
    assert_true(v->lapic.timer_period > 0);
    assert_int_equal(vlapic_highest_irr(&v->lapic), 0x61);
    assert_true(v->lapic.eoi_exit[0x61 / 64] & 1UL << (0x61 % 64));
    assert_int_equal(save_context(), size);
    *tsc_in(first) = *tsc_in((uint8_t *)context);
    assert_memory_equal(first, context, size);
}

static bool has_record(uint16_t type)
{
    const struct hvm_save_descriptor *h = (void *)context;

    while (h->typecode != type && h->typecode != 0)
        h = (const void *)((const uint8_t *)(h + 1) + h->length);
    return h->typecode == type;
}

static void a_vcpu_that_is_down_stays_down(void **state)
{
    uint32_t size;

    (void)state;
    make_state(world.g0);
    (void)save_context();
    assert_true(has_record(HVM_SAVE_CODE(CPU)));
    vcpu_offline(world.g0);
    size = save_context();
    assert_false(has_record(HVM_SAVE_CODE(CPU)));
    assert_false(has_record(CPU_XSAVE_CODE));
    assert_int_equal(load_context(size), 0);
    assert_true(world.g0->sched.down);
}

/* Written by anybody: what the APIC does not have does not come about. */
static void an_apic_record_cannot_make_what_is_not_there(void **state)
{
    uint32_t *regs, length, size;

    (void)state;
    make_state(world.g0);
    size = save_context();
    regs = record_of(HVM_SAVE_CODE(LAPIC_REGS), &length);
    memset(regs, 0xff, length);
    assert_int_equal(load_context(size), 0);
    assert_int_equal(*(uint32_t *)(void *)(world.g0->lapic.regs + VLAPIC_REG_IRR0), 0xffff0000);
    assert_int_equal(*(uint32_t *)(void *)(world.g0->lapic.regs + VLAPIC_REG_VERSION), VLAPIC_VERSION);
    assert_int_equal(*(uint32_t *)(void *)(world.g0->lapic.regs + VLAPIC_REG_LVTERR), 0x100ff);
    assert_int_equal(*(uint32_t *)(void *)(world.g0->lapic.regs + VLAPIC_REG_ID), 0);
}

/* XRSTOR of these would fault. The XSAVE record comes after the CPU's and says all. */
static void floating_point_state_is_made_harmless(void **state)
{
    struct hvm_hw_cpu_xsave *x;
    struct hvm_hw_cpu *cpu;
    uint32_t size, mxcsr;
    uint64_t header;

    (void)state;
    make_state(world.g0);
    size = save_context();
    cpu = record_of(HVM_SAVE_CODE(CPU), NULL);
    assert_int_equal(cpu->flags, XEN_X86_FPU_INITIALISED);
    x = record_of(CPU_XSAVE_CODE, NULL);
    x->xcr0 = 7;
    x->save_area.xsave_hdr.xstate_bv = 6;
    memset(&x->save_area.fpu_sse, 0xff, sizeof(x->save_area.fpu_sse));
    assert_int_equal(load_context(size), 0);
    memcpy(&mxcsr, (char *)world.g0->xsave + 24, sizeof(mxcsr));
    memcpy(&header, (char *)world.g0->xsave + 512, sizeof(header));
    assert_int_equal(mxcsr, 0xffff);
    assert_int_equal(header, 6);
    assert_int_equal(world.g0->hw.guest_xcr0, 7);
    x->save_area.xsave_hdr.xstate_bv = 0xf;
    assert_int_equal(load_context(size), -EINVAL);
    x->save_area.xsave_hdr.xstate_bv = 3;
    x->save_area.xsave_hdr.xcomp_bv = 1UL << 63;
    assert_int_equal(load_context(size), -EINVAL);
    x->save_area.xsave_hdr.xcomp_bv = 0;
    x->save_area.xsave_hdr.reserved[3] = 1;
    assert_int_equal(load_context(size), -EINVAL);
    x->save_area.xsave_hdr.reserved[3] = 0;
    x->xcr0 = 5;
    assert_int_equal(load_context(size), -EINVAL);
    x->xcr0 = 0x207;
    assert_int_equal(load_context(size), -EINVAL);
    x->xcr0 = 1;
    assert_int_equal(load_context(size), 0);
}

/* A CPU record alone, as the builder of a PVH guest writes it. */
static void a_cpu_record_alone_sets_the_fpu(void **state)
{
    struct hvm_hw_cpu *cpu;
    uint32_t mxcsr;
    uint64_t header;

    (void)state;
    make_state(world.g0);
    (void)save_context();
    cpu = record_of(HVM_SAVE_CODE(CPU), NULL);
    ((struct hvm_save_descriptor *)(void *)(cpu + 1))->typecode = HVM_SAVE_CODE(END);
    memset(cpu->fpu_regs, 0xff, sizeof(cpu->fpu_regs));
    assert_int_equal(load_context(sizeof(context)), 0);
    memcpy(&mxcsr, (char *)world.g0->xsave + 24, sizeof(mxcsr));
    memcpy(&header, (char *)world.g0->xsave + 512, sizeof(header));
    assert_int_equal(mxcsr, 0xffff);
    assert_int_equal(header, 3);
    cpu->flags = 0;
    assert_int_equal(load_context(sizeof(context)), 0);
    memcpy(&mxcsr, (char *)world.g0->xsave + 24, sizeof(mxcsr));
    assert_int_equal(mxcsr, 0x1f80);
}

/* ---- a guest's own part, in Linux's order ---- */

#define SHARED_GFN 0x300UL
#define GRANT_GFN 0x310UL
#define INFO_GFN 0x80UL
#define CONTROL_GFN 0x90UL
#define ARRAY_GFN 0xa0UL

static domid_t make_guest(void)
{
    struct xen_domctl d = domctl_of(XEN_DOMCTL_createdomain);
    struct xen_memory_reservation r = { .extent_order = 0 };
    uint64_t gfn[WORLD_GUEST_PAGES];
    domid_t id;

    d.domain = 0;
    d.u.createdomain = (struct xen_domctl_createdomain){
        .flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap, .max_vcpus = 2, .max_evtchn_port = 1023,
        .max_grant_frames = -1, .max_maptrack_frames = -1, .grant_opts = 1, .arch.emulation_flags = XEN_X86_EMU_LAPIC };
    assert_int_equal(DOM(&d), 0);
    id = d.domain;
    d = domctl_of(XEN_DOMCTL_max_vcpus);
    d.domain = id;
    d.u.max_vcpus.max = 2;
    assert_int_equal(DOM(&d), 0);
    d = domctl_of(XEN_DOMCTL_max_mem);
    d.domain = id;
    d.u.max_mem.max_memkb = 4 * (WORLD_GUEST_PAGES + 16);
    assert_int_equal(DOM(&d), 0);
    for (uint64_t i = 0; i < WORLD_GUEST_PAGES; i++)
        gfn[i] = i;
    world_forget();
    r.domid = id;
    r.nr_extents = WORLD_GUEST_PAGES;
    r.extent_start.p = (void *)world_put(world.dom0, gfn, sizeof(gfn));
    assert_int_equal(OP(world.v0, __HYPERVISOR_memory_op, XENMEM_populate_physmap, &r), WORLD_GUEST_PAGES);
    world_forget();
    return id;
}

static void add_page(struct vcpu *v, unsigned int space, uint64_t index, uint64_t gfn)
{
    struct xen_add_to_physmap a = { .domid = DOMID_SELF, .space = space, .idx = index, .gpfn = gfn };

    assert_int_equal(OP(v, __HYPERVISOR_memory_op, XENMEM_add_to_physmap, &a), 0);
}

static void vcpu_op(struct vcpu *v, uint64_t cmd, uint32_t id, int64_t want)
{
    assert_int_equal(world_call(v, __HYPERVISOR_vcpu_op, cmd, id, 0, 0), want);
}

static void register_info(struct vcpu *v, uint32_t id)
{
    struct vcpu_register_vcpu_info a = { .mfn = INFO_GFN + id, .offset = 64 };
    uint64_t at = world_put(v->domain, &a, sizeof(a));

    assert_int_equal(world_call(v, __HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, id, at, 0), 0);
}

static void start_events(struct vcpu *v)
{
    struct evtchn_expand_array array = { .array_gfn = ARRAY_GFN };
    struct evtchn_bind_virq virq = { .virq = VIRQ_TIMER, .vcpu = 0 };

    for (uint32_t i = 0; i < 2; i++) {
        struct evtchn_init_control c = { .control_gfn = CONTROL_GFN + i, .vcpu = i };
        struct xen_hvm_evtchn_upcall_vector u = { .vcpu = i, .vector = 0xf3 };

        assert_int_equal(OP(v, __HYPERVISOR_event_channel_op, EVTCHNOP_init_control, &c), 0);
        assert_int_equal(OP(v, __HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, &u), 0);
    }
    assert_int_equal(OP(v, __HYPERVISOR_event_channel_op, EVTCHNOP_expand_array, &array), 0);
    assert_int_equal(OP(v, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, &virq), 0);
}

static struct vcpu *boot_guest(domid_t id)
{
    struct domain *d = domain_get(id);
    struct xen_domctl c = domctl_of(XEN_DOMCTL_unpausedomain);
    struct vcpu *v = d->vcpu[0];

    domain_put(d);
    d->vcpu[0]->initialised = d->vcpu[1]->initialised = true;
    vcpu_online(v);
    c.domain = id;
    assert_int_equal(DOM(&c), 0);
    add_page(v, XENMAPSPACE_shared_info, 0, SHARED_GFN);
    register_info(v, 0);
    register_info(v, 1);
    start_events(v);
    add_page(v, XENMAPSPACE_grant_table, 0, GRANT_GFN);
    vcpu_op(v, VCPUOP_up, 1, 0);
    return v;
}

static void suspend(struct vcpu *v)
{
    struct sched_shutdown s = { SHUTDOWN_suspend };
    struct xen_domctl c = domctl_of(XEN_DOMCTL_getdomaininfo);

    assert_int_equal(OP(v, __HYPERVISOR_sched_op, SCHEDOP_shutdown, &s), 0);
    c.domain = v->domain->id;
    vcpu_unload(this_cpu()->current);
    assert_int_equal(DOM(&c), 0);
    assert_true(c.u.getdomaininfo.flags & XEN_DOMINF_shutdown);
    assert_int_equal(c.u.getdomaininfo.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask, SHUTDOWN_suspend);
}

static int64_t move_context(uint32_t cmd, domid_t id, uint32_t *size)
{
    struct xen_domctl d = domctl_of(cmd);
    int64_t rc;

    world_forget();
    d.domain = id;
    d.u.hvmcontext.buffer.p = (void *)world_put(world.dom0, context, sizeof(context));
    d.u.hvmcontext.size = *size;
    rc = DOM(&d);
    world_get(world.dom0, (uint64_t)d.u.hvmcontext.buffer.p, context, sizeof(context));
    *size = d.u.hvmcontext.size;
    return rc;
}

static void end_guest(domid_t id)
{
    struct xen_domctl d = domctl_of(XEN_DOMCTL_destroydomain);

    d.domain = id;
    assert_int_equal(DOM(&d), 0);
}

static void a_restored_guest_makes_its_events_and_grants_anew(void **state)
{
    domid_t old = make_guest(), id;
    struct vcpu *v = boot_guest(old);
    struct xen_domctl c = domctl_of(XEN_DOMCTL_unpausedomain);
    uint32_t size = sizeof(context);
    struct domain *d;

    (void)state;
    suspend(v);
    assert_int_equal(move_context(XEN_DOMCTL_gethvmcontext, old, &size), 0);
    end_guest(old);
    id = make_guest();
    assert_int_equal(move_context(XEN_DOMCTL_sethvmcontext, id, &size), 0);
    c.domain = id;
    assert_int_equal(DOM(&c), 0);
    d = domain_get(id);
    domain_put(d);
    v = d->vcpu[0];
    assert_true(sched_is_runnable(&v->sched));
    assert_true(sched_is_runnable(&d->vcpu[1]->sched));
    world_forget();
    add_page(v, XENMAPSPACE_shared_info, 0, SHARED_GFN);
    vcpu_op(v, VCPUOP_is_up, 1, 1);
    vcpu_op(v, VCPUOP_down, 1, 0);
    register_info(v, 0);
    register_info(v, 1);
    vcpu_op(v, VCPUOP_up, 1, 0);
    add_page(v, XENMAPSPACE_grant_table, 0, GRANT_GFN);
    start_events(v);
    vcpu_unload(this_cpu()->current);
    end_guest(id);
}

/* xl save -c: everything is where it was; the grant table is mapped once more at its place. */
static void a_guest_that_was_not_ended_goes_on_with_what_it_has(void **state)
{
    domid_t id = make_guest();
    struct vcpu *v = boot_guest(id);
    struct xen_domctl c = domctl_of(XEN_DOMCTL_resumedomain);
    struct evtchn_status s = { .dom = DOMID_SELF, .port = 1 };

    (void)state;
    suspend(v);
    c.domain = id;
    assert_int_equal(DOM(&c), 0);
    assert_true(sched_is_runnable(&v->sched));
    assert_true(sched_is_runnable(&v->domain->vcpu[1]->sched));
    world_forget();
    add_page(v, XENMAPSPACE_grant_table, 0, GRANT_GFN);
    assert_int_equal(OP(v, __HYPERVISOR_event_channel_op, EVTCHNOP_status, &s), 0);
    assert_int_equal(s.status, EVTCHNSTAT_virq);
    suspend(v);     /* and again */
    end_guest(id);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(written_pages_are_told_once),
        T(only_as_much_is_written_as_was_asked_for),
        T(a_bitmap_that_is_not_there_loses_nothing),
        T(a_large_page_is_split_by_its_first_write),
        T(without_memory_a_large_page_is_dirty_as_a_whole),
        T(pages_that_come_meanwhile_are_dirty),
        T(the_log_makes_way_and_goes_on),
        T(a_device_model_says_what_it_wrote),
        T(the_screen_is_drawn_where_it_was_written),
        T(while_memory_is_logged_the_screen_is_the_logs),
        T(a_context_is_what_it_was_after_a_round),
        T(a_vcpu_that_is_down_stays_down),
        T(an_apic_record_cannot_make_what_is_not_there),
        T(floating_point_state_is_made_harmless),
        T(a_cpu_record_alone_sets_the_fpu),
        T(a_restored_guest_makes_its_events_and_grants_anew),
        T(a_guest_that_was_not_ended_goes_on_with_what_it_has),
        T(registers_are_shown_and_the_general_ones_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
