/* SPDX-License-Identifier: BSD-2-Clause */
#include <x86/pci.h>

#include "fake.h"
#include <hv/errno.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static uint8_t config[256];
static uint32_t latch;

static uint32_t in(uint16_t port, unsigned int size)
{
    uint32_t v = 0;

    if (latch >> 8 != 0x800318 || port < 0xcfc)
        return UINT32_MAX;
    memcpy(&v, config + (latch & 0xfc) + (port - 0xcfc), size);
    return v;
}

static void out(uint16_t port, unsigned int size, uint32_t value)
{
    if (port == 0xcf8 && size == 4)
        latch = value;
    else if (latch >> 8 == 0x800318)
        memcpy(config + (latch & 0xfc) + (port - 0xcfc), &value, size);
}

static int setup(void **state)
{
    (void)state;
    fake_reset();
    fake_port_hooks(in, out);
    for (unsigned int i = 0; i < 256; i++)
        config[i] = (uint8_t)i;
    return 0;
}

static void registers_are_read_and_written_in_every_size(void **state)
{
    struct pci_addr a = { 0, 3, 0x18 };

    (void)state;
    assert_int_equal(pci_read(a, 0x10, 4), 0x13121110);
    assert_int_equal(pci_read(a, 0x12, 2), 0x1312);
    assert_int_equal(pci_read(a, 0x13, 1), 0x13);
    pci_write(a, 0x42, 2, 0xbeef);
    pci_write(a, 0x41, 1, 0x5a);
    assert_int_equal(pci_read(a, 0x40, 4), 0xbeef5a40);
    pci_write(a, 0xfc, 4, 0x01020304);
    assert_int_equal(pci_read(a, 0xfc, 4), 0x01020304);
}

static void an_absent_device_or_segment_reads_all_ones(void **state)
{
    (void)state;
    assert_int_equal(pci_read((struct pci_addr){ 0, 4, 0x18 }, 0, 4), 0xffffffff);
    assert_int_equal(pci_read((struct pci_addr){ 1, 3, 0x18 }, 0, 2), 0xffff);
    pci_write((struct pci_addr){ 1, 3, 0x18 }, 0, 1, 0x77);
    assert_int_equal(config[0], 0);
}

/* The memory behind a fake ECAM is zero, so the host bridge must be that, too. */
static uint32_t zero_in(uint16_t port, unsigned int size)
{
    (void)port;
    (void)size;
    return 0;
}

static void extended_registers_and_segments_are_reached_by_ecam(void **state)
{
    struct pci_addr near = { 0, 1, 0x18 }, far = { 2, 5, 0xff };

    (void)state;
    assert_int_equal(pci_add_ecam(&(struct pci_ecam){ 0xb0000000, 0, 0, 1 }), -EINVAL);   /* another bridge */
    fake_port_hooks(zero_in, out);
    assert_int_equal(pci_read(near, 0x100, 4), 0xffffffff);
    assert_int_equal(pci_add_ecam(&(struct pci_ecam){ 0xb0000000, 0, 0, 1 }), 0);
    assert_int_equal(pci_add_ecam(&(struct pci_ecam){ 0x800000000, 2, 4, 5 }), 0);
    pci_write(near, 0x100, 4, 0x11223344);
    pci_write(near, 0xffe, 2, 0x5566);
    pci_write(far, 0x10, 1, 0x77);
    assert_int_equal(pci_read(near, 0x102, 2), 0x1122);
    assert_int_equal(pci_read(near, 0xfff, 1), 0x55);
    assert_int_equal(pci_read(far, 0x10, 4), 0x77);
    assert_int_equal(pci_read((struct pci_addr){ 2, 3, 0xff }, 0x10, 4), 0xffffffff);
    assert_int_equal(pci_read((struct pci_addr){ 0, 2, 0x18 }, 0x100, 2), 0xffff);
    pci_forget_ecam();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(registers_are_read_and_written_in_every_size, setup),
        cmocka_unit_test_setup(an_absent_device_or_segment_reads_all_ones, setup),
        cmocka_unit_test_setup(extended_registers_and_segments_are_reached_by_ecam, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
