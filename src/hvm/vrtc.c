/* SPDX-License-Identifier: BSD-2-Clause */
#include <hvm/vrtc.h>

#include <hv/compiler.h>
#include <hv/errno.h>
#include <lib/string.h>

enum { SECONDS, SECONDS_ALARM, MINUTES, MINUTES_ALARM, HOURS, HOURS_ALARM, WEEKDAY, DAY, MONTH, YEAR, REG_A, REG_B,
       REG_C, REG_D };
#define OFFSET_MAX 100000000000LL    /* seconds: three thousand years, which the calendar still counts */
#define A_UIP 0x80U
#define A_RATE 0x0fU
#define A_DIVIDER 0x70U
#define A_RUNS 0x20U                /* the divider setting of a 32.768 kHz crystal */
#define B_SET 0x80U
#define B_PIE 0x40U
#define B_AIE 0x20U
#define B_UIE 0x10U
#define B_BINARY 0x04U
#define B_24H 0x02U
#define C_IRQF 0x80U
#define C_PF 0x40U
#define C_AF 0x20U
#define C_UF 0x10U
#define D_VALID 0x80U
#define PM 0x80U
#define ALARM_ANY 0xc0U
#define NS_PER_SECOND 1000000000LL
#define CRYSTAL_HZ 32768ULL
#define UIP_NS (244000LL + 1984000LL)   /* before a new second: warning and update (data sheet, update cycle) */
#define SECONDS_PER_DAY 86400LL

/* ---- calendar: years begin in March, so that a leap day is the last ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int64_t civil_to_days(struct civil c)
{
    int64_t y = c.month <= 2 ? c.year - 1 : c.year, era = floor_div(y, 400), of_era = y - era * 400;
    int64_t month = (c.month + 9) % 12, of_year = (153 * month + 2) / 5 + c.day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct civil civil_from_days(int64_t days)
{
    int64_t z = days + 719468, era = floor_div(z, 146097), of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
    struct civil c = { .day = (unsigned int)(of_year - (153 * month + 2) / 5 + 1),
                       .month = (unsigned int)(month < 10 ? month + 3 : month - 9) };

    c.year = year + era * 400 + (c.month <= 2);
    return c;
}

/* ---- the registers' forms ---- */

static uint8_t to_register(const struct vrtc *r, unsigned int n)
{
    return (uint8_t)(r->hw.cmos_data[REG_B] & B_BINARY ? n : (n / 10) << 4 | n % 10);
}

static unsigned int from_register(const struct vrtc *r, uint8_t v)
{
    return r->hw.cmos_data[REG_B] & B_BINARY ? v : (v >> 4) * 10U + (v & 0xfU);
}

static uint8_t hour_to_register(const struct vrtc *r, unsigned int hour)
{
    if (r->hw.cmos_data[REG_B] & B_24H)
        return to_register(r, hour);
    return (uint8_t)(to_register(r, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? PM : 0));
}

static unsigned int hour_from_register(const struct vrtc *r, uint8_t v)
{
    if (r->hw.cmos_data[REG_B] & B_24H)
        return from_register(r, v);
    return from_register(r, v & (uint8_t)~PM) % 12 + (v & PM ? 12 : 0);
}

static int64_t guest_seconds(const struct vrtc *r, ns_t now)
{
    return r->epoch + r->hw.rtc_offset + floor_div(now, NS_PER_SECOND);
}

static void time_to_registers(struct vrtc *r, ns_t now)
{
    int64_t t = guest_seconds(r, now), days = floor_div(t, SECONDS_PER_DAY);
    unsigned int s = (unsigned int)(t - days * SECONDS_PER_DAY);
    struct civil c = civil_from_days(days);
    uint8_t *m = r->hw.cmos_data;

    m[SECONDS] = to_register(r, s % 60);
    m[MINUTES] = to_register(r, s / 60 % 60);
    m[HOURS] = hour_to_register(r, s / 3600);
    m[WEEKDAY] = to_register(r, (unsigned int)((days + 4) - floor_div(days + 4, 7) * 7) + 1);   /* 1970 began on a Thursday */
    m[DAY] = to_register(r, c.day);
    m[MONTH] = to_register(r, c.month);
    m[YEAR] = to_register(r, (unsigned int)(c.year - floor_div(c.year, 100) * 100));
}

