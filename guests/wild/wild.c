/* SPDX-License-Identifier: BSD-2-Clause */
/* Page tables that no kernel would make, walked by the CPU and, for the pointers of hypercalls, by the hypervisor. */
#include "cpu.h"
#include "hypercall.h"

#define TABLES 8
#define SLOT_SIZE (1UL << 39)

static uint64_t *tables[TABLES], *prey;

/* Frames that nothing of ours depends on: the tables themselves, a page of noise, devices, holes, beyond any memory. */
static uint64_t random_frame(void)
{
    switch (random32() % 8) {
    case 0: return address(prey);
    case 1: return 0xfee00000;
    case 2: return 0xfec00000;
    case 3: return 0x180000000;
    case 4: return random64() & 0x000ffffffffff000;
    case 5: return 0x000ffffffffff000;
    default: return address(tables[random32() % TABLES]);
    }
}

/* A large page must not cover what the frame is a part of: only where nothing is. */
static uint64_t random_entry(void)
{
    uint64_t frame = random_frame(), flags = random64() & 0x800000000000007fUL;

    if (random32() % 4)
        flags |= 7;
    if (random32() % 8 == 0)
        return (0x180000000 + (random64() & 0x0000000fc0000000)) | flags | 0x80;
    if (random32() % 16 == 0)
        flags |= random64() & 0x7ff0000000000e00UL;
    return frame | flags;
}

static void make_tables(void)
{
    for (unsigned int t = 0; t < TABLES; t++)
        for (unsigned int i = 0; i < 512; i++)
            tables[t][i] = random_entry();
}

static uint64_t random_address(void)
{
    uint64_t a = (1 + random64() % 255) * SLOT_SIZE + (random64() & (SLOT_SIZE - 1));

    switch (random32() % 8) {
    case 0: return a | 0xffff800000000000;
    case 1: return a | 0xfff;
    case 2: return random64();
    default: return a;
    }
}

/* Loads, stores and hypercalls through them: a fault, a value or an error each, and on. */
static void touch(uint64_t a)
{
    /* Neither ours nor the identity map of the first 8 GiB. */
    if (a < SLOT_SIZE || a >= -4096UL)
        return;
    (void)try_read32(a);
    try_write32(a, 0);
    fault_forget();
    (void)xen_version(XENVER_extraversion, (void *)a);
    (void)xen_version(XENVER_get_features, (void *)a);
    (void)evtchn_op(EVTCHNOP_status, (void *)a);
    (void)memory_op(XENMEM_memory_map, (void *)a);
    (void)hypercall(__HYPERVISOR_multicall, a, 2, 0, 0, 0);
    (void)vcpu_op(VCPUOP_get_runstate_info, 0, (void *)a);
}

static void prepare(void)
{
    for (unsigned int t = 0; t < TABLES; t++)
        if (!tables[t])
            tables[t] = page_alloc();
    prey = page_alloc();
}

GUEST_TEST(wild_tables, "page tables of random entries fault, or map something, and harm nobody")
{
    unsigned int rounds = (unsigned int)command_line_number("rounds=", 2000);
    extern uint64_t page_pml4[];

    prepare();
    for (unsigned int i = 0; i < rounds; i++) {
        if (i % 64 == 0) {
            make_tables();
            for (unsigned int n = 1; n < 512; n++)
                page_pml4[n] = random_entry() & ~0x80UL;
            write_cr3(read_cr3());
        }
        touch(random_address());
    }
    memset(page_pml4 + 1, 0, 511 * 8);
    write_cr3(read_cr3());
    check_equal(xen_version(XENVER_version, NULL), 0x00040011);
}

GUEST_TEST(wild_registers, "arbitrary areas are registered, and the hypervisor's writes to them end nothing")
{
    unsigned int rounds = (unsigned int)command_line_number("rounds=", 2000);

    prepare();
    for (unsigned int i = 0; i < rounds / 8; i++) {
        uint64_t a = random32() % 2 ? random_address() : address(prey) + 4090 - random32() % 64;
        struct vcpu_register_runstate_memory_area r = { .addr.p = a };
        struct vcpu_register_time_memory_area t = { .addr.p = a };

        (void)vcpu_op(VCPUOP_register_runstate_memory_area, 0, &r);
        (void)vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &t);
        sched_op(SCHEDOP_yield, NULL);
    }
    (void)vcpu_op(VCPUOP_register_runstate_memory_area, 0, &(struct vcpu_register_runstate_memory_area){ .addr.p = 0 });
    (void)vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &(struct vcpu_register_time_memory_area){ .addr.p = 0 });
    check_equal(xen_version(XENVER_version, NULL), 0x00040011);
}

GUEST_TEST(wild_end, "page tables that lie where no memory is end the guest")
{
    write_cr3(0x7ffffff000);                    /* the end of what 39 address bits reach: every CPU has those */
}
