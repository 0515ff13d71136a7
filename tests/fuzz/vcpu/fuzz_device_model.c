/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest and its device model, neither of good will: the guest touches ports and device memory with any instruction, the device model
 * writes anything into the pages that they share, answers or not, and asks for any dm_op. INITs, time and the loss of pages come in
 * between. The domain may crash; nothing else.
 */
#include "exits.h"

#include "fake.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>
#include <x86/softirq.h>
#include <xen/hvm/dm_op.h>
#include <xen/hvm/hvm_op.h>

#define CHECK(x) do { if (!(x)) abort(); } while (0)
#define DEVICE 0x200000UL
#define CODE 0x1000UL
#define DATA 0x2000UL
#define INPUTS_PER_WORLD 200U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *at;
static size_t left;

static uint64_t take(size_t n)
{
    uint64_t v = 0;

    n = n < left ? n : left;
    memcpy(&v, at, n);
    at += n;
    left -= n;
    return v;
}

static struct vcpu *g(void) { return world.g0; }

static void run(struct vcpu *v)
{
    if (this_cpu()->current == v)
        return;
    if (this_cpu()->current)
        vcpu_unload(this_cpu()->current);
    vcpu_load(v);
}

static void flat_protected_mode(void)
{
    struct guest_seg code = { 8, UINT32_MAX, 0xc09b, 0 }, data = { 16, UINT32_MAX, 0xc093, 0 };

    CHECK(hw_set_cr(&g()->hw, 0, CR0_PE | CR0_NE | CR0_ET));
    hw_set_seg(&g()->hw, SEG_CS, &code);
    for (int s = 0; s < SEG_COUNT; s++)
        if (s != SEG_CS && s != SEG_TR && s != SEG_LDTR)
            hw_set_seg(&g()->hw, (enum seg)s, &data);
}

static void begin(void)
{
    ioservid_t id;

    CHECK(world_setup(NULL) == 0);
    world.guest->config.arch.emulation_flags = XEN_X86_EMU_ALL & ~XEN_X86_EMU_VPCI;
    CHECK(domain_make_platform(world.guest) == 0);
    for (unsigned int i = 0; i < 2; i++) {
        CHECK(domain_ioreq_create(world.guest, 0, i ? HVM_IOREQSRV_BUFIOREQ_OFF : HVM_IOREQSRV_BUFIOREQ_ATOMIC, &id) == 0);
        CHECK(domain_ioreq_range(world.guest, id, XEN_DMOP_IO_RANGE_PORT, 0x1f0 + 8 * i, 0x1f7 + 8 * i, true) == 0);
        CHECK(domain_ioreq_range(world.guest, id, XEN_DMOP_IO_RANGE_MEMORY, DEVICE + i * 0x800, DEVICE + i * 0x800 + 0x7ff, true) == 0);
        CHECK(domain_ioreq_enable(world.guest, id, true) == 0);
    }
    run(g());
    flat_protected_mode();
}

static void end(void)
{
    domain_ioreq_destroy_all(world.guest);
    (void)world_teardown(NULL);
}

static void after(enum exit_action a)
{
    if (a == ACT_CRASH)
        domain_crash(world.guest, "fuzzed");
    g()->pending.valid = false;
}

static void guest_port(void)
{
    static const uint16_t ports[] = { 0x1f0, 0x1f7, 0x1f8, 0x1fc, 0x20, 0xa1, 0x40, 0x43, 0x61, 0x70, 0x71, 0xcf8, 0xcfc, 0xcfe,
                                      0xe9, 0xb000, 0xb008, 0x4d0 };
    uint8_t which = (uint8_t)take(1), form = (uint8_t)take(1);
    struct vmexit x = { .insn_len = 1, .pio = { .port = ports[which % (sizeof(ports) / 2)], .size = (uint8_t)(1U << form % 3),
                                                .in = form & 8, .string = form & 16, .rep = true } };
    const uint8_t code[3] = { 0xf3, 0x66, (uint8_t)((form & 8 ? 0x6c : 0x6e) | (form & 1)) };

    if (domain_write_phys(world.guest, gpa_of(CODE), code, sizeof(code)) != 0)
        return;
    hw_set_rip(&g()->hw, CODE);
    g()->hw.regs.rax = take(4);
    g()->hw.regs.rcx = take(1);
    g()->hw.regs.rdx = x.pio.port;
    g()->hw.regs.rsi = g()->hw.regs.rdi = DATA + take(2) % 0x1800;
    after(exit_pio(g(), &x));
}