/* What the guest wrote, taken as of now; the century is that of the years 1970 to 2069. */
static void registers_to_time(struct vrtc *r, ns_t now)
{
    const uint8_t *m = r->hw.cmos_data;
    unsigned int year = from_register(r, m[YEAR]), month = from_register(r, m[MONTH]);
    struct civil c = { .year = year < 70 ? 2000 + year : 1900 + year, .month = month >= 1 && month <= 12 ? month : 1,
                       .day = from_register(r, m[DAY]) };
    int64_t t = civil_to_days(c) * SECONDS_PER_DAY + hour_from_register(r, m[HOURS]) * 3600 +
                from_register(r, m[MINUTES]) * 60 + from_register(r, m[SECONDS]);

    r->hw.rtc_offset += t - guest_seconds(r, now);
}

static bool is_set_mode(const struct vrtc *r) { return r->hw.cmos_data[REG_B] & B_SET; }
static bool runs(const struct vrtc *r) { return (r->hw.cmos_data[REG_A] & A_DIVIDER) == A_RUNS && !is_set_mode(r); }

/* ---- interrupts ---- */

/* 0: off. Rates 1 and 2 are those of 8 and 9 (data sheet, table 5). */
static ns_t period_of(const struct vrtc *r)
{
    unsigned int rate = r->hw.cmos_data[REG_A] & A_RATE;

    if (rate == 0 || (r->hw.cmos_data[REG_A] & A_DIVIDER) != A_RUNS)
        return 0;
    if (rate < 3)
        rate += 7;
    return (ns_t)((1ULL << (rate - 1)) * (uint64_t)NS_PER_SECOND / CRYSTAL_HZ);
}

static ns_t next_multiple(ns_t now, ns_t unit)
{
    return (floor_div(now, unit) + 1) * unit;
}

static void schedule(struct vrtc *r, ns_t now)
{
    uint8_t b = r->hw.cmos_data[REG_B];
    ns_t period = period_of(r), next = NS_NEVER;

    if ((b & B_PIE) && period)
        next = next_multiple(now, period);
    if ((b & (B_UIE | B_AIE)) && runs(r))
        next = min_of(next, next_multiple(now, NS_PER_SECOND));
    r->next = next;
}

static bool alarm_field_matches(uint8_t alarm, uint8_t time)
{
    return (alarm & ALARM_ANY) == ALARM_ANY || alarm == time;
}

/* Was a second in (since, now] the alarm's? Whole hours and minutes that are not are stepped over. */
static bool alarm_between(const struct vrtc *r, ns_t since, ns_t now)
{
    const uint8_t *m = r->hw.cmos_data;
    int64_t last = guest_seconds(r, now), t = guest_seconds(r, since) + 1;

    if (last - t >= SECONDS_PER_DAY)
        t = last - SECONDS_PER_DAY + 1;
    while (t <= last) {
        unsigned int s = (unsigned int)(t - floor_div(t, SECONDS_PER_DAY) * SECONDS_PER_DAY);

        if (!alarm_field_matches(m[HOURS_ALARM], hour_to_register(r, s / 3600)))
            t += 3600 - s % 3600;
        else if (!alarm_field_matches(m[MINUTES_ALARM], to_register(r, s / 60 % 60)))
            t += 60 - s % 60;
        else if (!alarm_field_matches(m[SECONDS_ALARM], to_register(r, s % 60)))
            t++;
        else
            return true;
    }
    return false;
}

/* What has happened in (since, now]: an update, a period, the alarm. */
static uint8_t events(struct vrtc *r, ns_t since, ns_t now)
{
    ns_t period = period_of(r);
    uint8_t c = 0;

    if (period && floor_div(now, period) != floor_div(since, period))
        c |= C_PF;
    if (runs(r) && floor_div(now, NS_PER_SECOND) != floor_div(since, NS_PER_SECOND)) {
        c |= C_UF;
        if (alarm_between(r, since, now))
            c |= C_AF;
    }
    return c;
}

/* Brings register C up to date; returns what is new there. */
static uint8_t note_events(struct vrtc *r, ns_t now)
{
    uint8_t c = events(r, r->c_seen, now);

    r->c_seen = now;
    r->hw.cmos_data[REG_C] |= c;
    if (r->hw.cmos_data[REG_C] & r->hw.cmos_data[REG_B] & (C_PF | C_AF | C_UF))
        r->hw.cmos_data[REG_C] |= C_IRQF;
    return c;
}

