/* SPDX-License-Identifier: BSD-2-Clause */
/* MSRs: those a Linux needs, those that must be #GP, and none that ends anything. */
#include "cpu.h"

static void reads(uint32_t msr)
{
    struct fault f;

    (void)try_rdmsr(msr);
    f = fault_take();
    if (f.vector != NO_FAULT)
        fail("RDMSR 0x%x: vector %d", msr, f.vector);
}

static void refuses_read(uint32_t msr)
{
    struct fault f;

    (void)try_rdmsr(msr);
    f = fault_take();
    if (f.vector != GP || f.error != 0)
        fail("RDMSR 0x%x is not #GP(0) but vector %d, error %u", msr, f.vector, f.error);
}

static void refuses_write(uint32_t msr, uint64_t value)
{
    struct fault f;

    try_wrmsr(msr, value);
    f = fault_take();
    if (f.vector != GP || f.error != 0)
        fail("WRMSR 0x%x = 0x%lx is not #GP(0) but vector %d, error %u", msr, value, f.vector, f.error);
}

static void keeps(uint32_t msr, uint64_t value)
{
    uint64_t before = try_rdmsr(msr), after;
    struct fault f;

    try_wrmsr(msr, value);
    after = try_rdmsr(msr);
    f = fault_take();
    if (f.vector != NO_FAULT)
        fail("MSR 0x%x = 0x%lx: vector %d", msr, value, f.vector);
    else if (after != value)
        fail("MSR 0x%x: wrote 0x%lx, read 0x%lx", msr, value, after);
    try_wrmsr(msr, before);
    fault_forget();
}

GUEST_TEST(msr_present, "MSRs that Linux reads without being ready for #GP can be read")
{
    static const uint32_t there[] = { 0x10, 0x17, 0x1b, 0x2a, 0x3a, 0x8b, 0xce, 0xfe, 0x174, 0x175, 0x176, 0x179, 0x17a,
        0x198, 0x199, 0x1a0, 0x1d9, 0x200, 0x201, 0x250, 0x258, 0x259, 0x268, 0x26f, 0x277, 0x2ff, 0x6e0, 0x40000000,
        0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103 };

    for (unsigned int i = 0; i < ARRAY_COUNT(there); i++)
        reads(there[i]);
}

GUEST_TEST(msr_absent, "MSRs of features that are hidden are #GP")
{
    static const uint32_t absent[] = { 0x0, 0x1f, 0x49, 0x10b, 0x38d, 0x38f, 0x390, 0x3f1, 0x480, 0x481, 0x48b, 0x491, 0x560,
        0x570, 0x600, 0x606, 0x611, 0x6a0, 0x6a2, 0x770, 0xd90, 0xc80, 0x4b564d00, 0x40000001, 0x40000020, 0xc0000085,
        0xc0000104, 0xc0010015, 0xc0010114, 0xffffffff, 0x1000, 0x2000, 0x1fff, 0xc0002000, 0xbfffffff };

    for (unsigned int i = 0; i < ARRAY_COUNT(absent); i++) {
        if (absent[i] == 0xc0010015 && cpu_is_amd())    /* HWCR */
            continue;
        refuses_read(absent[i]);
        if (absent[i] != 0x49 && absent[i] != 0x10b)
            refuses_write(absent[i], 0);
    }
}

GUEST_TEST(msr_every_one, "every MSR of the ranges that CPUs use is read without anything but a value or #GP(0)")
{
    static const struct { uint32_t first, last; } range[] = { { 0, 0x1fff }, { 0xc0000000, 0xc0001fff },
        { 0x40000000, 0x400000ff }, { 0xc0010000, 0xc00103ff } };
    unsigned int there = 0;

    for (unsigned int r = 0; r < ARRAY_COUNT(range); r++)
        for (uint32_t msr = range[r].first; msr <= range[r].last; msr++) {
            struct fault f;

            (void)try_rdmsr(msr);
            f = fault_take();
            if (f.vector == NO_FAULT)
                there++;
            else if (f.vector != GP || f.error != 0)
                fail("RDMSR 0x%x: vector %d, error %u", msr, f.vector, f.error);
        }
    print("guest:   %u MSRs can be read\n", there);
    check(there > 40 && there < 300);
}

/* Values with bits everywhere; what is accepted is put back. Not those that would take the machine away from the test. */
GUEST_TEST(msr_every_write, "arbitrary values written to every MSR are taken or #GP(0)")
{
    for (uint32_t msr = 0x11; msr < 0xd00; msr++) {
        uint64_t before;
        struct fault f;

        if (msr == 0x1b || msr == 0x1d9 || (msr >= 0x800 && msr <= 0x8ff))
            continue;
        before = try_rdmsr(msr);
        f = fault_take();
        for (int i = 0; i < 3; i++) {
            struct fault w;

            try_wrmsr(msr, i == 0 ? 0 : i == 1 ? ~0UL : random64());
            w = fault_take();
            if (w.vector != NO_FAULT && (w.vector != GP || w.error != 0))
                fail("WRMSR 0x%x: vector %d, error %u", msr, w.vector, w.error);
        }
        if (f.vector == NO_FAULT)
            try_wrmsr(msr, before);
        fault_forget();
    }
}

