/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From an exit of a guest to a device model and back, with the test as device model: it is dom0, reads the requests in the
 * shared page and sends the events.
 */
#include "exits.h"

#include "fake.h"
#include "world.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include <x86/softirq.h>
#include <lib/log.h>
#include <xen/event_channel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>

#define DEVICE 0x200000UL            /* guest-physical, no RAM there */
#define CODE 0x1000UL
#define DATA 0x2000UL

static struct ioreq *slot;
static evtchn_port_t local;          /* dom0's end */
static ioservid_t id;

static struct vcpu *g(void) { return world.g0; }

static void run(struct vcpu *v)
{
    if (this_cpu()->current)
        vcpu_unload(this_cpu()->current);
    vcpu_load(v);
}

static void flat_protected_mode(struct vcpu *v)
{
    struct guest_seg code = { 8, UINT32_MAX, 0xc09b, 0 }, data = { 16, UINT32_MAX, 0xc093, 0 };

    run(v);
    assert_true(hw_set_cr(&v->hw, 0, CR0_PE | CR0_NE | CR0_ET));
    hw_set_seg(&v->hw, SEG_CS, &code);
    for (int s = 0; s < SEG_COUNT; s++)
        if (s != SEG_CS && s != SEG_TR && s != SEG_LDTR)
            hw_set_seg(&v->hw, (enum seg)s, &data);
    hw_set_rip(&v->hw, CODE);
}

static int setup(void **state)
{
    struct evtchn_bind_interdomain bind = { .remote_dom = 1 };
    int rc = world_setup(state);

    if (rc != 0)
        return rc;
    world.guest->config.arch.emulation_flags = XEN_X86_EMU_ALL & ~XEN_X86_EMU_VPCI;
    assert_int_equal(domain_make_platform(world.guest), 0);
    assert_int_equal(domain_ioreq_create(world.guest, 0, HVM_IOREQSRV_BUFIOREQ_ATOMIC, &id), 0);
    assert_int_equal(domain_ioreq_range(world.guest, id, XEN_DMOP_IO_RANGE_PORT, 0x1f0, 0x1f7, true), 0);
    assert_int_equal(domain_ioreq_range(world.guest, id, XEN_DMOP_IO_RANGE_PORT, 0x70, 0x71, true), 0);
    assert_int_equal(domain_ioreq_range(world.guest, id, XEN_DMOP_IO_RANGE_MEMORY, DEVICE, DEVICE + 0xfff, true), 0);
    assert_int_equal(domain_ioreq_enable(world.guest, id, true), 0);
    slot = &world.guest->ioreq.server[id]->page->vcpu_ioreq[0];
    bind.remote_port = slot->vp_eport;
    assert_int_equal(OP(world.v0, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, &bind), 0);
    local = bind.local_port;
    flat_protected_mode(g());
    return 0;
}

static int teardown(void **state)
{
    domain_ioreq_destroy_all(world.guest);
    return world_teardown(state);
}

/* The server answers and sends its event. */
static void answer(uint64_t data)
{
    struct evtchn_send send = { .port = local };

    assert_int_equal(slot->state, STATE_IOREQ_READY);
    slot->data = data;
    slot->state = STATE_IORESP_READY;
    assert_int_equal(OP(world.v0, __HYPERVISOR_event_channel_op, EVTCHNOP_send, &send), 0);
    run(g());
}

static void expect_request(uint8_t type, uint64_t addr, uint32_t size, bool read)
{
    assert_int_equal(slot->state, STATE_IOREQ_READY);
    assert_int_equal(slot->type, type);
    assert_int_equal(slot->addr, addr);
    assert_int_equal(slot->size, size);
    assert_int_equal(slot->dir, read);
    assert_true(g()->sched.waiting);
}

static void expect_running_again(void)
{
    assert_false(g()->sched.waiting);
    assert_true(g()->io.answered);
}

static void code(const char *bytes, size_t size)
{
    world_put_at(world.guest, CODE, bytes, size);
    hw_set_rip(&g()->hw, CODE);
}

static enum exit_action touch(uint64_t gpa)
{
    struct vmexit x = { .ept = { .gpa = gpa_of(gpa) } };

    return exit_ept(g(), &x);
}

static void a_port_read_waits_and_gets_the_answer(void **state)
{
    struct vmexit x = { .insn_len = 1, .pio = { .port = 0x1f7, .size = 1, .in = true } };

    (void)state;
    g()->hw.regs.rax = 0x11223344;
    assert_int_equal(exit_pio(g(), &x), ACT_WAIT_IO);
    expect_request(IOREQ_TYPE_PIO, 0x1f7, 1, true);
    answer(0x58);
    expect_running_again();
    assert_int_equal(vcpu_io_complete(g()), ACT_ADVANCE);
    assert_int_equal(g()->io.insn_len, 1);
    assert_int_equal(g()->hw.regs.rax, 0x11223358);
}

