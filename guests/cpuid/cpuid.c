/* SPDX-License-Identifier: BSD-2-Clause */
/* What CPUID shows: the Xen leaves (xen/arch-x86/cpuid.h) and the features that must not be there. */
#include "apic.h"
#include "cpu.h"

#include <xen/arch-x86/cpuid.h>

#define BIT(n) (1U << (n))

GUEST_TEST(cpuid_xen_leaves, "the leaves at 0x40000000 are those of Xen 4.17")
{
    struct cpuid c = cpuid(0x40000000, 0);

    check(c.eax >= 0x40000004 && c.eax <= 0x400000ff);
    check_equal(c.ebx, XEN_CPUID_SIGNATURE_EBX);
    check_equal(c.ecx, XEN_CPUID_SIGNATURE_ECX);
    check_equal(c.edx, XEN_CPUID_SIGNATURE_EDX);
    check_equal(cpuid(0x40000001, 0).eax, 0x00040011);
    c = cpuid(0x40000002, 0);
    check_equal(c.eax, 1);
    check_equal(c.ebx, MSR_HYPERCALL_PAGE);
    c = cpuid(0x40000004, 0);
    check(c.eax & XEN_HVM_CPUID_VCPU_ID_PRESENT);
    check(c.eax & XEN_HVM_CPUID_DOMID_PRESENT);
    check(c.eax & XEN_HVM_CPUID_UPCALL_VECTOR);
    check_equal(c.ebx, 0);
    check_equal(c.ecx, 0);
}

GUEST_TEST(cpuid_hidden, "what Tenon does not virtualise is not shown")
{
    struct cpuid c = cpuid(1, 0);

    check(c.ecx & BIT(31));                 /* a hypervisor */
    check(!(c.ecx & BIT(5)));               /* VMX */
    check(!(c.ecx & BIT(6)));               /* SMX */
    check(!(c.ecx & BIT(3)));               /* MONITOR */
    check(!(c.ecx & BIT(15)));              /* PDCM */
    check(c.ecx & BIT(21));                 /* x2APIC */
    check(c.edx & BIT(9));                  /* APIC */
    check(!(c.edx & BIT(21)));              /* debug store */
    check(!(c.edx & BIT(22)));              /* thermal monitor MSRs */
    c = cpuid(7, 0);
    check(!(c.ebx & BIT(2)));               /* SGX */
    check(!(c.ebx & BIT(4)));               /* HLE */
    check(!(c.ebx & BIT(11)));              /* RTM */
    check(!(c.ebx & BIT(14)));              /* MPX */
    check(!(c.ebx & BIT(25)));              /* PT */
    check(!(c.ecx & (BIT(3) | BIT(4))));    /* PKU */
    check(!(c.ecx & BIT(7)));               /* CET SS */
    check_equal(cpuid(0xa, 0).eax, 0);      /* performance counters */
    check_equal(cpuid(6, 0).eax, 0);        /* thermal and power management */
    check_equal(cpuid(5, 0).eax, 0);        /* MONITOR */
}

GUEST_TEST(cpuid_apic_ids, "the APIC id is twice the vCPU's number everywhere it is shown")
{
    check_equal(cpuid(1, 0).ebx >> 24, 0);
    check_equal(cpuid(0xb, 0).edx, 0);
    check_equal(apic_read(APIC_ID) >> (apic_is_x2() ? 0 : 24), 0);
}

GUEST_TEST(cpuid_out_of_range, "leaves beyond the last are answered without harm, and leaf 1's OSXSAVE follows CR4")
{
    static const uint32_t leaves[] = { 0x20, 0x1000, 0x3fffffff, 0x40000100, 0x4fffffff, 0x80000100, 0x8fffffff,
                                       0xc0000000, 0xffffffff };

    for (unsigned int i = 0; i < ARRAY_COUNT(leaves); i++)
        for (uint32_t sub = 0; sub < 3; sub++)
            (void)cpuid(leaves[i], sub == 2 ? ~0U : sub);
    check(!(cpuid(1, 0).ecx & BIT(27)));
    if (!(cpuid(1, 0).ecx & BIT(26)))
        return;
    try_write_cr4(read_cr4() | CR4_OSXSAVE);
    check_fault(NO_FAULT, 0);
    check(cpuid(1, 0).ecx & BIT(27));
    try_write_cr4(read_cr4() & ~CR4_OSXSAVE);
    check(!(cpuid(1, 0).ecx & BIT(27)));
}

/* Brand string, maximum leaves, address width. */
GUEST_TEST(cpuid_basics, "vendor, maximum leaves and address widths make sense")
{
    struct cpuid c = cpuid(0, 0);

    check(c.ebx == 0x756e6547 || cpu_is_amd());         /* Genu */
    check(c.eax >= 0xd);
    c = cpuid(0x80000000, 0);
    check(c.eax >= 0x80000008 && c.eax < 0x80000100);
    c = cpuid(0x80000008, 0);
    check((c.eax & 0xff) >= 36 && (c.eax & 0xff) <= 52);
    check_equal(c.eax >> 8 & 0xff, 48);
    c = cpuid(0x80000001, 0);
    check(c.edx & BIT(29));                 /* long mode */
    check(c.edx & BIT(20));                 /* NX */
}
