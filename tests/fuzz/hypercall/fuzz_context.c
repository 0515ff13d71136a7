/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A saved domain that somebody has changed: the records of a guest with all devices, with bytes replaced, records cut, moved and
 * repeated as the input says, are loaded; the guest's timers and interrupts go on from there; and what is saved then
 * can be loaded.
 */
#include "exits.h"

#include "fake.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>
#include <x86/softirq.h>
#include <x86/time.h>
#include <xen/hvm/save.h>

#define CHECK(x) do { if (!(x)) abort(); } while (0)
#define AREA 0x400000UL
#define AREA_SIZE 16384U
#define INPUTS_PER_WORLD 500U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t good[AREA_SIZE], bad[AREA_SIZE];
static uint32_t good_size;

static int64_t context(uint32_t cmd, uint32_t *size)
{
    struct xen_domctl d = { .cmd = cmd, .interface_version = XEN_DOMCTL_INTERFACE_VERSION, .domain = 1 };
    int64_t rc;

    d.u.hvmcontext.size = *size;
    d.u.hvmcontext.buffer.p = (void *)AREA;
    rc = CTL(__HYPERVISOR_domctl, &d);
    *size = d.u.hvmcontext.size;
    return rc;
}

static void begin(void)
{
    CHECK(world_setup(NULL) == 0);
    world.ticking = true;                  /* nobody counts fetches */
    world.guest->config.arch.emulation_flags = XEN_X86_EMU_ALL & ~XEN_X86_EMU_VPCI;
    CHECK(domain_make_platform(world.guest) == 0);
    good_size = AREA_SIZE;
    CHECK(context(XEN_DOMCTL_gethvmcontext, &good_size) == 0 && good_size <= AREA_SIZE);
    world_get(world.dom0, AREA, good, good_size);
}

/* Three bytes of input each: where, and what to put there; 0xffff moves a part of the records elsewhere. */
static uint32_t mutate(const uint8_t *data, size_t size)
{
    uint32_t length = good_size;

    memcpy(bad, good, sizeof(bad));
    for (; size >= 3; data += 3, size -= 3) {
        uint32_t where = data[0] | (uint32_t)data[1] << 8;

        if (where == 0xffff && size >= 6) {
            uint32_t from = (data[3] | (uint32_t)data[4] << 8) % good_size, n = 8U * data[5];

            memmove(bad + data[2] * 16U % good_size, bad + from, from + n <= good_size ? n : good_size - from);
            data += 3;
            size -= 3;
        } else if (where == 0xfffe) {
            length = good_size - data[2] % good_size;
        } else {
            bad[where % good_size] = data[2];
        }
    }
    return length;
}

/* Interrupts are looked for and timers fire. */
static void go_on(void)
{
    struct vcpu *v = world.g0;
    uint32_t value;

    if (this_cpu()->current)
        vcpu_unload(this_cpu()->current);
    vcpu_load(v);
    vcpu_settle(v);
    v->hw.event.valid = false;
    for (unsigned int i = 0; i < 4; i++) {
        fake_time_advance(NS_PER_MS * 7);
        softirq_raise(SOFTIRQ_TIMER);
        softirq_run();
        if (vlapic_pending(&v->lapic) >= 0)
            vlapic_accept(&v->lapic, (uint8_t)vlapic_pending(&v->lapic));
        if (vcpu_wants_extint(v))
            (void)vcpu_take_extint(v);
        platform_settle(world.guest);
        for (uint16_t reg = 0; reg < 0x400; reg += 16)
            (void)vlapic_read(&v->lapic, reg, time_now(), &value);
        domain_ioapic_eoi(world.guest, (uint8_t)value);
    }
    this_cpu()->softirq_pending = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned int inputs;
    static bool set_up;
    uint32_t length;

    if (!set_up)
        begin();
    set_up = true;
    length = mutate(data, size);
    world_put_at(world.dom0, AREA, bad, sizeof(bad));
    (void)context(XEN_DOMCTL_sethvmcontext, &length);
    go_on();
    length = AREA_SIZE;
    CHECK(context(XEN_DOMCTL_gethvmcontext, &length) == 0);
    CHECK(context(XEN_DOMCTL_sethvmcontext, &length) == 0);
    CHECK(!world.dom0->shut_down);
    if (world.guest->shut_down || ++inputs % INPUTS_PER_WORLD == 0) {
        (void)world_teardown(NULL);
        set_up = false;
    }
    return 0;
}