static void an_event_without_an_answer_changes_nothing(void **state)
{
    struct vmexit x = { .pio = { .port = 0x1f7, .size = 1, .in = true } };

    (void)state;
    assert_int_equal(exit_pio(g(), &x), ACT_WAIT_IO);
    domain_io_event(world.guest, 0);
    assert_true(g()->sched.waiting);
    assert_false(g()->io.answered);
    answer(0);
    expect_running_again();
}

static void a_server_that_breaks_the_protocol_has_its_domain_crash(void **state)
{
    struct vmexit x = { .pio = { .port = 0x1f7, .size = 1, .in = true } };

    (void)state;
    assert_int_equal(exit_pio(g(), &x), ACT_WAIT_IO);
    slot->state = STATE_IOREQ_NONE;
    domain_io_event(world.guest, 0);
    assert_true(world.guest->shut_down);
    assert_int_equal(world.guest->shutdown_reason, 3);
}

static void when_the_server_goes_what_waits_reads_all_ones(void **state)
{
    struct vmexit x = { .pio = { .port = 0x1f0, .size = 2, .in = true } };

    (void)state;
    g()->hw.regs.rax = 0;
    assert_int_equal(exit_pio(g(), &x), ACT_WAIT_IO);
    assert_int_equal(domain_ioreq_destroy(world.guest, id), 0);
    expect_running_again();
    assert_int_equal(vcpu_io_complete(g()), ACT_ADVANCE);
    assert_int_equal(g()->hw.regs.rax, 0xffff);
    assert_int_equal(domain_ioreq_destroy(world.guest, id), -ENOENT);
}

static void an_instruction_reads_device_memory(void **state)
{
    (void)state;
    code("\x8b\x05\x04\x00\x20\x00", 6);                       /* mov 0x200004, %eax */
    assert_int_equal(touch(DEVICE + 4), ACT_WAIT_IO);
    expect_request(IOREQ_TYPE_COPY, DEVICE + 4, 4, true);
    assert_int_equal(hw_get_rip(&g()->hw), CODE);
    answer(0xcafe);
    assert_int_equal(vcpu_io_complete(g()), ACT_RESUME);
    assert_int_equal(g()->hw.regs.rax, 0xcafe);
    assert_int_equal(hw_get_rip(&g()->hw), CODE + 6);
    assert_int_equal(slot->state, STATE_IOREQ_NONE);
}

static void an_exchange_reads_once_and_writes_once(void **state)
{
    (void)state;
    code("\x87\x05\x00\x00\x20\x00", 6);                       /* xchg %eax, 0x200000 */
    g()->hw.regs.rax = 0x1111;
    assert_int_equal(touch(DEVICE), ACT_WAIT_IO);
    expect_request(IOREQ_TYPE_COPY, DEVICE, 4, true);
    answer(0x2222);
    assert_int_equal(vcpu_io_complete(g()), ACT_WAIT_IO);
    expect_request(IOREQ_TYPE_COPY, DEVICE, 4, false);
    assert_int_equal(slot->data, 0x1111);
    answer(0);
    assert_int_equal(vcpu_io_complete(g()), ACT_RESUME);
    assert_int_equal(g()->hw.regs.rax, 0x2222);
}

static void moves(uint64_t from, uint64_t to, uint64_t count)
{
    code("\xf3\xa4", 2);                                        /* rep movsb */
    g()->hw.regs.rsi = from;
    g()->hw.regs.rdi = to;
    g()->hw.regs.rcx = count;
}

static void a_repeated_move_makes_each_access_once(void **state)
{
    char bytes[3] = { 'a', 'b', 'c' };
    enum exit_action a;

    (void)state;
    world_put_at(world.guest, DATA, bytes, sizeof(bytes));
    moves(DATA + 2, DEVICE + 2, 3);
    hw_set_rflags(&g()->hw, hw_get_rflags(&g()->hw) | RFLAGS_DF);
    a = touch(DEVICE);
    for (unsigned int i = 3; i-- > 0;) {
        assert_int_equal(a, ACT_WAIT_IO);
        expect_request(IOREQ_TYPE_COPY, DEVICE + i, 1, false);
        assert_int_equal(slot->data_is_ptr, 0);
        assert_int_equal(slot->data, (uint64_t)bytes[i]);
        answer(0);
        a = vcpu_io_complete(g());
    }
    assert_int_equal(a, ACT_RESUME);
    assert_int_equal(g()->hw.regs.rcx, 0);
    assert_int_equal(hw_get_rip(&g()->hw), CODE + 2);
}

