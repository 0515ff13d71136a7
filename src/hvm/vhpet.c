/* SPDX-License-Identifier: BSD-2-Clause */
#include <hvm/vhpet.h>

#include <hv/compiler.h>
#include <hv/errno.h>
#include <lib/string.h>

#define TIMERS HPET_TIMER_NUM
#define CAPABILITY (16000000ULL << 32 | 0x8086ULL << 16 | 1U << 15 | 1U << 13 | (TIMERS - 1) << 8 | 1U)
#define CONFIG_ENABLE 1U
#define CONFIG_LEGACY 2U
#define CONFIG_MASK 3U
#define T_LEVEL 0x2U
#define T_ENABLE 0x4U
#define T_PERIODIC 0x8U
#define T_PERIODIC_CAP 0x10U
#define T_64BIT_CAP 0x20U
#define T_SET_ACCUMULATOR 0x40U
#define T_32BIT 0x100U
#define T_ROUTE_SHIFT 9
#define T_ROUTE 0x3e00U
#define T_WRITABLE (T_LEVEL | T_ENABLE | T_PERIODIC | T_SET_ACCUMULATOR | T_32BIT | T_ROUTE)
/* Pins that a timer may be routed to: 20 to 23 in the capability, as chipsets offer them. */
#define T_ROUTE_CAP (0x00f00000ULL << 32)
#define MIN_PERIOD_TICKS 3125U       /* 50 us: faster than that nobody could serve */
enum { REG_CAPABILITY = 0x00, REG_CONFIG = 0x10, REG_STATUS = 0x20, REG_COUNTER = 0xf0, REG_TIMER0 = 0x100 };

static bool runs(const struct vhpet *h) { return h->hw.config & CONFIG_ENABLE; }

static uint64_t counter(const struct vhpet *h, ns_t now)
{
    return h->hw.mc64 + (runs(h) && now > h->started ? (uint64_t)(now - h->started) / VHPET_TICK_NS : 0);
}

static bool is_32bit(const struct vhpet *h, unsigned int n) { return h->hw.timers[n].config & T_32BIT; }
static bool is_periodic(const struct vhpet *h, unsigned int n) { return h->hw.timers[n].config & T_PERIODIC; }

/* When the counter meets the comparator, as a full counter value; a 32-bit timer looks at the low half alone. */
static void arm(struct vhpet *h, unsigned int n, ns_t now)
{
    uint64_t c = counter(h, now), to = h->hw.timers[n].cmp - c;

    h->armed[n] = runs(h) && (h->hw.timers[n].config & T_ENABLE);
    if (is_32bit(h, n)) {
        to = (uint32_t)to;
    } else if ((int64_t)to < 0) {
        if ((int64_t)to < -(int64_t)(1LL << 24)) {
            h->armed[n] = false;     /* far in the past: after the counter has wrapped, which nobody lives to see */
            return;
        }
        to = 0;                      /* just missed: a guest that set it a moment too late shall not hang */
    }
    h->due[n] = c + to;
}

static void arm_all(struct vhpet *h, ns_t now)
{
    for (unsigned int n = 0; n < TIMERS; n++)
        arm(h, n, now);
}

void vhpet_init(struct vhpet *h, ns_t now)
{
    memset(h, 0, sizeof(*h));
    h->hw.capability = CAPABILITY;
    h->started = now;
    for (unsigned int n = 0; n < TIMERS; n++) {
        h->hw.timers[n].config = T_ROUTE_CAP | T_64BIT_CAP | T_PERIODIC_CAP;
        h->hw.timers[n].cmp = UINT64_MAX;
    }
}

bool vhpet_is_legacy(const struct vhpet *h)
{
    return (h->hw.config & CONFIG_MASK) == CONFIG_MASK;
}

static uint64_t pin_of(const struct vhpet *h, unsigned int n)
{
    return 1ULL << ((h->hw.timers[n].config & T_ROUTE) >> T_ROUTE_SHIFT);
}