GUEST_TEST(msr_efer, "EFER keeps NXE and SCE, and refuses what is reserved or would leave long mode")
{
    uint64_t efer = rdmsr(MSR_EFER);

    check_equal(efer & 0xd01, 0xd01);
    refuses_write(MSR_EFER, efer | 0x2);
    refuses_write(MSR_EFER, efer | 1UL << 40);
    refuses_write(MSR_EFER, efer & ~0x100UL);           /* LME with paging on */
    refuses_write(MSR_EFER, efer | 1UL << 12);          /* SVME */
    try_wrmsr(MSR_EFER, efer & ~0x1UL);
    check_fault(NO_FAULT, 0);
    check_equal(rdmsr(MSR_EFER), efer & ~0x1UL);
    wrmsr(MSR_EFER, efer);
    check_equal(rdmsr(MSR_EFER), efer);
}

GUEST_TEST(msr_keep_values, "registers of the guest keep what is written, and refuse what is not canonical or reserved")
{
    keeps(0x174, 0x10);
    keeps(0x175, 0xffff800000001000);
    keeps(0x176, 0xffff800000002000);
    keeps(0xc0000081, 0x0023001000000000);
    keeps(0xc0000082, 0xffffffff81000000);
    keeps(0xc0000083, 0xffffffff81000100);
    keeps(0xc0000084, 0x47700);
    keeps(0xc0000100, 0x123456789000);
    keeps(0xc0000102, 0xffff888000000000);
    keeps(0xc0000103, 0x1234);
    keeps(0x277, 0x0407050600070106);
    refuses_write(0xc0000082, 0x0000800000000000);
    refuses_write(0xc0000100, 0x1234567890123456);
    refuses_write(0xc0000102, 0x8000000000000000);
    refuses_write(0x277, 0x02);                         /* PAT type 2 does not exist */
    refuses_write(0x277, 0x0807050600070106);
    refuses_write(0x1b, ~0UL);
    refuses_write(0x40000000, 1);                       /* hypercall page: index other than 0 */
}

/* The instruction sequence of an entry: mov $nr, %eax; vmcall; ret. */
GUEST_TEST(msr_hypercall_page, "the hypercall page is written where the MSR says, and calls through it work")
{
    uint8_t *page = page_alloc();
    int64_t (*version)(uint64_t, const void *);

    wrmsr(MSR_HYPERCALL_PAGE, (uint64_t)(uintptr_t)page);
    if (!check_equal(page[17 * 32], 0xb8))
        return;
    version = (int64_t (*)(uint64_t, const void *))(uintptr_t)(page + 17 * 32);
    check_equal(version(0, NULL), 0x00040011);
    /* No RAM there: #GP. */
    refuses_write(MSR_HYPERCALL_PAGE, 0xfee00000);
    refuses_write(MSR_HYPERCALL_PAGE, 0x7ffffffff000);
}

/* Not those that this code lives by: EFER, the bases of FS and GS, where the hypercall page goes. */
static bool is_ours(uint32_t msr)
{
    return msr == 0x40000000 || msr == MSR_EFER || (msr >= 0xc0000100 && msr <= 0xc0000102);
}

GUEST_TEST(msr_ranges, "the ranges of all vendors and hypervisors: read, or written with any value, or #GP(0)")
{
    static const struct { uint32_t first, last; } ranges[] = { { 0xd00, 0x1fff }, { 0x40000000, 0x400001ff },
        { 0x4b564d00, 0x4b564d0f }, { 0x80000000, 0x8000003f }, { 0xc0000000, 0xc0000fff }, { 0xc0010000, 0xc0011fff },
        { 0xfffffff0, 0xffffffff } };

    for (unsigned int i = 0; i < ARRAY_COUNT(ranges); i++)
        for (uint64_t n = ranges[i].first; n <= ranges[i].last; n++) {
            uint32_t msr = (uint32_t)n;
            uint64_t before = try_rdmsr(msr);
            struct fault f = fault_take(), w;

            if ((f.vector != NO_FAULT && f.vector != GP) || is_ours(msr))
                continue;
            try_wrmsr(msr, random64());
            w = fault_take();
            if (w.vector != NO_FAULT && (w.vector != GP || w.error != 0))
                fail("WRMSR 0x%x: vector %d, error %u", msr, w.vector, w.error);
            if (f.vector == NO_FAULT)
                try_wrmsr(msr, before);
            fault_forget();
        }
}