static void a_repeated_move_out_of_device_memory_is_one_request_a_page(void **state)
{
    (void)state;
    moves(DEVICE + 0x100, DATA + 0xff0, 0x20);
    assert_int_equal(touch(DEVICE + 0x100), ACT_WAIT_IO);
    for (unsigned int i = 0; i < 2; i++) {
        expect_request(IOREQ_TYPE_COPY, DEVICE + 0x100 + 0x10 * i, 1, true);
        assert_int_equal(slot->data_is_ptr, 1);
        assert_int_equal(slot->count, 0x10);
        assert_int_equal(slot->data, DATA + 0xff0 + 0x10 * i);
        answer(0);
        assert_int_equal(vcpu_io_complete(g()), i == 0 ? ACT_WAIT_IO : ACT_RESUME);
        assert_int_equal(g()->hw.regs.rsi, DEVICE + 0x110 + 0x10 * i);
        assert_int_equal(g()->hw.regs.rdi, DATA + 0x1000 + 0x10 * i);
    }
    assert_int_equal(g()->hw.regs.rcx, 0);
    assert_int_equal(hw_get_rip(&g()->hw), CODE + 2);
}

static void so_is_one_into_device_memory(void **state)
{
    (void)state;
    moves(DATA, DEVICE, 0x20);
    assert_int_equal(touch(DEVICE), ACT_WAIT_IO);
    expect_request(IOREQ_TYPE_COPY, DEVICE, 1, false);
    assert_int_equal(slot->data_is_ptr, 1);
    assert_int_equal(slot->count, 0x20);
    assert_int_equal(slot->data, DATA);
    answer(0);
    assert_int_equal(vcpu_io_complete(g()), ACT_RESUME);
    assert_int_equal(g()->hw.regs.rcx, 0);
}

/* Past the end of what the server claims: only the elements within are its own. */
static void a_run_that_a_server_does_not_claim_whole_is_made_one_by_one(void **state)
{
    (void)state;
    assert_int_equal(domain_ioreq_range(world.guest, id, XEN_DMOP_IO_RANGE_MEMORY, DEVICE, DEVICE + 0xfff, false), 0);
    assert_int_equal(domain_ioreq_range(world.guest, id, XEN_DMOP_IO_RANGE_MEMORY, DEVICE, DEVICE + 1, true), 0);
    moves(DEVICE, DATA, 3);
    assert_int_equal(touch(DEVICE), ACT_WAIT_IO);
    expect_request(IOREQ_TYPE_COPY, DEVICE, 1, true);
    assert_int_equal(slot->data_is_ptr, 0);
    answer('x');
    assert_int_equal(vcpu_io_complete(g()), ACT_WAIT_IO);
    expect_request(IOREQ_TYPE_COPY, DEVICE + 1, 1, true);
    answer('y');
    assert_int_equal(vcpu_io_complete(g()), ACT_RESUME);
    assert_int_equal(g()->hw.regs.rcx, 0);
}

static struct vmexit string_port(bool in)
{
    return (struct vmexit){ .pio = { .port = 0x1f0, .size = 2, .in = in, .string = true, .rep = true } };
}

static void string(bool in, uint64_t memory, uint64_t count)
{
    code(in ? "\xf3\x66\x6d" : "\xf3\x66\x6f", 3);           /* rep insw, rep outsw */
    *(in ? &g()->hw.regs.rdi : &g()->hw.regs.rsi) = memory;
    g()->hw.regs.rcx = count;
    g()->hw.regs.rdx = 0x1f0;
}

static void string_input_is_one_request_for_many_elements(void **state)
{
    struct vmexit x = string_port(true);

    (void)state;
    string(true, DATA + 8, 256);
    assert_int_equal(exit_pio(g(), &x), ACT_WAIT_IO);
    expect_request(IOREQ_TYPE_PIO, 0x1f0, 2, true);
    assert_int_equal(slot->data_is_ptr, 1);
    assert_int_equal(slot->df, 0);
    assert_int_equal(slot->count, 256);
    assert_int_equal(slot->data, DATA + 8);
    answer(0);
    assert_int_equal(vcpu_io_complete(g()), ACT_RESUME);
    assert_int_equal(g()->hw.regs.rcx, 0);
    assert_int_equal(g()->hw.regs.rdi, DATA + 8 + 512);
    assert_int_equal(hw_get_rip(&g()->hw), CODE + 3);
}

static void a_run_ends_with_its_page_and_goes_on_in_the_next(void **state)
{
    struct vmexit x = string_port(false);

    (void)state;
    string(false, DATA + 0xff7, 6);                             /* four, one across the pages, one */
    world_put_at(world.guest, DATA + 0xfff, "\x34\x12", 2);
    assert_int_equal(exit_pio(g(), &x), ACT_WAIT_IO);
    assert_int_equal(slot->count, 4);
    assert_int_equal(slot->data, DATA + 0xff7);
    answer(0);
    assert_int_equal(vcpu_io_complete(g()), ACT_WAIT_IO);
    assert_int_equal(g()->hw.regs.rcx, 2);
    expect_request(IOREQ_TYPE_PIO, 0x1f0, 2, false);
    assert_int_equal(slot->data_is_ptr, 0);
    assert_int_equal(slot->data, 0x1234);
    answer(0);
    assert_int_equal(vcpu_io_complete(g()), ACT_WAIT_IO);
    assert_int_equal(slot->data_is_ptr, 0);
    assert_int_equal(slot->count, 1);
    answer(0);
    assert_int_equal(vcpu_io_complete(g()), ACT_RESUME);
    assert_int_equal(g()->hw.regs.rcx, 0);
    assert_int_equal(g()->hw.regs.rsi, DATA + 0xff7 + 12);
}