uint64_t vhpet_level(const struct vhpet *h)
{
    uint64_t pins = 0;

    for (unsigned int n = 0; n < TIMERS; n++)
        if ((h->hw.isr >> n & 1) && (h->hw.timers[n].config & T_LEVEL) && (h->hw.timers[n].config & T_ENABLE))
            pins |= pin_of(h, n);
    return pins;
}

ns_t vhpet_deadline(const struct vhpet *h)
{
    ns_t next = NS_NEVER;

    for (unsigned int n = 0; n < TIMERS; n++) {
        uint64_t ticks = h->due[n] - h->hw.mc64;

        if (h->armed[n] && ticks < (uint64_t)INT64_MAX / VHPET_TICK_NS / 2)
            next = min_of(next, h->started + (ns_t)(ticks * VHPET_TICK_NS));
    }
    return next;
}

static void fire(struct vhpet *h, unsigned int n, uint64_t *pins, uint16_t *isa)
{
    if (vhpet_is_legacy(h) && n < 2)
        *isa |= n == 0 ? 1U << 0 : 1U << 8;
    else if (h->hw.timers[n].config & T_LEVEL)
        h->hw.isr |= 1ULL << n;
    else
        *pins |= pin_of(h, n);
}

/* The next period that is not over yet. */
static void next_period(struct vhpet *h, unsigned int n, uint64_t c)
{
    uint64_t period = max_of(h->hw.period[n], (uint64_t)MIN_PERIOD_TICKS);

    if (period > INT64_MAX) {
        h->armed[n] = false;         /* half a counter away and more: nobody lives to see it */
        return;
    }
    h->due[n] += ((c - h->due[n]) / period + 1) * period;
    h->hw.timers[n].cmp = is_32bit(h, n) ? (uint32_t)h->due[n] : h->due[n];
}

void vhpet_expire(struct vhpet *h, ns_t now, uint64_t *pins, uint16_t *isa)
{
    uint64_t c = counter(h, now);

    *pins = 0;
    *isa = 0;
    for (unsigned int n = 0; n < TIMERS; n++) {
        if (!h->armed[n] || (int64_t)(c - h->due[n]) < 0)
            continue;
        fire(h, n, pins, isa);
        if (is_periodic(h, n) && h->hw.period[n])
            next_period(h, n, c);
        else if (is_32bit(h, n))
            h->due[n] += (((c - h->due[n]) >> 32) + 1) << 32;      /* when the low half meets it again */
        else
            h->armed[n] = false;
    }
}

/* ---- registers ---- */

static uint64_t read_timer(const struct vhpet *h, unsigned int offset)
{
    unsigned int n = (unsigned int)array_index_nospec((offset - REG_TIMER0) / 0x20, TIMERS);

    switch (offset & 0x18) {
    case 0x00: return h->hw.timers[n].config;
    case 0x08: return h->hw.timers[n].cmp;
    default:   return 0;
    }
}

static uint64_t read_register(const struct vhpet *h, unsigned int offset, ns_t now)
{
    if (offset >= REG_TIMER0)
        return offset < REG_TIMER0 + TIMERS * 0x20 ? read_timer(h, offset) : 0;
    switch (offset) {
    case REG_CAPABILITY: return h->hw.capability;
    case REG_CONFIG:     return h->hw.config;
    case REG_STATUS:     return h->hw.isr;
    case REG_COUNTER:    return counter(h, now);
    default:             return 0;
    }
}

static bool is_access(unsigned int offset, unsigned int size)
{
    return (size == 4 || size == 8) && offset % size == 0 && offset + size <= VHPET_SIZE;
}

uint64_t vhpet_read(struct vhpet *h, unsigned int offset, unsigned int size, ns_t now)
{
    uint64_t value;

    if (!is_access(offset, size))
        return UINT64_MAX;
    value = read_register(h, offset & ~7U, now);
    return size == 8 ? value : (uint32_t)(value >> 8 * (offset & 4));
}

