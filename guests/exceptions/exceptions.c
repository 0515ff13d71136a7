/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions that the hypervisor raises for us, or lets through: right vector, error code and CR2. */
#include "cpu.h"

GUEST_TEST(exception_undefined, "instructions that a guest has no use for are #UD, all VMX instructions among them")
{
    static uint64_t operand[2] __attribute__((aligned(16)));

#define UNDEFINED(insn, ...) do { \
        __asm__ volatile(PROBE(insn) : : "r"(operand), ##__VA_ARGS__ : "memory"); \
        if (this_cpu()->fault.vector != UD) \
            fail("%s: vector %d", insn, this_cpu()->fault.vector); \
        fault_forget(); \
    } while (0)
    UNDEFINED("ud2");
    UNDEFINED("vmxoff");
    UNDEFINED("vmlaunch");
    UNDEFINED("vmresume");
    UNDEFINED("vmptrld (%0)");
    UNDEFINED("vmclear (%0)");
    UNDEFINED("vmptrst (%0)");
    UNDEFINED("vmxon (%0)");
    UNDEFINED("vmread %1, (%0)", "r"(0UL));
    UNDEFINED("vmwrite (%0), %1", "r"(0UL));
    UNDEFINED("invept (%0), %1", "r"(1UL));
    UNDEFINED("invvpid (%0), %1", "r"(1UL));
    UNDEFINED("vmfunc", "a"(0));
    UNDEFINED("rsm");
    UNDEFINED("getsec", "a"(0));
    UNDEFINED("monitor", "a"(operand), "c"(0), "d"(0));
    UNDEFINED("mwait", "a"(0), "c"(0));
    UNDEFINED("encls", "a"(0));
}

GUEST_TEST(exception_gp, "protection faults have error code 0, and the privileged instructions of CPL 0 that must fail do")
{
    try_write_cr4(read_cr4() | 1UL << 40);
    check_fault(GP, 0);
    try_write_cr4(read_cr4() | 0x2000);                  /* VMXE */
    check_fault(GP, 0);
    try_write_cr4(read_cr4() & ~0x20UL);                 /* PAE in long mode */
    check_fault(GP, 0);
    try_write_cr0(read_cr0() | 1UL << 40);
    check_fault(GP, 0);
    try_write_cr0(read_cr0() & ~CR0_PE);                 /* PG without PE */
    check_fault(GP, 0);
    try_write_cr0((read_cr0() | 0x20000000UL) & ~0x40000000UL); /* NW without CD */
    check_fault(GP, 0);
    try_write_cr8(16);
    check_fault(GP, 0);
    try_write_cr3(read_cr3() | 1UL << 60);
    check_fault(GP, 0);
    __asm__ volatile(PROBE("mov (%0), %%rax") : : "r"(0x0000800000000000UL) : "rax", "memory");
    check_fault(GP, 0);
    __asm__ volatile(PROBE("xsetbv") : : "a"(0), "d"(0), "c"(0));
    check_fault(UD, 0);                                  /* CR4.OSXSAVE is clear */
    __asm__ volatile(PROBE("mov %w0, %%ds") : : "r"(0x1f8));
    check_fault(GP, 0x1f8);
}

GUEST_TEST(exception_pf, "page faults have their error code and CR2")
{
    volatile uint8_t *page = page_alloc();
    uint64_t *entry = page_entry((uint64_t)(uintptr_t)page);

    (void)try_read32(UNMAPPED_ADDRESS + 0x123);
    check_equal(this_cpu()->fault.cr2, UNMAPPED_ADDRESS + 0x123);
    check_fault(PF, 0);
    try_write32(UNMAPPED_ADDRESS + 0x456, 1);
    check_equal(this_cpu()->fault.cr2, UNMAPPED_ADDRESS + 0x456);
    check_fault(PF, 2);
    *entry &= ~2UL;
    flush_page((uint64_t)(uintptr_t)page);
    try_write32((uint64_t)(uintptr_t)page, 1);
    check_fault(PF, 3);
    *entry |= 1UL << 51;                                 /* reserved: beyond the address width */
    flush_page((uint64_t)(uintptr_t)page);
    (void)try_read32((uint64_t)(uintptr_t)page);
    check_fault(PF, 9);
    *entry = (*entry & ~(1UL << 51)) | 2;
    flush_page((uint64_t)(uintptr_t)page);
    try_write32((uint64_t)(uintptr_t)page, 1);
    check_fault(NO_FAULT, 0);
}

static uint64_t user_privileged(uint64_t which)
{
    switch (which) {
    case 0: __asm__ volatile(PROBE("hlt")); break;
    case 1: (void)try_rdmsr(MSR_EFER); break;
    case 2: try_wrmsr(MSR_EFER, 0); break;
    case 3: __asm__ volatile(PROBE("mov %%cr0, %%rax") : : : "rax"); break;
    case 4: __asm__ volatile(PROBE("cli")); break;
    case 5: __asm__ volatile(PROBE("inb $0x80, %%al") : : : "rax"); break;
    case 6: __asm__ volatile(PROBE("wbinvd")); break;
    case 7: __asm__ volatile(PROBE("invd")); break;
    case 8: __asm__ volatile(PROBE("mov %%dr7, %%rax") : : : "rax"); break;
    case 9: __asm__ volatile(PROBE("lgdt gdt_pointer")); break;
    case 10: __asm__ volatile(PROBE("mov %%rax, %%cr8") : : "a"(0)); break;
    case 11: __asm__ volatile(PROBE("clts")); break;
    case 12: __asm__ volatile(PROBE("outb %%al, $0x80") : : "a"(0)); break;
    case 13: __asm__ volatile(PROBE("invlpg (%0)") : : "r"(0UL)); break;
    }
    return 0;
}

GUEST_TEST(exception_cpl3, "privileged instructions at CPL 3 are #GP(0), those that exit to the hypervisor too")
{
    for (uint64_t i = 0; i < 14; i++) {
        struct fault f;

        user_call(user_privileged, i);
        f = fault_take();
        if (f.vector != GP || f.error != 0)
            fail("instruction %lu at CPL 3: vector %d, error 0x%x", i, f.vector, f.error);
    }
}

static uint64_t user_peek(uint64_t address)
{
    (void)try_read32(address);
    return 0;
}

GUEST_TEST(exception_cpl3_pf, "a page fault of CPL 3 says so in its error code")
{
    user_call(user_peek, UNMAPPED_ADDRESS);
    check_fault(PF, 4);
}

static int traps;

static void count_trap(struct trap_frame *f)
{
    traps++;
    f->rflags &= ~0x100UL;
}

GUEST_TEST(exception_traps, "breakpoint, single step and debug registers work without the hypervisor's help")
{
    uint64_t dr6;

    irq_set(BP, count_trap);
    irq_set(DB, count_trap);
    traps = 0;
    __asm__ volatile("int3");
    check_equal(traps, 1);
    __asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop; nop" : : : "memory", "cc");
    check_equal(traps, 2);
    __asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
    check(dr6 & 0x4000);
    /* A single step over an instruction that exits: the trap comes behind it all the same. */
    __asm__ volatile("pushf; orl $0x100, (%%rsp); popf; cpuid; nop" : : "a"(0), "c"(0) : "rbx", "rdx", "memory", "cc");
    check_equal(traps, 3);
    __asm__ volatile("mov %0, %%dr7" : : "r"(0x400UL));
    irq_set(BP, NULL);
    irq_set(DB, NULL);
}