static void string_input_goes_backwards_one_by_one(void **state)
{
    struct vmexit x = string_port(true);
    uint16_t words[2];

    (void)state;
    string(true, DATA + 2, 2);
    hw_set_rflags(&g()->hw, hw_get_rflags(&g()->hw) | RFLAGS_DF);
    assert_int_equal(exit_pio(g(), &x), ACT_WAIT_IO);
    expect_request(IOREQ_TYPE_PIO, 0x1f0, 2, true);
    assert_int_equal(slot->data_is_ptr, 0);
    answer(0x1234);
    assert_int_equal(vcpu_io_complete(g()), ACT_WAIT_IO);
    answer(0x5678);
    assert_int_equal(vcpu_io_complete(g()), ACT_RESUME);
    world_get(world.guest, DATA, words, sizeof(words));
    assert_int_equal(words[0], 0x5678);
    assert_int_equal(words[1], 0x1234);
}

static void string_ports_of_our_own_are_asked_one_by_one(void **state)
{
    struct vmexit x = string_port(true);

    (void)state;
    string(true, DATA, 3);
    g()->hw.regs.rdx = 0x40;                                    /* the PIT */
    assert_int_equal(exit_pio(g(), &x), ACT_RESUME);
    assert_int_equal(slot->state, STATE_IOREQ_NONE);
    assert_int_equal(g()->hw.regs.rdi, DATA + 6);
}

static void writes_to_the_vga_window_go_into_the_ring_and_need_no_answer(void **state)
{
    struct buffered_iopage *ring = world.guest->ioreq.server[id]->ring;
    struct slat_entry ram;

    (void)state;
    assert_int_equal(p2m_clear(&world.guest->p2m, gfn_of(0xb8), &ram), 0);
    assert_int_equal(domain_ioreq_range(world.guest, id, XEN_DMOP_IO_RANGE_MEMORY, 0xa0000, 0xbffff, true), 0);
    code("\xc7\x05\x10\x80\x0b\x00\x41\x07\x42\x07", 10);  /* movl $0x07420741, 0xb8010 */
    assert_int_equal(touch(0xb8010), ACT_RESUME);
    assert_int_equal(slot->state, STATE_IOREQ_NONE);
    assert_int_equal(ring->write_pointer, 1);
    assert_int_equal(ring->buf_ioreq[0].addr, 0xb8010);
    assert_int_equal(ring->buf_ioreq[0].data, 0x07420741);
    ring->read_pointer = ring->write_pointer - IOREQ_BUFFER_SLOT_NUM;     /* full: the long way */
    hw_set_rip(&g()->hw, CODE);
    assert_int_equal(touch(0xb8010), ACT_WAIT_IO);
    expect_request(IOREQ_TYPE_COPY, 0xb8010, 4, false);
    answer(0);
    assert_int_equal(vcpu_io_complete(g()), ACT_RESUME);
    assert_int_equal(p2m_set(&world.guest->p2m, gfn_of(0xb8), 0, ram.mfn, P2M_RAM_RW, NULL), 0);
}

static void who_waits_for_a_device_model_is_blocked_and_no_event_wakes_it(void **state)
{
    struct vmexit x = { .pio = { .port = 0x1f7, .size = 1, .in = true } };

    (void)state;
    assert_int_equal(exit_pio(g(), &x), ACT_WAIT_IO);
    sched_kick(&g()->sched);
    assert_false(sched_is_runnable(&g()->sched));
    assert_int_equal(g()->sched.pause_count, 0);
    answer(0);
    assert_true(sched_is_runnable(&g()->sched) || g()->sched.down);
}

static void an_access_across_the_end_of_the_range_is_nobodys(void **state)
{
    (void)state;
    code("\x8b\x05\xfe\x0f\x20\x00", 6);                       /* the last two bytes and two beyond */
    assert_int_equal(touch(DEVICE + 0xffe), ACT_WAIT_IO);      /* two bytes in this page */
    expect_request(IOREQ_TYPE_COPY, DEVICE + 0xffe, 2, true);
    answer(0xabcd);
    assert_int_equal(vcpu_io_complete(g()), ACT_RESUME);
    assert_int_equal(g()->hw.regs.rax, 0xffffabcd);
}

