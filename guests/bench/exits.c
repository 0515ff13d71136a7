/* SPDX-License-Identifier: BSD-2-Clause */
/* Single instructions that make an exit, or would without hardware's help. */
#include "apic.h"
#include "bench.h"

GUEST_TEST(bench_cpu, "CPUID, a hypercall, CR8 and MSRs were timed")
{
    volatile uint64_t sink;

    BENCH("cpuid", 500, (void)cpuid(0, 0));
    BENCH("cpuid-xen", 500, (void)cpuid(0x40000000, 0));
    BENCH("xen-version", 500, xen_version(XENVER_version, NULL));
    BENCH("cr8-read", 500, sink = read_cr8());
    BENCH("cr8-write", 500, write_cr8(0));
    BENCH("rdmsr-apic-base", 500, sink = rdmsr(MSR_APIC_BASE));
    (void)sink;
}
