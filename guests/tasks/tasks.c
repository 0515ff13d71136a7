/* SPDX-License-Identifier: BSD-2-Clause */
/* Task switches and PAE paging, which only exist outside long mode. */
#include "cpu.h"
#include "hypercall.h"
#include "legacy.h"

#define EFLAGS_NT 0x4000U

/* SDM figure 8-2. */
struct tss32 {
    uint32_t link, stack[6], cr3, eip, eflags, gpr[8], seg[6], ldt, trap;
};

extern uint64_t gdt[];
extern const uint8_t tasks_run[], task_b[], task_bad_insn[], task_bad_selector[], pae_run[], pae_gp[];
void trap_start(unsigned int cpu);

/* legacy.S uses these, and the pointers are operands of LGDT and LIDT. */
struct tss32 task_a;
uint32_t task_cr0, pae_seen[4];
uint8_t legacy_gdt_pointer[6], legacy_idt_pointer[6];

static struct tss32 task_other;
static uint64_t legacy_gdt[16], legacy_idt[TASK_VECTOR + 1];
static uint32_t noted[8];

static void put_pointer(uint8_t *to, const void *table, uint16_t limit)
{
    uint32_t base = (uint32_t)address(table);

    memcpy(to, &limit, 2);
    memcpy(to + 2, &base, 4);
}

static uint64_t tss_descriptor(const struct tss32 *t)
{
    uint64_t base = address(t);

    return (sizeof(*t) - 1) | (base & 0xffffff) << 16 | 0x89UL << 40 | (base >> 24 & 0xff) << 56;
}

static uint64_t task_gate(uint16_t selector) { return (uint64_t)selector << 16 | 0x85UL << 40; }
static uint64_t interrupt_gate(const void *code)
{
    uint64_t at = address(code);

    return (at & 0xffff) | (uint64_t)SEL_CODE32 << 16 | 0x8eUL << 40 | (at & 0xffff0000) << 32;
}

static void tables_make(void)
{
    memset(legacy_idt, 0, sizeof(legacy_idt));
    memcpy(legacy_gdt, gdt, SEL_TASK_A);
    put_pointer(legacy_gdt_pointer, legacy_gdt, sizeof(legacy_gdt) - 1);
    put_pointer(legacy_idt_pointer, legacy_idt, sizeof(legacy_idt) - 1);
}

/* 32-bit code runs with interrupts off; afterwards this CPU needs its own TSS again. */
static uint32_t call32(const void *code, uint32_t ebx, uint32_t ecx, uint32_t edx, uint32_t esi)
{
    struct regs32 r = { .eax = (uint32_t)address(code), .ebx = ebx, .ecx = ecx, .edx = edx, .esi = esi };
    uint32_t result = (uint32_t)hypercall32(MODE_PROTECTED_CALL, &r);

    trap_start(0);
    return result;
}

static uint32_t here = 0xfeed;

/* There and back in five ways. Page tables: of both tasks, 0: no paging. read: what the other task reads. */
static void switch_tasks(uint32_t pdpt, uint32_t other_pdpt, uint32_t read)
{
    static uint8_t stack[512] __attribute__((aligned(16)));

    tables_make();
    memset(&task_a, 0, sizeof(task_a));
    memset(&task_other, 0, sizeof(task_other));
    task_a.cr3 = pdpt;
    task_other.cr3 = other_pdpt;
    task_other.eip = (uint32_t)address(task_b);
    task_other.eflags = 2;
    task_other.gpr[4] = (uint32_t)address(stack + sizeof(stack));
    task_other.gpr[6] = read;
    task_other.gpr[7] = (uint32_t)address(noted);
    for (unsigned int i = 0; i < 6; i++)
        task_other.seg[i] = i == 1 ? SEL_CODE32 : SEL_DATA;
    legacy_gdt[SEL_TASK_A / 8] = tss_descriptor(&task_a);
    legacy_gdt[SEL_TASK_B / 8] = tss_descriptor(&task_other);
    legacy_idt[TASK_VECTOR] = legacy_idt[UD] = legacy_idt[GP] = task_gate(SEL_TASK_B);
    check_equal(call32(tasks_run, pdpt, 0, 0, 0), 1);
}