static void devices_of_ours_come_first_and_pass_on_what_is_not_theirs(void **state)
{
    struct vmexit index = { .pio = { .port = 0x70, .size = 1 } }, data = { .pio = { .port = 0x71, .size = 1, .in = true } };

    (void)state;
    g()->hw.regs.rax = 0x0d;                                    /* register D of the clock */
    assert_int_equal(exit_pio(g(), &index), ACT_ADVANCE);
    assert_int_equal(exit_pio(g(), &data), ACT_ADVANCE);
    assert_int_equal(g()->hw.regs.rax & 0xff, 0x80);
    g()->hw.regs.rax = 0x34;                                    /* CMOS of the device model */
    assert_int_equal(exit_pio(g(), &index), ACT_WAIT_IO);
    expect_request(IOREQ_TYPE_PIO, 0x70, 1, false);
    answer(0);
    assert_int_equal(vcpu_io_complete(g()), ACT_ADVANCE);
    assert_int_equal(exit_pio(g(), &data), ACT_WAIT_IO);
    answer(0x42);
    assert_int_equal(vcpu_io_complete(g()), ACT_ADVANCE);
    assert_int_equal(g()->hw.regs.rax & 0xff, 0x42);
}

static void servers_are_told_when_pages_have_gone(void **state)
{
    (void)state;
    domain_ioreq_stale(world.guest);
    assert_true(g()->io.invalidate);
    assert_true(vcpu_io_invalidate(g()));
    expect_request(IOREQ_TYPE_INVALIDATE, 0, 4, false);
    assert_true(slot->data == UINT64_MAX);
    answer(0);
    expect_running_again();
    assert_int_equal(vcpu_io_complete(g()), ACT_RESUME);
    assert_false(g()->io.invalidate);
}

static void out(uint16_t port, uint8_t value)
{
    struct vmexit x = { .pio = { .port = port, .size = 1 } };

    g()->hw.regs.rax = value;
    assert_int_equal(exit_pio(g(), &x), ACT_ADVANCE);
}

static void open_pic(void)
{
    static const struct { uint16_t port; uint8_t value; } init[] = {
        { 0x20, 0x11 }, { 0x21, 0x08 }, { 0x21, 0x04 }, { 0x21, 0x01 },
        { 0xa0, 0x11 }, { 0xa1, 0x70 }, { 0xa1, 0x02 }, { 0xa1, 0x01 }, { 0x21, 0 }, { 0xa1, 0 },
    };

    for (unsigned int i = 0; i < sizeof(init) / sizeof(init[0]); i++)
        out(init[i].port, init[i].value);
}

static void device_write(uint64_t address, uint32_t value)
{
    struct io_req req = { .addr = address, .size = 4, .write = true, .data = value };

    assert_int_equal(vcpu_mmio_access(g(), &req), IO_DONE);
}

/* As hvmloader has it: the local APIC's own input is masked. */
static void the_pic_reaches_the_cpu_through_pin_0_of_the_ioapic(void **state)
{
    (void)state;
    open_pic();
    device_write(0xfee00000 + 0xf0, 0x1ff);
    device_write(0xfee00000 + 0x350, 0x10700);
    domain_set_isa(world.guest, 14, true);
    assert_false(vcpu_wants_extint(g()));
    device_write(0xfec00000, 0x11);
    device_write(0xfec00010, 0);
    device_write(0xfec00000, 0x10);
    device_write(0xfec00010, 0x700);
    assert_true(vcpu_wants_extint(g()));
    device_write(0xfec00000, 0x11);
    device_write(0xfec00010, 5U << 24);
    assert_false(vcpu_wants_extint(g()));
}

static void an_isa_line_reaches_the_cpu_through_the_pic(void **state)
{
    (void)state;
    open_pic();
    assert_false(vcpu_wants_extint(g()));
    domain_set_isa(world.guest, 14, true);
    assert_true(vcpu_wants_extint(g()));
    assert_true(vcpu_has_event(g()));
    assert_int_equal(vcpu_take_extint(g()), 0x76);
    assert_false(vcpu_wants_extint(g()));
}

static void messages_come_by_their_address_or_its_place_in_the_window(void **state)
{
    (void)state;
    device_write(0xfee00000 + 0xf0, 0x1ff);
    assert_int_equal(domain_send_msi(world.guest, 0xfee00000, 0x41), 0);
    assert_true(vlapic_irr_has(&g()->lapic, 0x41));
    assert_int_equal(domain_send_msi(world.guest, 0x0, 0x42), 0);
    assert_true(vlapic_irr_has(&g()->lapic, 0x42));
    assert_int_equal(domain_send_msi(world.guest, 0x7000, 0x43), 0);      /* nobody's */
    assert_false(vlapic_irr_has(&g()->lapic, 0x43));
    assert_int_equal(domain_send_msi(world.guest, 0xfed00000, 0x44), -EINVAL);
    assert_int_equal(domain_send_msi(world.guest, 1UL << 32, 0x44), -EINVAL);
}

