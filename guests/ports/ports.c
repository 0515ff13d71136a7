/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O ports: a PVH dom0 reaches the machine's devices, but neither the hypervisor's nor the PC's old timers. */
#include "cpu.h"

static bool has_side_effects(uint32_t port)
{
    return (port >= 0x1f0 && port <= 0x1f7) || (port >= 0x170 && port <= 0x177) ||      /* IDE: data register */
           (port >= 0x2f8 && port <= 0x2ff) || port == 0x60;
}

GUEST_TEST(ports_every_one, "every port can be read in every size")
{
    for (uint32_t port = 0; port < 0x10000; port++) {
        if (has_side_effects(port))
            continue;
        (void)in8((uint16_t)port);
        if (port < 0xffff && !has_side_effects(port + 1))
            (void)in16((uint16_t)port);
        if (port < 0xfffd && !has_side_effects(port + 3))
            (void)in32((uint16_t)port);
    }
}

GUEST_TEST(ports_absent, "PIC and the hypervisor's serial port read as all ones, a PIT stands still; they take no writes")
{
    static const uint16_t absent[] = { 0x20, 0x21, 0x61, 0xa0, 0xa1, 0x3f8, 0x3f9, 0x3fd };

    for (unsigned int i = 0; i < ARRAY_COUNT(absent); i++) {
        out8(absent[i], 0x5a);
        check_equal(in8(absent[i]), 0xff);
    }
    check_equal(in16(0x20), 0xffff);
    out8(0x42, 0x5a);
    check_equal(in8(0x42), 0);
    check_equal(in32(0x40), 0);
}

GUEST_TEST(ports_pci, "PCI configuration mechanism 1 shows the host bridge, in every size, and nothing where nothing is")
{
    out32(0xcf8, 0x80000000);
    check_equal(in32(0xcf8), 0x80000000);
    check_equal(in32(0xcfc), 0x12378086);
    check_equal(in16(0xcfe), 0x1237);
    check_equal(in8(0xcfd), 0x80);
    out32(0xcf8, 0x8000f800);                              /* 0:1f.0 */
    check_equal(in32(0xcfc), 0xffffffff);
    out32(0xcf8, 0);
    check_equal(in32(0xcfc), 0xffffffff);
}

GUEST_TEST(ports_rtc, "the real-time clock answers")
{
    uint8_t month;

    out8(0x70, 8);
    month = in8(0x71);
    check((month >= 1 && month <= 9) || (month >= 0x10 && month <= 0x12));
}

GUEST_TEST(ports_strings, "INS and OUTS work on an emulated port, with REP and downwards")
{
    uint8_t *buffer = page_alloc(), *p = buffer;
    uint64_t n = 10;

    for (int i = 0; i < 128; i++)
        buffer[i] = 0x5a;
    __asm__ volatile("rep insb" : "+D"(p), "+c"(n) : "d"(0x40) : "memory");
    check_equal(n, 0);
    check(p == buffer + 10);
    for (int i = 0; i < 10; i++)
        check_equal(buffer[i], 0);
    check_equal(buffer[10], 0x5a);
    n = 3;
    p = buffer + 100;
    __asm__ volatile("std; rep insl; cld" : "+D"(p), "+c"(n) : "d"(0x40) : "memory");
    check(p == buffer + 88);
    check_equal(*(uint32_t *)(void *)(buffer + 92), 0);
    check_equal(*(uint32_t *)(void *)(buffer + 88), 0x5a5a5a5a);
    n = 5;
    p = buffer;
    __asm__ volatile("rep outsw" : "+S"(p), "+c"(n) : "d"(0x40) : "memory");
    check(p == buffer + 10);
    n = 0;
    __asm__ volatile("rep insb" : "+D"(p), "+c"(n) : "d"(0x40) : "memory");
    check(p == buffer + 10);
    /* To where no page is: a page fault before anything else. */
    p = (uint8_t *)UNMAPPED_ADDRESS;
    n = 1;
    __asm__ volatile(PROBE("insb") : "+D"(p) : "d"(0x40) : "memory");
    check_fault(PF, 2);
    __asm__ volatile(PROBE("outsb") : : "S"(UNMAPPED_ADDRESS), "d"(0x40) : "memory");
    check_fault(PF, 0);
}

/* Ends a guest of dom0 at once: the reset register, PM1a control (ACPI's sleep) in both of its places, QEMU's. */
static bool ends_the_guest(uint32_t port)
{
    return (port >= 0xcf8 && port <= 0xcff) || (port >= 0xb004 && port <= 0xb007) || (port & ~7U) == 0x600 || port == 0x92 ||
           port == 0x64 || port == 0xb2;
}

/* Not for dom0, whose ports are the machine's. */
GUEST_TEST(ports_every_write, "every port takes any value in every size")
{
    uint32_t step = (uint32_t)command_line_number("step=", 13);

    irq_off();
    for (uint32_t port = 0; port < 0xfffd; port += port < 0x400 ? 1 : 1 + random32() % step) {
        if (ends_the_guest(port) || ends_the_guest(port + 3))
            continue;
        out8((uint16_t)port, (uint8_t)random32());
        (void)in8((uint16_t)port);
        out16((uint16_t)port, (uint16_t)random32());
        (void)in16((uint16_t)port);
        out32((uint16_t)port, random32());
        (void)in32((uint16_t)port);
    }
}