static void check_switches(void)
{
    check_equal(noted[0] & EFLAGS_NT, 0);
    check_equal(noted[2] & EFLAGS_NT, EFLAGS_NT);
    check_equal(noted[3] & EFLAGS_NT, EFLAGS_NT);
    check_equal(noted[4] & EFLAGS_NT, EFLAGS_NT);
    check_equal(noted[5], address(task_bad_insn));
    check_equal(noted[6], BAD_SELECTOR);
    check_equal(noted[7], address(task_bad_selector));
    check_equal(task_cr0 & 8, 8);                        /* TS */
    check_equal(task_other.link, SEL_TASK_A);
    check_equal(task_other.eflags & EFLAGS_NT, 0);
    check_equal(legacy_gdt[SEL_TASK_A / 8] >> 40 & 0xff, 0x8b);
    check_equal(legacy_gdt[SEL_TASK_B / 8] >> 40 & 0xff, 0x89);
}

GUEST_TEST(task_switches, "jump, call, INT and exceptions through task gates switch tasks and come back")
{
    switch_tasks(0, 0, (uint32_t)address(&here));
    check_equal(noted[1], here);
    check_switches();
}

#define PAE_PAGE 0xc0000000U
#define LARGE_PAGE 0x200000UL

/* A PDPT with the first GiB as it is and, at PAE_PAGE, the large page around `what`. */
static uint64_t *pdpt_make(const void *what)
{
    uint64_t *pdpt = page_alloc(), *low = page_alloc(), *high = page_alloc();

    for (unsigned int i = 0; i < 512; i++)
        low[i] = i * LARGE_PAGE | 0x83;
    high[0] = (address(what) & ~(LARGE_PAGE - 1)) | 0x83;
    pdpt[0] = address(low) | 1;
    pdpt[3] = address(high) | 1;
    return pdpt;
}

GUEST_TEST(task_switches_pae, "tasks with page tables of their own: PAE paging, whose PDPTEs come with CR3")
{
    uint32_t *there = page_alloc();
    uint64_t *first = pdpt_make(there), *second = pdpt_make(there);

    *there = 0xc0ffee;
    ((uint64_t *)(first[3] & ~0xfffUL))[0] += LARGE_PAGE;
    switch_tasks((uint32_t)address(first), (uint32_t)address(second),
                 PAE_PAGE + (uint32_t)(address(there) & (LARGE_PAGE - 1)));
    check_equal(noted[1], 0xc0ffee);
    check_switches();
}

GUEST_TEST(paging_pae, "PAE paging uses the PDPTEs that CR3 points to, and refuses those with reserved bits")
{
    uint32_t *there = page_alloc();
    uint64_t *first = pdpt_make(there), *second = pdpt_make(there), *bad = pdpt_make(there);
    uint32_t offset = (uint32_t)(address(there) & (LARGE_PAGE - 1));
    uint64_t *high = (void *)(second[3] & ~0xfffUL);

    tables_make();
    legacy_idt[GP] = interrupt_gate(pae_gp);
    *there = 0xc0ffee;
    high[0] += LARGE_PAGE;                               /* something else is there */
    bad[1] = 3;                                          /* bit 1 is reserved */
    check_equal(call32(pae_run, (uint32_t)address(first), (uint32_t)address(second), (uint32_t)address(bad),
                       PAE_PAGE + offset), 2);
    check_equal(pae_seen[0], 0xc0ffee);
    check_equal(pae_seen[1], *(const uint32_t *)((const char *)there + LARGE_PAGE));
    check_equal(pae_seen[2], pae_seen[1]);
    check_equal(pae_seen[3] >> 31, 0);
}
