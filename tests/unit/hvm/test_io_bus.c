/* SPDX-License-Identifier: BSD-2-Clause */
/* The I/O bus, PCI configuration mechanism 1, and the ports of dom0 on top of them. */
#include <hvm/dom0_ports.h>
#include <hvm/io_bus.h>
#include <hvm/vpci.h>

#include <hv/errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static uint64_t seen_addr;
static void note_access(void *ctx, struct io_req *req) { seen_addr = req->addr; req->data = *(const int *)ctx; }
static const struct io_device note_device = { note_access, "note" };

static enum io_result go(const struct io_bus *b, enum io_space s, bool write, uint64_t addr, uint8_t size, uint64_t *data)
{
    struct io_req r = { .space = s, .write = write, .addr = addr, .size = size, .data = *data };
    enum io_result rc = io_bus_access(b, &r);

    *data = r.data;
    return rc;
}

static void ranges_are_found_whatever_the_order_they_came_in(void **state)
{
    struct io_bus b = { 0 };
    int one = 1, two = 2, three = 3;
    uint64_t d = 0;

    (void)state;
    assert_int_equal(io_bus_add(&b, IO_MMIO, 0xfec00000, 0xfec00fff, &note_device, &one), 0);
    assert_int_equal(io_bus_add(&b, IO_PORT, 0x70, 0x71, &note_device, &two), 0);
    assert_int_equal(io_bus_add(&b, IO_PORT, 0x20, 0x21, &note_device, &three), 0);
    assert_int_equal(io_bus_add(&b, IO_PORT, 0x71, 0x72, &note_device, &one), -EEXIST);
    assert_int_equal(io_bus_add(&b, IO_PORT, 0x00, 0xff, &note_device, &one), -EEXIST);
    assert_int_equal(io_bus_add(&b, IO_PORT, 5, 4, &note_device, &one), -EINVAL);
    assert_int_equal(go(&b, IO_PORT, false, 0x71, 1, &d), IO_DONE);
    assert_int_equal(d, 2);
    assert_int_equal(go(&b, IO_PORT, false, 0x71, 2, &d), IO_UNCLAIMED);
    assert_int_equal(go(&b, IO_PORT, false, 0x72, 1, &d), IO_UNCLAIMED);
    assert_int_equal(go(&b, IO_PORT, false, 0x20, 2, &d), IO_DONE);
    assert_int_equal(d, 3);
    assert_int_equal(go(&b, IO_MMIO, false, 0xfec00ffc, 4, &d), IO_DONE);
    assert_int_equal(d, 1);
    assert_int_equal(go(&b, IO_MMIO, false, 0xfec00ffd, 4, &d), IO_UNCLAIMED);
    assert_int_equal(go(&b, IO_MMIO, false, 0x20, 1, &d), IO_UNCLAIMED);
    assert_int_equal(go(&b, IO_MMIO, false, UINT64_MAX, 8, &d), IO_UNCLAIMED);
    io_bus_remove(&b, IO_PORT, 0x70);
    io_bus_remove(&b, IO_PORT, 0x70);
    assert_int_equal(go(&b, IO_PORT, false, 0x71, 1, &d), IO_UNCLAIMED);
    assert_int_equal(b.count, 2);
}

static void a_full_bus_refuses(void **state)
{
    struct io_bus b = { 0 };

    (void)state;
    for (unsigned int i = 0; i < IO_BUS_MAX; i++)
        assert_int_equal(io_bus_add(&b, IO_PORT, (IO_BUS_MAX - i) * 8, (IO_BUS_MAX - i) * 8 + 7, &note_device, NULL), 0);
    assert_int_equal(io_bus_add(&b, IO_PORT, 0, 7, &note_device, NULL), -ENOSPC);
    for (unsigned int i = 1; i < IO_BUS_MAX; i++)
        assert_true(b.range[i].first > b.range[i - 1].last);
}

struct host { uint32_t sbdf; unsigned int reg, size; uint32_t value; unsigned int writes; uint8_t cmos[128]; char said; };
static uint32_t host_read(void *ctx, uint32_t sbdf, unsigned int reg, unsigned int size)
{
    struct host *h = ctx;

    h->sbdf = sbdf, h->reg = reg, h->size = size;
    return 0x12345678;
}
static void host_write(void *ctx, uint32_t sbdf, unsigned int reg, unsigned int size, uint32_t value)
{
    struct host *h = ctx;

    h->sbdf = sbdf, h->reg = reg, h->size = size, h->value = value, h->writes++;
}
static uint8_t cmos_read(void *ctx, uint8_t index) { return ((struct host *)ctx)->cmos[index]; }
static void cmos_write(void *ctx, uint8_t index, uint8_t v) { ((struct host *)ctx)->cmos[index] = v; }
static void say(void *ctx, char c) { ((struct host *)ctx)->said = c; }

struct world { struct host host; struct vpci_host pci_host; struct dom0_port_host port_host; struct vpci pci;
               struct dom0_ports ports; struct io_bus bus; uint8_t direct[65536]; };
static struct world w;

static int setup(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    w.pci_host = (struct vpci_host){ host_read, host_write, &w.host };
    w.port_host = (struct dom0_port_host){ cmos_read, cmos_write, say, &w.host };
    vpci_init(&w.pci, &w.pci_host, NULL, NULL);
    dom0_ports_init(&w.ports, &w.port_host, &w.pci);
    assert_int_equal(dom0_ports_claim(&w.ports, &w.bus), 0);
    return 0;
}

