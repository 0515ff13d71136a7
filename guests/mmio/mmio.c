/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of devices: every page of the platform's, in every size, at every alignment, by every kind of instruction. What comes
 * out does not matter. For guests of dom0 (dom0 itself would reach the machine's devices).
 */
#include "apic.h"
#include "cpu.h"
#include "hypercall.h"

#define LAPIC 0xfee00000UL
#define IOAPIC 0xfec00000UL
#define HPET 0xfed00000UL

/* Also: the VGA window, where PCI devices have their memory, what nobody has, above 4 GiB, the far end. */
static const uint64_t pages[] = { LAPIC, IOAPIC, HPET, 0xa0000, 0xb8000, 0xf0000000, 0xf2000000, 0xf3000000, 0xfed40000,
                                  0xfeffc000, 0xfffff000, 0x180000000, 0x1fffff000 };

/* The ICR sends, and what it sends is guests/storms' business. */
static bool is_icr(uint64_t a) { return (a & ~0xfffUL) == LAPIC && (a & 0xfff) >= 0x2f8 && (a & 0xfff) < 0x320; }

static void read_sizes(uint64_t a)
{
    (void)*(volatile uint8_t *)a;
    (void)*(volatile uint16_t *)a;
    (void)*(volatile uint32_t *)a;
    (void)*(volatile uint64_t *)a;
}

static void write_sizes(uint64_t a, uint64_t v)
{
    if (is_icr(a))
        return;
    *(volatile uint8_t *)a = (uint8_t)v;
    *(volatile uint16_t *)a = (uint16_t)v;
    *(volatile uint32_t *)a = (uint32_t)v;
    *(volatile uint64_t *)a = v;
}

GUEST_TEST(mmio_every_page, "every page of devices can be read and written in every size at every alignment")
{
    unsigned int step = (unsigned int)command_line_number("step=", 13);

    irq_off();
    apic_start(false);
    for (unsigned int p = 0; p < ARRAY_COUNT(pages); p++) {
        /* Not across the last page's end: behind it is RAM, or nothing that is mapped. */
        for (unsigned int offset = 0; offset < 4088; offset += 1 + random32() % step) {
            read_sizes(pages[p] + offset);
            write_sizes(pages[p] + offset, random64());
        }
        print("guest:   page 0x%lx done\n", pages[p]);
    }
    apic_start(false);
}

/* One instruction with a device's address in RBX, RSI or RDI, another address in the other. */
static void one_of_all(uint64_t device, uint8_t *ram, unsigned int which)
{
    uint64_t a = random64(), b = random64(), n = 1 + random32() % 20;
    void *d = (void *)device, *r = ram;

    switch (which % 14) {
    case 0: __asm__ volatile("rep movsb" : "+S"(d), "+D"(r), "+c"(n) : : "memory"); break;
    case 1: __asm__ volatile("rep movsl" : "+S"(r), "+D"(d), "+c"(n) : : "memory"); break;
    case 2: __asm__ volatile("rep stosq" : "+D"(d), "+c"(n), "+a"(a) : : "memory"); break;
    case 3: __asm__ volatile("repe cmpsw" : "+S"(d), "+D"(r), "+c"(n) : : "memory", "cc"); break;
    case 4: __asm__ volatile("repne scasb" : "+D"(d), "+c"(n), "+a"(a) : : "memory", "cc"); break;
    case 5: __asm__ volatile("std; rep lodsb; cld" : "+S"(d), "+c"(n), "+a"(a) : : "memory", "cc"); break;
    case 6: __asm__ volatile("lock xaddl %k0, (%1)" : "+r"(a) : "b"(d) : "memory", "cc"); break;
    case 7: __asm__ volatile("xchgw %w0, (%1)" : "+r"(a) : "b"(d) : "memory"); break;
    case 8: __asm__ volatile("lock cmpxchgq %2, (%1)" : "+a"(a) : "b"(d), "r"(b) : "memory", "cc"); break;
    case 9: __asm__ volatile("btsl $7, (%0); btcl $1, (%0); btrl $30, (%0)" : : "b"(d) : "memory", "cc"); break;
    case 10: __asm__ volatile("addb $1, (%0); sbbl $5, (%0); xorq %1, (%0); notw (%0); negl (%0)" : : "b"(d), "r"(a) : "memory", "cc"); break;
    case 11: __asm__ volatile("pushq (%0); popq (%0)" : : "b"(d) : "memory"); break;
    case 12: __asm__ volatile("movzbl (%1), %k0; movswq 2(%1), %0; cmpl %k0, (%1); testb $3, (%1)" : "=&r"(a) : "b"(d) : "cc"); break;
    default: __asm__ volatile("lock cmpxchg8b (%2)" : "+a"(a), "+d"(b) : "D"(d), "b"(1), "c"(2) : "memory", "cc"); break;
    }
}

GUEST_TEST(mmio_instructions, "every kind of instruction works on devices' memory, with any operands")
{
    unsigned int rounds = (unsigned int)command_line_number("rounds=", 2000);
    uint8_t *ram = page_alloc();

    irq_off();
    apic_start(false);
    for (unsigned int i = 0; i < rounds; i++) {
        uint64_t a = pages[random32() % ARRAY_COUNT(pages)] + 0x400 + random32() % 0x800;

        one_of_all(a, ram + 1024 + random32() % 64, random32());
    }
    apic_start(false);
}
