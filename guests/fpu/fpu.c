/* SPDX-License-Identifier: BSD-2-Clause */
/* Vector registers and XCR0. */
#include "apic.h"
#include "cpu.h"
#include "hypercall.h"

#define VECTOR 0x43
#define XCR0_AVX 0x7
#define XCR0_AVX512 0xe7

static volatile unsigned int ticks;
static bool xcr0_set;

static void tick(struct trap_frame *f unused_arg)
{
    ticks++;
    apic_eoi();
}

static void try_xsetbv(uint32_t index, uint64_t v)
{
    __asm__ volatile(PROBE("xsetbv") : : "a"((uint32_t)v), "d"((uint32_t)(v >> 32)), "c"(index) : "memory");
}

static uint64_t xgetbv(void)
{
    uint32_t lo, hi;

    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return lo | (uint64_t)hi << 32;
}

static bool begin(void)
{
    if (!(cpuid(1, 0).ecx & 1U << 28)) {
        skip("no AVX");
        return false;
    }
    check_equal(read_cr4() & CR4_OSXSAVE, xcr0_set ? CR4_OSXSAVE : 0);
    try_write_cr4(read_cr4() | CR4_OSXSAVE);
    check_fault(NO_FAULT, 0);
    if (!xcr0_set)
        check_equal(xgetbv(), 1);
    xcr0_set = true;
    try_xsetbv(0, 1);
    check_fault(NO_FAULT, 0);
    return true;
}

GUEST_TEST(fpu_xcr0, "XCR0 takes what the CPU has and refuses what makes no sense")
{
    static const uint64_t bad[] = { 0, 2, 5, 4, 0x9, 0x47, 0x200 | 7, 0x8000000000000007, 1UL << 62 | 7 };

    if (!begin())
        return;
    check_equal(xgetbv(), 1);
    for (unsigned int i = 0; i < ARRAY_COUNT(bad); i++) {
        try_xsetbv(0, bad[i]);
        check_fault(GP, 0);
    }
    try_xsetbv(1, 1);
    check_fault(GP, 0);
    check_equal(xgetbv(), 1);
    try_xsetbv(0, XCR0_AVX);
    check_fault(NO_FAULT, 0);
    check_equal(xgetbv(), XCR0_AVX);
    check_equal(cpuid(0xd, 0).ebx, 832);
    try_xsetbv(0, 1);
    check_equal(cpuid(0xd, 0).ebx, 576);
}

/* What happens while the registers must stay: exits, a sleep, interrupts. */
static void events(void)
{
    (void)cpuid(0, 0);
    (void)hypercall(__HYPERVISOR_xen_version, 0, 0, 0, 0, 0);
    ticks = 0;
    wrmsr(MSR_TSC_DEADLINE, rdtsc() + 300000);
    while (ticks == 0)
        irq_on_halt_off();
    /* The console runs code of the hypervisor that copies memory. */
    print("guest:   vector registers wait\n");
}

static void keep(bool wide)
{
    static uint8_t in[4][64] __attribute__((aligned(64))), out[4][64] __attribute__((aligned(64)));
    size_t size = wide ? 64 : 32;

    irq_set(VECTOR, tick);
    apic_start(true);
    apic_write(APIC_LVTT, VECTOR | LVT_DEADLINE);
    for (unsigned int i = 0; i < sizeof(in); i++)
        in[i / 64][i % 64] = (uint8_t)random32();
    if (wide)
        __asm__ volatile("vmovdqu64 (%0), %%zmm0; vmovdqu64 64(%0), %%zmm7; vmovdqu64 128(%0), %%zmm15; vmovdqu64 192(%0), %%zmm31"
                         : : "r"(in) : "memory");
    else
        __asm__ volatile("vmovdqu (%0), %%ymm0; vmovdqu 64(%0), %%ymm7; vmovdqu 128(%0), %%ymm14; vmovdqu 192(%0), %%ymm15"
                         : : "r"(in) : "memory");
    events();
    if (wide)
        __asm__ volatile("vmovdqu64 %%zmm0, (%0); vmovdqu64 %%zmm7, 64(%0); vmovdqu64 %%zmm15, 128(%0); vmovdqu64 %%zmm31, 192(%0)"
                         : : "r"(out) : "memory");
    else
        __asm__ volatile("vmovdqu %%ymm0, (%0); vmovdqu %%ymm7, 64(%0); vmovdqu %%ymm14, 128(%0); vmovdqu %%ymm15, 192(%0)"
                         : : "r"(out) : "memory");
    for (unsigned int i = 0; i < 4; i++)
        check_equal(memcmp(in[i], out[i], size), 0);
    apic_write(APIC_LVTT, LVT_MASKED);
}

GUEST_TEST(fpu_avx, "AVX registers keep their values over exits, sleep and interrupts")
{
    if (!begin())
        return;
    try_xsetbv(0, XCR0_AVX);
    check_fault(NO_FAULT, 0);
    keep(false);
}

GUEST_TEST(fpu_avx512, "AVX-512 registers too")
{
    if (!begin())
        return;
    if ((cpuid(0xd, 0).eax & 0xe0) != 0xe0) {
        skip("no AVX-512");
        return;
    }
    try_xsetbv(0, XCR0_AVX512);
    check_fault(NO_FAULT, 0);
    keep(true);
}