static uint64_t in(uint16_t port, uint8_t size)
{
    uint64_t d = 0;

    if (go(&w.bus, IO_PORT, false, port, size, &d) == IO_UNCLAIMED)
        return 0xbad;
    return d;
}
static void out(uint16_t port, uint8_t size, uint64_t d) { go(&w.bus, IO_PORT, true, port, size, &d); }

static void configuration_goes_through_the_latch(void **state)
{
    (void)state;
    assert_int_equal(in(0xcfc, 4), 0xffffffff);                 /* latch not enabled */
    out(0xcf8, 4, 0x8000fa44);
    assert_int_equal(in(0xcf8, 4), 0x8000fa44);
    assert_int_equal(in(0xcfc, 4), 0x12345678);
    assert_int_equal(w.host.sbdf, 0xfa);
    assert_int_equal(w.host.reg, 0x44);
    assert_int_equal(in(0xcfe, 2), 0x5678);
    assert_int_equal(w.host.reg, 0x46);
    out(0xcff, 1, 0xab);
    assert_int_equal(w.host.reg, 0x47);
    assert_int_equal(w.host.value, 0xab);
    out(0xcf8, 1, 0);                                          /* not the latch */
    assert_int_equal(in(0xcf8, 4), 0x8000fa44);
    assert_int_equal(in(0xcfe, 4), 0xbad);                      /* beyond the ports */
    out(0xcf8, 4, 0xffffffff);
    assert_int_equal(in(0xcf8, 4), 0x80fffffc);
}

static void hidden_devices_read_as_absent(void **state)
{
    (void)state;
    assert_int_equal(vpci_hide(&w.pci, 0xfa), 0);
    out(0xcf8, 4, 0x8000fa00);
    assert_int_equal(in(0xcfc, 2), 0xffff);
    out(0xcfc, 4, 1);
    assert_int_equal(w.host.writes, 0);
    out(0xcf8, 4, 0x8000fb00);
    assert_int_equal(in(0xcfc, 1), 0x78);
}

static void pic_and_pit_do_nothing(void **state)
{
    (void)state;
    out(0x21, 1, 0xfb);
    assert_int_equal(in(0x21, 1), 0xff);
    assert_int_equal(in(0xa0, 2), 0xffff);
    out(0x42, 1, 0xff);
    assert_int_equal(in(0x42, 1), 0);
    assert_int_equal(in(0x40, 4), 0);
    assert_int_equal(in(0x61, 1), 0xff);
}

static void the_clock_is_shared_by_index(void **state)
{
    (void)state;
    out(0x70, 1, 0x8a);
    out(0x71, 1, 0x26);
    assert_int_equal(w.host.cmos[0x0a], 0x26);
    assert_int_equal(in(0x71, 1), 0x26);
    out(0x70, 2, 0x550b);
    assert_int_equal(w.host.cmos[0x0b], 0x55);
}

static void reset_register_asks_for_shutdown_on_the_rising_bit(void **state)
{
    struct io_req r = { .space = IO_PORT, .write = true, .addr = 0xcf9, .size = 1, .data = 2 };

    (void)state;
    assert_int_equal(io_bus_access(&w.bus, &r), IO_DONE);
    assert_int_equal(r.effects, 0);
    r.data = 6;
    assert_int_equal(io_bus_access(&w.bus, &r), IO_DONE);
    assert_int_equal(r.effects, IO_EFFECT_SHUTDOWN);
}

static void debug_port_speaks(void **state)
{
    (void)state;
    out(0xe9, 1, 'x');
    assert_int_equal(w.host.said, 'x');
    assert_int_equal(in(0xe9, 1), 0xff);
}

static void mark(void *ctx, uint16_t first, uint16_t last)
{
    (void)ctx;
    for (uint32_t p = first; p <= last; p++)
        w.direct[p]++;
}

static void every_port_is_direct_or_claimed_or_excluded(void **state)
{
    (void)state;
    assert_int_equal(dom0_ports_exclude(&w.ports, 0x3f8, 0x3ff), 0);
    assert_int_equal(dom0_ports_exclude(&w.ports, 0x3f0, 0x3f8), -EEXIST);
    assert_int_equal(dom0_ports_exclude(&w.ports, 0xfff8, 0xffff), 0);
    dom0_ports_each_direct(&w.ports, mark, NULL);
    for (uint32_t p = 0; p <= 0xffff; p++) {
        bool excluded = (p >= 0x3f8 && p <= 0x3ff) || p >= 0xfff8;

        assert_int_equal(w.direct[p], excluded || in((uint16_t)p, 1) != 0xbad ? 0 : 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_found_whatever_the_order_they_came_in),
        cmocka_unit_test(a_full_bus_refuses),
        cmocka_unit_test_setup(configuration_goes_through_the_latch, setup),
        cmocka_unit_test_setup(hidden_devices_read_as_absent, setup),
        cmocka_unit_test_setup(pic_and_pit_do_nothing, setup),
        cmocka_unit_test_setup(the_clock_is_shared_by_index, setup),
        cmocka_unit_test_setup(reset_register_asks_for_shutdown_on_the_rising_bit, setup),
        cmocka_unit_test_setup(debug_port_speaks, setup),
        cmocka_unit_test_setup(every_port_is_direct_or_claimed_or_excluded, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
