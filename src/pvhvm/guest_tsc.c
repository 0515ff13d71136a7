/* SPDX-License-Identifier: BSD-2-Clause */
#include <pvhvm/guest_tsc.h>

#include <hv/compiler.h>
#include <hv/errno.h>

#define SAME_RATE 10000U               /* one part in so many */
#define RATIO_MAX (1ULL << 40)         /* APM: eight bits of integer */

static uint64_t scale(uint64_t ticks, uint64_t ratio)
{
    return (uint64_t)((unsigned __int128)ticks * ratio >> 32);
}

/* a / b, 32.32. */
static uint64_t ratio_of(uint32_t a, uint32_t b)
{
    return ((uint64_t)(a / b) << 32) + ((uint64_t)(a % b) << 32) / b;
}

void guest_tsc_init(struct guest_tsc *t, uint32_t host_khz)
{
    *t = (struct guest_tsc){ .ratio = GUEST_TSC_ONE, .khz = host_khz };
}

static bool is_same_rate(uint32_t a, uint32_t b)
{
    return (a > b ? a - b : b - a) <= b / SAME_RATE;
}

int guest_tsc_set_mode(struct guest_tsc *t, uint32_t mode, uint32_t khz, uint32_t host_khz, bool can_scale)
{
    uint64_t ratio = GUEST_TSC_ONE;

    if (mode > GUEST_TSC_NATIVE)
        return -EINVAL;
    if (khz == 0)
        khz = host_khz;
    if (mode != GUEST_TSC_NATIVE && !is_same_rate(khz, host_khz))
        ratio = ratio_of(khz, host_khz);
    if (ratio == 0 || ratio >= RATIO_MAX)
        return -EINVAL;
    t->mode = mode;
    t->khz = khz;
    t->ratio = ratio;
    t->emulated = mode == GUEST_TSC_EMULATE || (ratio != GUEST_TSC_ONE && !can_scale);
    guest_tsc_set(t, t->guest, t->host);
    return 0;
}

void guest_tsc_set(struct guest_tsc *t, uint64_t guest, uint64_t host)
{
    t->guest = guest;
    t->host = host;
    t->offset = guest - scale(host, t->ratio);
}

uint64_t guest_tsc_at(const struct guest_tsc *t, uint64_t host)
{
    return scale(host, t->ratio) + t->offset;
}

uint64_t guest_tsc_until(const struct guest_tsc *t, uint64_t guest, uint64_t host_now, uint32_t host_khz)
{
    uint64_t now = guest_tsc_at(t, host_now);

    if (guest <= now)
        return 0;
    if (t->ratio == GUEST_TSC_ONE)
        return guest - now;
    /* Rounded up: the guest is to find that its time has come. */
    return scale(guest - now, ratio_of(host_khz, t->khz)) + 1;
}
