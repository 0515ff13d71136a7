/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devices of an HVM guest: those that the hypervisor has itself, and those that QEMU in dom0 answers for. The command line
 * says "hvm" where they are.
 */
#include "apic.h"
#include "bench.h"

#define PORT_PM_TIMER 0xb008
#define PORT_KEYBOARD_STATUS 0x64        /* QEMU's i8042: reading it changes nothing */
#define PORT_NOBODY 0x2e8
#define PORT_PCI_ADDRESS 0xcf8
#define PORT_PCI_DATA 0xcfc
#define HPET_COUNTER 0xfed000f0UL
#define IOAPIC_SELECT 0xfec00000UL
#define IOAPIC_WINDOW 0xfec00010UL
#define STANDARD_VGA 0x11111234U         /* device and vendor */
#define BAR_2 0x18U

static uint32_t mmio_read(uint64_t at)
{
    uint32_t v;

    __asm__ volatile("movl (%1), %0" : "=r"(v) : "r"(at) : "memory");
    return v;
}

static void mmio_write(uint64_t at, uint32_t v)
{
    __asm__ volatile("movl %0, (%1)" : : "r"(v), "r"(at) : "memory");
}

static uint32_t pci_read(unsigned int device, unsigned int offset)
{
    out32(PORT_PCI_ADDRESS, 0x80000000U | device << 11 | offset);
    return in32(PORT_PCI_DATA);
}

/* Registers of QEMU's display adapter; reading the first ones, the monitor's description, changes nothing. */
static uint64_t memory_of_qemu(void)
{
    for (unsigned int device = 0; device < 32; device++)
        if (pci_read(device, 0) == STANDARD_VGA)
            return pci_read(device, BAR_2) & ~0xfU;
    return 0;
}

/* Firmware leaves the timer and the PIC going. */
void bench_quiet(void)
{
    if (!command_line_has("hvm"))
        return;
    out8(0x21, 0xff);
    out8(0xa1, 0xff);
}

GUEST_TEST(bench_platform, "the platform's devices were timed, the hypervisor's own and QEMU's")
{
    volatile uint32_t sink;
    uint64_t at;

    if (!command_line_has("hvm")) {
        skip("no HVM guest");
        return;
    }
    bench_quiet();
    BENCH("pm-timer-read", 200, sink = in32(PORT_PM_TIMER));
    BENCH("hpet-read", 200, sink = mmio_read(HPET_COUNTER));
    mmio_write(IOAPIC_SELECT, 1);
    BENCH("ioapic-read", 200, sink = mmio_read(IOAPIC_WINDOW));
    BENCH("qemu-port-read", 100, sink = in8(PORT_KEYBOARD_STATUS));
    BENCH("qemu-port-nobody", 100, sink = in8(PORT_NOBODY));
    at = memory_of_qemu();
    if (at)
        BENCH("qemu-mmio-read", 100, sink = mmio_read(at));
    else
        bench_absent("qemu-mmio-read", "no display adapter");
    (void)sink;
}
