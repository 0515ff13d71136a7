/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The front door with random numbers, arguments and memory. The input is a series of calls: who
 * calls (dom0, its second vCPU, the guest), which hypercall, the argument registers (small numbers,
 * addresses inside the argument area, or anything), and bytes for the argument area. One world
 * serves many inputs, so state piles up between them.
 */
#include "world.h"

#include <mm/frames.h>
#include <stdlib.h>
#include <string.h>
#include <x86/softirq.h>
#include <xen/platform.h>
#include <xen/sched.h>
#include <xen/sysctl.h>
#include <xen/vcpu.h>

#define AREA 0x20000UL
#define AREA_SIZE 512U
#define CALLS_PER_WORLD 2000U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input { const uint8_t *at; size_t left; };

static uint64_t take(struct input *in, size_t n)
{
    uint64_t v = 0;

    n = n < in->left ? n : in->left;
    memcpy(&v, in->at, n);
    in->at += n;
    in->left -= n;
    return v;
}

static uint64_t argument(struct input *in)
{
    switch (take(in, 1) & 7) {
    case 0: return 0;
    case 1: case 2: return take(in, 1) & 0x3f;
    case 3: case 4: return AREA + (take(in, 1) & ~7UL);
    case 5: return take(in, 2);
    case 6: return WORLD_DOM0_RAM - (take(in, 1) & 0x3f);
    default: return take(in, 8);
    }
}

/* Tools' calls are refused at the first word unless the version is right: mostly it is. */
static void set_version(uint8_t *area, uint64_t nr)
{
    uint32_t version = nr == __HYPERVISOR_domctl ? XEN_DOMCTL_INTERFACE_VERSION :
                       nr == __HYPERVISOR_sysctl ? XEN_SYSCTL_INTERFACE_VERSION :
                       nr == __HYPERVISOR_platform_op ? XENPF_INTERFACE_VERSION : 0;

    if (version)
        memcpy(area + 4, &version, sizeof(version));
}

/* What would end the world: a domain that is gone cannot be fuzzed further. */
static bool ends_everything(uint64_t nr, const uint64_t args[6], const uint8_t *area)
{
    if (nr == __HYPERVISOR_sched_op)
        return args[0] == SCHEDOP_shutdown || args[0] == SCHEDOP_remote_shutdown;
    if (nr == __HYPERVISOR_vcpu_op)
        return args[0] == VCPUOP_down;
    /* A domain more costs memory that nothing gives back here. */
    return nr == __HYPERVISOR_domctl &&
           (area[0] == XEN_DOMCTL_createdomain || area[0] == XEN_DOMCTL_destroydomain);
}

static void one_call(struct input *in)
{
    static const uint8_t numbers[] = {
        7, 12, 13, 15, 17, 18, 20, 21, 24, 29, 32, 33, 34, 35, 36, 41
    };
    uint8_t area[AREA_SIZE] = { 0 };
    uint64_t who = take(in, 1), pick = take(in, 1), args[6];
    uint64_t nr = pick < 240 ? numbers[pick % sizeof(numbers)] : pick - 240;
    struct vcpu *v = who & 4 ? world.g0 : who & 8 ? world.v1 : world.v0;
    bool again = true;

    for (unsigned int i = 0; i < 5; i++)
        args[i] = argument(in);
    for (size_t i = 0, n = take(in, 1); i < n && in->left > 0; i++)
        area[i * 2 % AREA_SIZE] = (uint8_t)take(in, 1);
    set_version(area, nr);
    if (ends_everything(nr, args, area))
        return;
    /* The guest may have given the area away. */
    if (domain_write_phys(v->domain, gpa_of(AREA), area, sizeof(area)) != 0)
        return;
    world.bits32 = (who & 0x30) == 0x30;
    if (who & 1)
        softirq_raise(SOFTIRQ_TIMER);
    for (unsigned int i = 0; again && i < 64; i++)
        (void)world_call_once(v, nr, args, &again);
    this_cpu()->softirq_pending = 0;
    for (uint32_t i = 0; i < 2; i++)
        sched_wake(&world.dom0->vcpu[i]->sched);
    sched_wake(&world.g0->sched);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned int calls;
    static bool set_up;
    struct input in = { data, size };

    if (!set_up)
        (void)world_setup(NULL);
    set_up = true;
    world.ticking = true;
    while (in.left > 0) {
        one_call(&in);
        calls++;
    }
    if (calls > CALLS_PER_WORLD || world.dom0->shut_down || world.guest->shut_down) {
        (void)world_teardown(NULL);
        set_up = false;
        calls = 0;
    }
    return 0;
}