static void guest_memory(void)
{
    uint8_t code[15];
    struct vmexit x = { .ept = { .gpa = gpa_of(DEVICE + take(2) % 0x1000) } };

    for (unsigned int i = 0; i < sizeof(code); i++)
        code[i] = (uint8_t)take(1);
    if (domain_write_phys(world.guest, gpa_of(CODE), code, sizeof(code)) != 0)
        return;
    hw_set_rip(&g()->hw, CODE);
    for (unsigned int r = 0; r < 8; r++)
        g()->hw.regs.gpr[r] = take(1) % 2 ? x.ept.gpa.v : DATA + take(1);
    g()->hw.regs.rcx = take(1) % 16;
    after(exit_ept(g(), &x));
}

static void scribble(void)
{
    struct ioreq_server *s = world.guest->ioreq.server[take(1) % IOREQ_MAX_SERVERS];
    uint64_t where = take(2), value = take(4);

    if (!s)
        return;
    if (where & 0x8000 && s->ring)
        memcpy((char *)s->ring + where % 4093, &value, 4);
    else if (where & 0x4000)
        memcpy((char *)s->page + where % 4093, &value, 4);
    else
        memcpy((char *)s->page + where % 29, &value, 4);        /* the slot of vCPU 0 */
}

static void answer(void)
{
    struct ioreq_server *s = world.guest->ioreq.server[take(1) % 2];
    uint64_t data = take(8);

    if (s) {
        s->page->vcpu_ioreq[0].data = data;
        s->page->vcpu_ioreq[0].state = STATE_IORESP_READY;
    }
    domain_io_event(world.guest, 0);
}

/* The structures have the length that the operation wants, mostly. */
static void dm_op(void)
{
    struct xen_dm_op op = { .op = (uint32_t)take(1) % 24 };
    struct xen_dm_op_modified_memory_extent e[4];
    struct xen_dm_op_buf buf[2];
    uint32_t cut = (uint32_t)take(1);

    for (unsigned int i = 0; i < sizeof(op.u); i++)
        ((uint8_t *)&op.u)[i] = cut & 1 ? (uint8_t)take(1) : (uint8_t)(take(1) % 4);
    for (unsigned int i = 0; i < 4; i++)
        e[i] = (struct xen_dm_op_modified_memory_extent){ .nr = (uint32_t)take(2), .first_pfn = take(2) };
    if (op.op == XEN_DMOP_relocate_memory)
        op.u.relocate_memory.size %= 32;
    world_forget();
    buf[0].size = cut & 0xe0 ? sizeof(op) : cut & 0x1f;
    buf[0].h.p = (void *)world_put(world.dom0, &op, sizeof(op));
    buf[1].size = sizeof(e);
    buf[1].h.p = (void *)world_put(world.dom0, e, sizeof(e));
    (void)dom0_call(__HYPERVISOR_dm_op, 1, 2, world_put(world.dom0, buf, sizeof(buf)));
    run(g());
}

static void step(void)
{
    uint8_t what = (uint8_t)take(1) % 16;
    bool waits = g()->io.waiting != 0;

    switch (what) {
    case 0: case 1: case 2: if (!waits) guest_port(); break;
    case 3: case 4: case 5: if (!waits) guest_memory(); break;
    case 6: scribble(); break;
    case 7: domain_io_event(world.guest, (uint32_t)take(1) % 3); break;
    case 8: case 9: case 10: answer(); break;
    case 11: dm_op(); break;
    case 12:
        fake_time_advance((ns_t)take(4));
        softirq_raise(SOFTIRQ_TIMER);
        softirq_run();
        break;
    case 13: g()->init_pending = true; break;
    case 14: domain_ioreq_stale(world.guest); break;
    default: hw_set_rflags(&g()->hw, 2 | (take(2) & 0x47fd5)); break;
    }
    run(g());
    if (!g()->io.waiting)
        vcpu_settle(g());
    g()->hw.event.valid = false;
    g()->pending.valid = false;
    CHECK(g()->sched.waiting == (g()->io.waiting != 0));
    CHECK(g()->io.log.count <= IO_LOG_MAX);
    CHECK(!world.dom0->shut_down);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned int inputs;
    static bool set_up;

    at = data;
    left = size;
    if (!set_up)
        begin();
    set_up = true;
    while (left > 0 && !world.guest->shut_down)
        step();
    if (world.guest->shut_down || ++inputs % INPUTS_PER_WORLD == 0) {
        end();
        set_up = false;
    }
    return 0;
}