static void pass(ns_t by)
{
    fake_time_advance(by);
    softirq_raise(SOFTIRQ_TIMER);
    softirq_run();
}

/* Ticks of the PIT that come through the PIC within four milliseconds after five that the guest had no time for. */
static unsigned int ticks_after_five(void)
{
    unsigned int count = 0;

    open_pic();
    out(0x43, 0x34);
    out(0x40, 11932 & 0xff);                   /* 10 ms */
    out(0x40, 11932 >> 8);
    for (unsigned int i = 0; i < 5; i++)
        pass(10 * NS_PER_MS + NS_PER_US);
    for (unsigned int i = 0; i < 16; i++) {
        if (vcpu_wants_extint(g())) {
            assert_int_equal(vcpu_take_extint(g()), 8);
            out(0x20, 0x20);
            count++;
        }
        pass(250 * NS_PER_US);
    }
    return count;
}

static void ticks_that_were_missed_come_late_one_by_one(void **state)
{
    (void)state;
    world.guest->params.value[HVM_PARAM_TIMER_MODE] = HVMPTM_no_delay_for_missed_ticks;
    assert_int_equal(ticks_after_five(), 5);
}

static void or_all_as_one_if_the_guest_wants_it_so(void **state)
{
    (void)state;
    world.guest->params.value[HVM_PARAM_TIMER_MODE] = HVMPTM_one_missed_tick_pending;
    assert_int_equal(ticks_after_five(), 1);
}

/* Events by a line, as drivers without a vector ask for: slot 3, INTA is pin 28. */
static void events_come_by_a_pci_line_where_the_guest_wants_it_so(void **state)
{
    struct xen_hvm_param p = { .domid = DOMID_SELF, .index = HVM_PARAM_CALLBACK_IRQ, .value = 1ULL << 56 | 3U << 11 };
    static struct vcpu_info own;
    struct vcpu_info *info = &own;
    const struct vlines *lines = &world.guest->platform->lines;

    (void)state;
    evtchn_set_vcpu_info(&world.guest->evtchn, 0, info);
    info->evtchn_upcall_pending = 0;
    assert_int_equal(OP(g(), __HYPERVISOR_hvm_op, HVMOP_set_param, &p), 0);
    assert_false(domain_upcall_line_is_stale(world.guest));
    info->evtchn_upcall_pending = 1;
    assert_true(domain_upcall_line_is_stale(world.guest));
    domain_settle_upcall_line(world.guest);
    assert_true(lines->pins == 1ULL << 28);
    info->evtchn_upcall_pending = 0;
    domain_ioapic_eoi(world.guest, 0x40);
    assert_true(lines->pins == 0);
    info->evtchn_upcall_pending = 1;
    g()->upcall_vector = 0x50;                                  /* that comes first */
    domain_settle_upcall_line(world.guest);
    assert_true(lines->pins == 0);
    g()->upcall_vector = 0;
    p.value = 5;                                                /* GSI 5 */
    assert_int_equal(OP(g(), __HYPERVISOR_hvm_op, HVMOP_set_param, &p), 0);
    domain_settle_upcall_line(world.guest);
    assert_int_equal(lines->irqs, 1 << 5);
    p.value = 0;
    assert_int_equal(OP(g(), __HYPERVISOR_hvm_op, HVMOP_set_param, &p), 0);
    assert_int_equal(lines->irqs, 0);
    info->evtchn_upcall_pending = 0;
}

static void the_platform_is_saved_and_loaded(void **state)
{
    uint64_t record[20][PLATFORM_RECORD_MAX / 8];
    uint16_t type[20], instance[20];
    unsigned int n = 0;
    uint32_t length;

    (void)state;
    out(0x21, 0x5a);
    domain_set_intx(world.guest, 3, 1, true);
    domain_set_link_route(world.guest, 2, 10);
    for (; platform_record_at(world.guest, n, &type[n], &instance[n]); n++)
        assert_true(platform_save(world.guest, type[n], instance[n], record[n], &length));
    assert_int_equal(n, 10);
    out(0x21, 0);
    domain_set_link_route(world.guest, 2, 0);
    for (unsigned int i = 0; i < n; i++)
        assert_int_equal(platform_load(world.guest, type[i], instance[i], record[i]), 0);
    assert_int_equal(world.guest->platform->pic.chip[0].imr, 0x5a);
    assert_int_equal(world.guest->platform->lines.link.route[2], 10);
    assert_int_equal(platform_load(world.guest, HVM_SAVE_CODE(PIC), 2, record[0]), -EINVAL);
}