unsigned int vrtc_expire(struct vrtc *r, ns_t now)
{
    ns_t since = r->c_seen, period = period_of(r);
    uint8_t c;

    if (now < r->next)
        return 0;
    c = note_events(r, now) & r->hw.cmos_data[REG_B] & (C_PF | C_AF | C_UF);
    schedule(r, now);
    if (c & C_PF)
        return (unsigned int)min_of(floor_div(now, period) - floor_div(since, period), (ns_t)UINT32_MAX);
    return c != 0;
}

/* ---- ports ---- */

static uint8_t read_register(struct vrtc *r, unsigned int n, ns_t now)
{
    uint8_t *m = r->hw.cmos_data, value;
    ns_t left = next_multiple(now, NS_PER_SECOND) - now;

    switch (n) {
    case REG_A:
        return (uint8_t)((m[REG_A] & ~A_UIP) | (runs(r) && left <= UIP_NS ? A_UIP : 0));
    case REG_C:
        (void)note_events(r, now);
        value = m[REG_C];
        m[REG_C] = 0;
        return value;
    case REG_D:
        return D_VALID;
    case SECONDS_ALARM: case MINUTES_ALARM: case HOURS_ALARM: case REG_B:
        return m[n];
    default:
        if (!is_set_mode(r))
            time_to_registers(r, now);
        return m[n];
    }
}

static void write_b(struct vrtc *r, uint8_t value, ns_t now)
{
    uint8_t *m = r->hw.cmos_data;
    bool was_set = is_set_mode(r);

    if (!was_set)
        time_to_registers(r, now);           /* in the form so far */
    (void)note_events(r, now);
    m[REG_B] = value & B_SET ? value & (uint8_t)~B_UIE : value;
    if (was_set && !is_set_mode(r))
        registers_to_time(r, now);
    schedule(r, now);
}

static void write_register(struct vrtc *r, unsigned int n, uint8_t value, ns_t now)
{
    uint8_t *m = r->hw.cmos_data;

    switch (n) {
    case REG_A:
        (void)note_events(r, now);
        m[REG_A] = value & (uint8_t)~A_UIP;
        schedule(r, now);
        return;
    case REG_B:
        write_b(r, value, now);
        return;
    case REG_C: case REG_D:
        return;
    case SECONDS_ALARM: case MINUTES_ALARM: case HOURS_ALARM:
        (void)note_events(r, now);
        m[n] = value;
        return;
    default:
        (void)note_events(r, now);
        if (!is_set_mode(r))
            time_to_registers(r, now);
        m[n] = value;
        if (!is_set_mode(r))
            registers_to_time(r, now);
    }
}

bool vrtc_read(struct vrtc *r, uint16_t port, ns_t now, uint8_t *value)
{
    *value = 0xff;
    if (!(port & 1))
        return r->hw.cmos_index < RTC_CMOS_SIZE;
    if (r->hw.cmos_index >= RTC_CMOS_SIZE)
        return false;
    *value = read_register(r, (unsigned int)array_index_nospec(r->hw.cmos_index, RTC_CMOS_SIZE), now);
    return true;
}

bool vrtc_write(struct vrtc *r, uint16_t port, uint8_t value, ns_t now)
{
    if (!(port & 1)) {
        r->hw.cmos_index = value & 0x7fU;
        return r->hw.cmos_index < RTC_CMOS_SIZE;
    }
    if (r->hw.cmos_index >= RTC_CMOS_SIZE)
        return false;
    write_register(r, (unsigned int)array_index_nospec(r->hw.cmos_index, RTC_CMOS_SIZE), value, now);
    return true;
}

void vrtc_init(struct vrtc *r, int64_t epoch, ns_t now)
{
    memset(r, 0, sizeof(*r));
    r->epoch = epoch;
    r->c_seen = now;
    r->next = NS_NEVER;
    r->hw.cmos_data[REG_A] = A_RUNS | 6U;      /* 1024 Hz */
    r->hw.cmos_data[REG_B] = B_24H;
    r->hw.cmos_data[REG_D] = D_VALID;
}

void vrtc_set_epoch(struct vrtc *r, int64_t epoch)
{
    r->epoch = epoch;
}

int vrtc_load(struct vrtc *r, const struct hvm_hw_rtc *from, ns_t now)
{
    if (from->cmos_index > 0x7f || from->rtc_offset > OFFSET_MAX || from->rtc_offset < -OFFSET_MAX)
        return -EINVAL;
    r->hw = *from;
    r->c_seen = now;
    schedule(r, now);
    return 0;
}
