/* SPDX-License-Identifier: BSD-2-Clause */
#include <x86/trap.h>

#include <hv/regs.h>
#include <lib/log.h>
#include <x86/cpu.h>
#include <x86/desc.h>
#include <x86/irq.h>
#include <x86/panic.h>

#include "extable.h"
#include "trap_entry.h"

#define GATE_INTERRUPT 0x8eU       /* present, DPL 0, 64-bit interrupt gate */
#define FIRST_IRQ 32U

/* SDM figure 6-8. */
struct idt_gate { uint16_t low, selector; uint8_t ist, type; uint16_t middle; uint32_t high, zero; };

static struct idt_gate idt[256] aligned_to(16);
_Static_assert(sizeof(idt) == IDT_SIZE, "one gate is 16 bytes");

static void (*nmi_handler)(struct trap_frame *f) ro_after_init;

static const char *const trap_names[] = {
    "divide error", "debug", "NMI", "breakpoint", "overflow", "bound range exceeded",
    "invalid opcode", "device not available", "double fault", "coprocessor segment overrun",
    "invalid TSS", "segment not present", "stack fault", "general protection", "page fault",
    "reserved", "x87 error", "alignment check", "machine check", "SIMD exception",
    "virtualization exception", "control protection",
};

static uint8_t ist_of(unsigned int vector)
{
    switch (vector) {
    case X86_NMI: return IST_NMI;
    case X86_DF: return IST_DOUBLE_FAULT;
    case X86_MC: return IST_MACHINE_CHECK;
    case X86_DB: return IST_DEBUG;
    default: return 0;
    }
}

void trap_init(void)
{
    for (unsigned int v = 0; v < 256; v++) {
        uint64_t a = (uint64_t)(uintptr_t)&trap_stubs[v * TRAP_STUB_SIZE];

        idt[v] = (struct idt_gate){ .low = (uint16_t)a, .selector = SEL_CODE64, .ist = ist_of(v),
                                    .type = GATE_INTERRUPT, .middle = (uint16_t)(a >> 16),
                                    .high = (uint32_t)(a >> 32) };
    }
}

uint64_t desc_idt_base(void) { return (uint64_t)(uintptr_t)idt; }
void trap_set_nmi_handler(void (*fn)(struct trap_frame *f)) { nmi_handler = fn; }
void trap_run_nmi(void) { __asm__ volatile("int $2" ::: "memory"); }
void trap_run_machine_check(void) { __asm__ volatile("int $18" ::: "memory"); }

/* Fatal: prints the banks that hold an error (SDM 16.3.2), then panics. */
static noreturn_fn cold_fn void machine_check(const struct trap_frame *f)
{
    uint64_t cap = 0, status, address;

    log_panic_mode();
    if (cpu_rdmsr_safe(0x179, &cap))
        for (uint32_t bank = 0; bank < (cap & 0xff); bank++)
            if (cpu_rdmsr_safe(0x401 + 4 * bank, &status) && (status & BIT(63))) {
                if (!(status & BIT(58)) || !cpu_rdmsr_safe(0x402 + 4 * bank, &address))
                    address = 0;
                log_err("machine check bank %u: status %016lx address %016lx", bank, status, address);
            }
    panic_at(f, "machine check");
}

static noreturn_fn cold_fn void unexpected(const struct trap_frame *f)
{
    const char *name = f->vector < ARRAY_COUNT(trap_names) ? trap_names[f->vector] : "exception";

    if (f->vector == X86_PF)
        panic_at(f, "page fault at %016lx, error %04lx", cpu_read_cr2(), f->error);
    panic_at(f, "%s (vector %lu), error %04lx", name, f->vector, f->error);
}

void trap_dispatch(struct trap_frame *f)
{
    uint64_t fixup;

    if (f->vector >= FIRST_IRQ) {
        irq_dispatch((uint8_t)f->vector);
        return;
    }
    if (f->vector == X86_NMI) {
        if (nmi_handler != NULL)
            nmi_handler(f);
        return;
    }
    if (f->vector == X86_MC)
        machine_check(f);
    fixup = extable_fixup(f->rip);
    if (fixup == 0)
        unexpected(f);
    f->rip = fixup;
}
