/* SPDX-License-Identifier: BSD-2-Clause */
#include "tsc_scale.h"

#include <hv/assert.h>

typedef unsigned __int128 u128;

/* mul / 2^32 * 2^shift nanoseconds per tick, mul in [2^31, 2^32). */
struct tsc_scale tsc_scale_of_khz(uint64_t khz)
{
    uint64_t ns = 1000000, ticks = khz;
    struct tsc_scale s = { 0, 0 };

    ASSERT(khz != 0 && khz <= 1ULL << 31);
    while (ticks > ns) {
        ns <<= 1;
        s.shift--;
    }
    while (ticks * 2 <= ns) {
        ticks <<= 1;
        s.shift++;
    }
    /* Now 1 <= ns / ticks < 2; half of that is the fraction. */
    s.mul = (uint32_t)((ns << 31) / ticks);
    s.shift++;
    return s;
}

uint64_t tsc_scale_to_ns(struct tsc_scale s, uint64_t ticks)
{
    ticks = s.shift >= 0 ? ticks << s.shift : ticks >> -s.shift;
    return (uint64_t)((u128)ticks * s.mul >> 32);
}

uint64_t tsc_of_ns(uint64_t khz, ns_t ns)
{
    uint64_t ms, rest, ticks;

    if (ns <= 0)
        return 0;
    ms = (uint64_t)ns / 1000000;
    rest = (uint64_t)ns % 1000000 * khz / 1000000;
    if (__builtin_mul_overflow(ms, khz, &ticks) || __builtin_add_overflow(ticks, rest, &ticks))
        return UINT64_MAX;
    return ticks;
}

uint64_t tsc_reaching_ns(struct tsc_scale s, uint64_t khz, ns_t ns)
{
    uint64_t ticks = tsc_of_ns(khz, ns);
    ns_t reached = (ns_t)tsc_scale_to_ns(s, ticks);

    /* Not for times that no machine sees: beyond 2^62 ns the conversion back overflows. */
    if (ns <= 0 || ns >= 1LL << 62 || reached >= ns)
        return ticks;
    ticks += tsc_of_ns(khz, ns - reached);
    while ((ns_t)tsc_scale_to_ns(s, ticks) < ns)
        ticks++;
    return ticks;
}

uint64_t tsc_khz_of_cpuid(uint32_t denominator, uint32_t numerator, uint32_t crystal_hz,
                          uint32_t base_mhz)
{
    if (denominator == 0 || numerator == 0)
        return 0;
    if (crystal_hz != 0)
        return (uint64_t)crystal_hz * numerator / denominator / 1000;
    return (uint64_t)base_mhz * 1000;
}

static unsigned int from_bcd(unsigned int v) { return (v >> 4) * 10 + (v & 0xf); }

/* Days since 1970-01-01 of a date of the Gregorian calendar; years count from March. */
static int64_t days_since_1970(unsigned int year, unsigned int month, unsigned int day)
{
    unsigned int y = month > 2 ? year : year - 1;
    unsigned int m = month > 2 ? month - 3 : month + 9;
    int64_t leap_days = y / 4 - y / 100 + y / 400;

    return (int64_t)y * 365 + leap_days + (153 * m + 2) / 5 + day - 1 - 719468;
}

int64_t rtc_to_unix(struct rtc_reading r)
{
    bool binary = r.status_b & 4, pm = r.hour & 0x80;
    unsigned int hour = binary ? r.hour & 0x7fU : from_bcd(r.hour & 0x7fU);
    unsigned int second = binary ? r.second : from_bcd(r.second);
    unsigned int minute = binary ? r.minute : from_bcd(r.minute);
    unsigned int day = binary ? r.day : from_bcd(r.day);
    unsigned int month = binary ? r.month : from_bcd(r.month);
    unsigned int year = binary ? r.year : from_bcd(r.year);
    unsigned int century = binary ? r.century : from_bcd(r.century);

    if (!(r.status_b & 2))
        hour = hour % 12 + (pm ? 12 : 0);
    if (second > 59 || minute > 59 || hour > 23 || day < 1 || day > 31 || month < 1 || month > 12 ||
        year > 99)
        return -1;
    if (century < 19 || century > 29)
        century = year < 70 ? 20 : 19;
    year += century * 100;
    return ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
}