static void the_pm_block_moves(void **state)
{
    struct vmexit x = { .pio = { .port = 0xb008, .size = 4, .in = true } };

    (void)state;
    assert_int_equal(exit_pio(g(), &x), ACT_ADVANCE);
    assert_int_equal(g()->hw.regs.rax, 0xffffffff);
    assert_int_equal(domain_move_pm_block(world.guest, 1), 0);
    assert_int_equal(exit_pio(g(), &x), ACT_ADVANCE);
    assert_int_not_equal(g()->hw.regs.rax, 0xffffffff);
    assert_int_equal(domain_move_pm_block(world.guest, 2), -EINVAL);
}

/* REP MOVS is half done, an INIT comes: the answer to what the instruction had asked is nobody's any more. */
static void an_init_in_the_middle_of_an_instruction_leaves_nothing_of_it(void **state)
{
    (void)state;
    code("\xf3\xaa", 2);                                        /* rep stosb */
    g()->hw.regs.rdi = DEVICE;
    g()->hw.regs.rcx = 3;
    assert_int_equal(touch(DEVICE), ACT_WAIT_IO);
    g()->init_pending = true;
    answer(0);
    vcpu_settle(g());                                           /* the second element is asked for, then the vCPU is reset */
    expect_request(IOREQ_TYPE_COPY, DEVICE + 1, 1, false);
    g()->sipi_wait = false;
    answer(0);
    hw_set_rip(&g()->hw, CODE);
    vcpu_settle(g());
    assert_int_equal(slot->state, STATE_IOREQ_NONE);
    assert_int_equal(g()->hw.regs.rcx, 0);
    assert_int_equal(hw_get_rip(&g()->hw), CODE);
    assert_false(world.guest->shut_down);
}

static void the_pics_interrupt_waits_for_the_end_of_an_instruction_that_waits(void **state)
{
    (void)state;
    open_pic();
    hw_set_rflags(&g()->hw, hw_get_rflags(&g()->hw) | RFLAGS_IF);
    code("\xf3\xaa", 2);                                        /* rep stosb */
    g()->hw.regs.rdi = DEVICE;
    g()->hw.regs.rcx = 2;
    assert_int_equal(touch(DEVICE), ACT_WAIT_IO);
    domain_set_isa(world.guest, 14, true);
    answer(0);
    vcpu_settle(g());
    assert_true(g()->sched.waiting);
    assert_true(vcpu_wants_extint(g()));
    answer(0);
    vcpu_settle(g());
    assert_int_equal(hw_get_rip(&g()->hw), CODE + 2);
    assert_false(vcpu_wants_extint(g()));
    assert_true(hw_event_is_queued(&g()->hw));
}

/* A program's MOV had the exit; by the time it is looked at another thread has made an OUTSB of it. */
static void a_program_reaches_no_port_by_rewriting_an_instruction_that_is_emulated(void **state)
{
    struct guest_seg user = { 0x1b, UINT32_MAX, 0xc0fb, 0 }, data = { 0x23, UINT32_MAX, 0xc0f3, 0 };

    (void)state;
    hw_set_seg(&g()->hw, SEG_CS, &user);
    hw_set_seg(&g()->hw, SEG_SS, &data);
    hw_set_seg(&g()->hw, SEG_DS, &data);
    code("\x6e", 1);
    g()->hw.regs.rsi = DATA;
    g()->hw.regs.rdx = 0x1f0;
    assert_int_equal(touch(DEVICE), ACT_RETRY);
    assert_int_equal(slot->state, STATE_IOREQ_NONE);
    hw_set_rflags(&g()->hw, hw_get_rflags(&g()->hw) | 3U << 12);
    assert_int_equal(touch(DEVICE), ACT_WAIT_IO);               /* with IOPL 3 it may */
    answer(0);
    assert_int_equal(vcpu_io_complete(g()), ACT_RESUME);
}

#define PAGE_DIRECTORY 0x40000UL
#define PAGE_TABLE 0x41000UL

/* The first 4 MiB one to one, open to programs; the device's page for reading alone. */
static void page_tables(void)
{
    uint32_t directory = PAGE_TABLE | 7, table[1024];

    for (uint32_t i = 0; i < 1024; i++)
        table[i] = i << 12 | (i == DEVICE >> 12 ? 5 : 7);
    world_put_at(world.guest, PAGE_DIRECTORY, &directory, sizeof(directory));
    world_put_at(world.guest, PAGE_TABLE, table, sizeof(table));
    assert_true(hw_set_cr(&g()->hw, 3, PAGE_DIRECTORY));
    assert_true(hw_set_cr(&g()->hw, 0, CR0_PG | CR0_PE | CR0_NE | CR0_ET));
}

