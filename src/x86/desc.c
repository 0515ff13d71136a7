/* SPDX-License-Identifier: BSD-2-Clause */
#include <x86/desc.h>

#include <hv/errno.h>
#include <hv/regs.h>
#include <x86/cpu.h>
#include <x86/paging.h>
#include <x86/trap.h>

#include "trap_entry.h"

#define MSR_PAT 0x277U
#define MSR_EFER 0xc0000080U
#define MSR_FS_BASE 0xc0000100U
#define MSR_GS_BASE 0xc0000101U
/* WB, WT, UC-, UC, WP, WC, UC-, UC (SDM 12.12): the reset value but for entries 4 and 5. */
#define PAT_VALUE 0x0007010500070406ULL

#define GDT_ENTRIES 5U
#define TSS_LIMIT 0x67U

/* 64-bit task state segment (SDM figure 8-11). */
struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map;
} packed_struct;
_Static_assert(sizeof(struct tss) == TSS_LIMIT + 1, "TSS without I/O map");

struct desc_tables {
    uint64_t gdt[GDT_ENTRIES];
    struct tss tss;
} aligned_to(16);

struct table_pointer { uint16_t limit; uint64_t base; } packed_struct;

static struct desc_tables bsp_tables;
/* Until desc_prepare() gives the boot CPU guarded ones. */
static uint8_t bsp_ist_stack[IST_COUNT][PAGE_SIZE] aligned_to(16);

struct percpu percpu_bsp = { .self = &percpu_bsp, .arch = &bsp_tables };

/* All other CPUs' tables; a page could hold many, but they are few. */
static struct desc_tables other_tables[MAX_CPUS];

int desc_prepare(struct percpu *p)
{
    struct desc_tables *t = p->arch;
    uint64_t top[IST_COUNT];

    for (unsigned int i = 0; i < IST_COUNT; i++) {
        top[i] = (uint64_t)(uintptr_t)map_stack(2);
        if (top[i] == 0)
            return -ENOMEM;
    }
    if (t == NULL)
        t = &other_tables[p->id];
    for (unsigned int i = 0; i < IST_COUNT; i++)
        t->tss.ist[i] = top[i];
    p->arch = t;
    if (p->random_canary == 0)
        p->random_canary = (this_cpu()->random_canary ^ cpu_rdtsc() * 0x9e3779b97f4a7c15ULL) & ~0xffULL;
    return 0;
}

/* A TSS descriptor takes two entries (SDM figure 8-4). */
static void fill_gdt(struct desc_tables *t)
{
    uint64_t base = (uint64_t)(uintptr_t)&t->tss;

    t->gdt[0] = 0;
    t->gdt[SEL_CODE64 / 8] = 0x00af9b000000ffffULL;
    t->gdt[SEL_DATA / 8] = 0x00cf93000000ffffULL;
    t->gdt[SEL_TSS / 8] = TSS_LIMIT | (base & 0xffffff) << 16 | 0x89ULL << 40 |
                          (base >> 24 & 0xff) << 56;
    t->gdt[SEL_TSS / 8 + 1] = base >> 32;
    t->tss.io_map = TSS_LIMIT + 1;
}

void desc_load(struct percpu *p)
{
    struct desc_tables *t = p->arch;
    struct table_pointer gdtr = { sizeof(t->gdt) - 1, (uint64_t)(uintptr_t)t->gdt };
    struct table_pointer idtr = { IDT_SIZE - 1, desc_idt_base() };
    uint16_t tr = SEL_TSS;

    if (t == &bsp_tables && t->tss.ist[0] == 0)
        for (unsigned int i = 0; i < IST_COUNT; i++)
            t->tss.ist[i] = (uint64_t)(uintptr_t)bsp_ist_stack[i + 1];
    fill_gdt(t);
    __asm__ volatile("lgdt %0" :: "m"(gdtr) : "memory");
    desc_load_segments();
    cpu_wrmsr(MSR_GS_BASE, (uint64_t)(uintptr_t)p);
    __asm__ volatile("lidt %0" :: "m"(idtr) : "memory");
    __asm__ volatile("ltr %0" :: "m"(tr) : "memory");
}

uint64_t desc_gdt_base(const struct percpu *p)
{
    const struct desc_tables *t = p->arch;

    return (uint64_t)(uintptr_t)t->gdt;
}

uint64_t desc_tss_base(const struct percpu *p)
{
    const struct desc_tables *t = p->arch;

    return (uint64_t)(uintptr_t)&t->tss;
}

void desc_enable_features(void)
{
    uint32_t max_leaf = cpu_cpuid(0, 0).eax;
    uint32_t leaf1_ecx = cpu_cpuid(1, 0).ecx;
    struct cpuid_regs leaf7 = max_leaf >= 7 ? cpu_cpuid(7, 0) : (struct cpuid_regs){ 0, 0, 0, 0 };
    uint64_t cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;

    if (leaf1_ecx & BIT(26))
        cr4 |= CR4_OSXSAVE;
    if (leaf7.ebx & BIT(7))
        cr4 |= CR4_SMEP;
    if (leaf7.ebx & BIT(20))
        cr4 |= CR4_SMAP;
    if (leaf7.ecx & BIT(2))
        cr4 |= CR4_UMIP;
    cpu_write_cr0(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
    cpu_write_cr4(cr4);
    cpu_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) | EFER_NXE | EFER_SCE);
    cpu_wrmsr(MSR_PAT, PAT_VALUE);
}

/* What Debian's libraries were compiled to expect of user space: a canary at %fs:0x28. */
void desc_enable_library_canary(void)
{
    static uint64_t area[8];

    area[5] = this_cpu()->random_canary;
    cpu_wrmsr(MSR_FS_BASE, (uint64_t)(uintptr_t)area);
}