/* While the counter stands its value is mc64; while it runs, mc64 is what it was at `started`. */
static void write_config(struct vhpet *h, uint64_t value, ns_t now)
{
    h->hw.mc64 = counter(h, now);
    h->started = now;
    h->hw.config = value & CONFIG_MASK;
    arm_all(h, now);
}

static void write_counter(struct vhpet *h, uint64_t value, ns_t now)
{
    h->hw.mc64 = value;
    h->started = now;
    arm_all(h, now);
}

static void write_timer_config(struct vhpet *h, unsigned int n, uint64_t value, ns_t now)
{
    uint64_t *config = &h->hw.timers[n].config;

    *config = (*config & ~(uint64_t)T_WRITABLE) | (value & T_WRITABLE);
    if (!((T_ROUTE_CAP >> 32) >> ((*config & T_ROUTE) >> T_ROUTE_SHIFT) & 1))
        *config &= ~(uint64_t)T_ROUTE;       /* an impossible route reads back as none (2.3.8) */
    if (*config & T_32BIT) {
        h->hw.timers[n].cmp = (uint32_t)h->hw.timers[n].cmp;
        h->hw.period[n] = (uint32_t)h->hw.period[n];
    }
    if (!(*config & T_LEVEL))
        h->hw.isr &= ~(1ULL << n);
    arm(h, n, now);
}

/* In periodic mode a write sets the period, and the comparator itself only after the accumulator bit was set. */
static void write_comparator(struct vhpet *h, unsigned int n, uint64_t value, ns_t now)
{
    uint64_t *config = &h->hw.timers[n].config;

    if (is_32bit(h, n))
        value = (uint32_t)value;
    if (!is_periodic(h, n) || (*config & T_SET_ACCUMULATOR))
        h->hw.timers[n].cmp = value;
    else
        h->hw.period[n] = value;
    *config &= ~(uint64_t)T_SET_ACCUMULATOR;
    arm(h, n, now);
}

static void write_timer(struct vhpet *h, unsigned int offset, uint64_t value, ns_t now)
{
    unsigned int n = (unsigned int)array_index_nospec((offset - REG_TIMER0) / 0x20, TIMERS);

    if ((offset & 0x18) == 0x00)
        write_timer_config(h, n, value, now);
    else if ((offset & 0x18) == 0x08)
        write_comparator(h, n, value, now);
}

static void write_register(struct vhpet *h, unsigned int offset, uint64_t value, ns_t now)
{
    if (offset >= REG_TIMER0 && offset < REG_TIMER0 + TIMERS * 0x20)
        write_timer(h, offset, value, now);
    else if (offset == REG_CONFIG)
        write_config(h, value, now);
    else if (offset == REG_STATUS)
        h->hw.isr &= ~value;
    else if (offset == REG_COUNTER)
        write_counter(h, value, now);
}

void vhpet_write(struct vhpet *h, unsigned int offset, unsigned int size, uint64_t value, ns_t now)
{
    unsigned int at = offset & ~7U, shift = 8 * (offset & 4);

    if (!is_access(offset, size))
        return;
    if (size == 4) {
        /* The other half stays; of the status, where a one clears, it is zero. */
        uint64_t other = at == REG_STATUS ? 0 : read_register(h, at, now) & ~((uint64_t)UINT32_MAX << shift);

        value = other | (uint64_t)(uint32_t)value << shift;
    }
    write_register(h, at, value, now);
}

void vhpet_save(const struct vhpet *h, ns_t now, struct hvm_hw_hpet *to)
{
    *to = h->hw;
    to->mc64 = counter(h, now);
}

int vhpet_load(struct vhpet *h, const struct hvm_hw_hpet *from, ns_t now)
{
    vhpet_init(h, now);
    for (unsigned int n = 0; n < TIMERS; n++) {
        h->hw.timers[n].cmp = from->timers[n].cmp;
        h->hw.period[n] = from->period[n];
        write_timer_config(h, n, from->timers[n].config, now);
    }
    h->hw.config = from->config & CONFIG_MASK;
    h->hw.isr = from->isr & ((1U << TIMERS) - 1);
    write_counter(h, from->mc64, now);
    return 0;
}