/* A load had the exit, with its address translated; it is a store by the time it is looked at. */
static void a_page_that_may_be_read_is_not_written_by_rewriting_an_instruction(void **state)
{
    struct guest_seg user = { 0x1b, UINT32_MAX, 0xc0fb, 0 }, data = { 0x23, UINT32_MAX, 0xc0f3, 0 };
    struct vmexit x = { .ept = { .gpa = gpa_of(DEVICE), .gva = gva_of(DEVICE), .gva_valid = true, .read = true } };

    (void)state;
    page_tables();
    hw_set_seg(&g()->hw, SEG_CS, &user);
    hw_set_seg(&g()->hw, SEG_SS, &data);
    code("\x89\x05\x00\x00\x20\x00", 6);                       /* mov %eax, 0x200000 */
    assert_int_equal(exit_ept(g(), &x), ACT_INJECT);
    assert_int_equal(slot->state, STATE_IOREQ_NONE);
    assert_int_equal(g()->pending.vector, X86_PF);
    assert_int_equal(g()->pending.error, 7);
    assert_int_equal(g()->pending.cr2, DEVICE);
    g()->pending.valid = false;
    code("\x8b\x05\x00\x00\x20\x00", 6);
    assert_int_equal(exit_ept(g(), &x), ACT_WAIT_IO);
    answer(0);
    assert_int_equal(vcpu_io_complete(g()), ACT_RESUME);
}

/* A thread unmaps the code of another: no reason for the guest to end. */
static void an_instruction_whose_end_is_unmapped_meanwhile_is_the_cpus_to_fault_on(void **state)
{
    uint32_t none = 0;

    (void)state;
    page_tables();
    world_put_at(world.guest, CODE + 0xffe, "\x8b\x05\x00\x00\x20\x00", 6);
    hw_set_rip(&g()->hw, CODE + 0xffe);
    world_put_at(world.guest, PAGE_TABLE + 4 * 2, &none, sizeof(none));
    assert_int_equal(touch(DEVICE), ACT_RETRY);
    assert_int_equal(hw_get_rip(&g()->hw), CODE + 0xffe);
    assert_int_equal(slot->state, STATE_IOREQ_NONE);
}

static unsigned int lines_with(const char *text)
{
    static char log[65536];
    uint32_t index = 0;
    size_t n = log_ring_read(log, sizeof(log) - 1, &index, false, false);
    unsigned int count = 0;

    log[n] = 0;
    for (const char *at = log; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static void a_broken_device_model_fills_no_log(void **state)
{
    struct vmexit x = { .pio = { .port = 0x1f7, .size = 1, .in = true } };
    unsigned int before = lines_with("d1 crashed");

    (void)state;
    assert_int_equal(exit_pio(g(), &x), ACT_WAIT_IO);
    slot->state = STATE_IOREQ_NONE;
    for (unsigned int i = 0; i < 100; i++)
        domain_io_event(world.guest, 0);
    assert_int_equal(lines_with("d1 crashed"), before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(a_port_read_waits_and_gets_the_answer),
        T(an_event_without_an_answer_changes_nothing),
        T(a_server_that_breaks_the_protocol_has_its_domain_crash),
        T(when_the_server_goes_what_waits_reads_all_ones),
        T(an_instruction_reads_device_memory),
        T(an_exchange_reads_once_and_writes_once),
        T(a_repeated_move_makes_each_access_once),
        T(a_repeated_move_out_of_device_memory_is_one_request_a_page),
        T(so_is_one_into_device_memory),
        T(a_run_that_a_server_does_not_claim_whole_is_made_one_by_one),
        T(string_input_is_one_request_for_many_elements),
        T(a_run_ends_with_its_page_and_goes_on_in_the_next),
        T(string_input_goes_backwards_one_by_one),
        T(string_ports_of_our_own_are_asked_one_by_one),
        T(writes_to_the_vga_window_go_into_the_ring_and_need_no_answer),
        T(who_waits_for_a_device_model_is_blocked_and_no_event_wakes_it),
        T(an_access_across_the_end_of_the_range_is_nobodys),
        T(devices_of_ours_come_first_and_pass_on_what_is_not_theirs),
        T(servers_are_told_when_pages_have_gone),
        T(the_pic_reaches_the_cpu_through_pin_0_of_the_ioapic),
        T(an_isa_line_reaches_the_cpu_through_the_pic),
        T(messages_come_by_their_address_or_its_place_in_the_window),
        T(ticks_that_were_missed_come_late_one_by_one),
        T(or_all_as_one_if_the_guest_wants_it_so),
        T(events_come_by_a_pci_line_where_the_guest_wants_it_so),
        T(the_platform_is_saved_and_loaded),
        T(the_pm_block_moves),
        T(an_init_in_the_middle_of_an_instruction_leaves_nothing_of_it),
        T(the_pics_interrupt_waits_for_the_end_of_an_instruction_that_waits),
        T(a_program_reaches_no_port_by_rewriting_an_instruction_that_is_emulated),
        T(a_page_that_may_be_read_is_not_written_by_rewriting_an_instruction),
        T(an_instruction_whose_end_is_unmapped_meanwhile_is_the_cpus_to_fault_on),
        T(a_broken_device_model_fills_no_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
