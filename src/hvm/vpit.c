/* SPDX-License-Identifier: BSD-2-Clause */
/* 8254 (Intel 231164): three counters derived from the time since they were loaded, never stepped. */
#include <hvm/vpit.h>

#include <hv/compiler.h>
#include <hv/errno.h>
#include <hv/muldiv.h>
#include <lib/string.h>

#define NS_PER_SECOND 1000000000U
#define SPEAKER 2U
#define PORT_SPEAKER 0x61U
#define PORT_COMMAND 0x43U
#define PERIOD_MIN 60U                 /* 50 us in ticks: an interrupt more often than that could not be served */
#define REFRESH_NS 15085U              /* port 0x61's bit 4 toggles with each refresh of memory */
enum access { ACCESS_LATCH, ACCESS_LOW, ACCESS_HIGH, ACCESS_WORD, ACCESS_WORD_HIGH };
#define STATUS_OUT 0x80U

typedef struct hvm_hw_pit_channel channel;

static uint64_t ns_to_ticks(ns_t ns)
{
    return ns <= 0 ? 0 : muldiv((uint64_t)ns, VPIT_HZ, NS_PER_SECOND);
}

/* Rounded up, so that the tick has happened by then. */
static ns_t ticks_to_ns(uint64_t ticks)
{
    return (ns_t)muldiv(ticks, NS_PER_SECOND, VPIT_HZ) + 1;
}

static uint64_t elapsed(const struct vpit *p, unsigned int n, ns_t now)
{
    return ns_to_ticks(now - p->loaded[n]);
}

static bool is_periodic(const channel *c) { return c->mode == 2 || c->mode == 3; }

static uint16_t counter(const struct vpit *p, unsigned int n, ns_t now)
{
    const channel *c = &p->hw.channels[n];
    uint64_t t = elapsed(p, n, now);

    if (c->mode == 3)
        return (uint16_t)(c->count - 2 * t % c->count);
    if (c->mode == 2)
        return (uint16_t)(c->count - t % c->count);
    return (uint16_t)(c->count - t);
}

static bool output(const struct vpit *p, unsigned int n, ns_t now)
{
    const channel *c = &p->hw.channels[n];
    uint64_t t = elapsed(p, n, now);

    switch (c->mode) {
    case 0: return t >= c->count;
    case 1: return t < c->count;
    case 2: return t % c->count != c->count - 1U;
    case 3: return t % c->count < (c->count + 1U) / 2;
    default: return t != c->count;
    }
}

/* From tick to tick of a square wave and a rate, which rise at each reload. Of reloads that come too fast every so many-th counts: else
 * a guest could keep a CPU of the machine busy with nothing but its ticks. */
static uint64_t tick_period(const channel *c)
{
    uint64_t period = c->count;

    return period < PERIOD_MIN ? period * ((PERIOD_MIN + period - 1) / period) : period;
}

/* The rise of channel 0's output after now. */
static void schedule(struct vpit *p, ns_t now)
{
    const channel *c = &p->hw.channels[0];
    uint64_t t = elapsed(p, 0, now), due = c->count, period = tick_period(c);

    if (is_periodic(c))
        due = (t / period + 1) * period;
    p->next = (is_periodic(c) || t < due) && c->mode != 1 ? p->loaded[0] + ticks_to_ns(due) : NS_NEVER;
}

static void load_count(struct vpit *p, unsigned int n, uint32_t value, ns_t now)
{
    p->hw.channels[n].count = value ? value : 0x10000;
    p->loaded[n] = now;
    if (n == 0)
        schedule(p, now);
}

unsigned int vpit_expire(struct vpit *p, ns_t now)
{
    const channel *c = &p->hw.channels[0];
    ns_t due = p->next;

    if (now < due)
        return 0;
    schedule(p, now);
    return is_periodic(c) ? (unsigned int)min_of(ns_to_ticks(now - due) / tick_period(c), UINT32_MAX - 1UL) + 1 : 1;
}

static void latch_count(struct vpit *p, unsigned int n, ns_t now)
{
    channel *c = &p->hw.channels[n];

    if (c->count_latched)
        return;
    c->latched_count = counter(p, n, now);
    c->count_latched = c->rw_mode;
}

static void latch_status(struct vpit *p, unsigned int n, ns_t now)
{
    channel *c = &p->hw.channels[n];

    if (c->status_latched)
        return;
    c->status = (uint8_t)((output(p, n, now) ? STATUS_OUT : 0) | (unsigned int)c->rw_mode << 4 |
                          (unsigned int)c->mode << 1 | c->bcd);
    c->status_latched = 1;
}

static void read_back(struct vpit *p, uint8_t value, ns_t now)
{
    for (unsigned int n = 0; n < 3; n++) {
        if (!(value & (2U << n)))
            continue;
        if (!(value & 0x20))
            latch_count(p, n, now);
        if (!(value & 0x10))
            latch_status(p, n, now);
    }
}

static void write_command(struct vpit *p, uint8_t value, ns_t now)
{
    unsigned int n = value >> 6, access = (value >> 4) & 3U, mode = (value >> 1) & 7U;
    channel *c;

    if (n == 3) {
        read_back(p, value, now);
        return;
    }
    c = &p->hw.channels[n];
    if (access == ACCESS_LATCH) {
        latch_count(p, n, now);
        return;
    }
    c->rw_mode = c->read_state = c->write_state = (uint8_t)access;
    c->mode = (uint8_t)(mode > 5 ? mode - 4 : mode);
    c->bcd = value & 1U;
    if (n == 0)
        p->next = NS_NEVER;              /* until a count is loaded */
}

static void write_count(struct vpit *p, unsigned int n, uint8_t value, ns_t now)
{
    channel *c = &p->hw.channels[n];

    switch (c->write_state) {
    case ACCESS_HIGH:
        load_count(p, n, (uint32_t)value << 8, now);
        break;
    case ACCESS_WORD:
        c->write_latch = value;
        c->write_state = ACCESS_WORD_HIGH;
        break;
    case ACCESS_WORD_HIGH:
        load_count(p, n, c->write_latch | (uint32_t)value << 8, now);
        c->write_state = ACCESS_WORD;
        break;
    default:
        load_count(p, n, value, now);
        break;
    }
}

static uint8_t read_latched(channel *c)
{
    uint8_t low = (uint8_t)c->latched_count, high = (uint8_t)(c->latched_count >> 8);

    switch (c->count_latched) {
    case ACCESS_HIGH:
        c->count_latched = 0;
        return high;
    case ACCESS_WORD:
        c->count_latched = ACCESS_WORD_HIGH;
        return low;
    case ACCESS_WORD_HIGH:
        c->count_latched = 0;
        return high;
    default:
        c->count_latched = 0;
        return low;
    }
}

static uint8_t read_count(struct vpit *p, unsigned int n, ns_t now)
{
    channel *c = &p->hw.channels[n];
    uint16_t count;

    if (c->status_latched) {
        c->status_latched = 0;
        return c->status;
    }
    if (c->count_latched)
        return read_latched(c);
    count = counter(p, n, now);
    switch (c->read_state) {
    case ACCESS_HIGH:
        return (uint8_t)(count >> 8);
    case ACCESS_WORD:
        c->read_state = ACCESS_WORD_HIGH;
        return (uint8_t)count;
    case ACCESS_WORD_HIGH:
        c->read_state = ACCESS_WORD;
        return (uint8_t)(count >> 8);
    default:
        return (uint8_t)count;
    }
}

/* Modes 1, 2, 3 and 5 begin anew when the gate opens. */
static void set_gate(struct vpit *p, unsigned int n, bool open, ns_t now)
{
    channel *c = &p->hw.channels[n];

    if (open && !c->gate && c->mode != 0 && c->mode != 4)
        p->loaded[n] = now;
    c->gate = open;
}

static uint8_t read_speaker(const struct vpit *p, ns_t now)
{
    bool refresh = (uint64_t)now / REFRESH_NS & 1;

    return (uint8_t)((output(p, SPEAKER, now) ? 0x20U : 0) | (refresh ? 0x10U : 0) |
                     (p->hw.speaker_data_on ? 2U : 0) | p->hw.channels[SPEAKER].gate);
}

uint8_t vpit_read(struct vpit *p, uint16_t port, ns_t now)
{
    if (port == PORT_SPEAKER)
        return read_speaker(p, now);
    return port >= PORT_COMMAND ? 0 : read_count(p, port & 3U, now);
}

void vpit_write(struct vpit *p, uint16_t port, uint8_t value, ns_t now)
{
    if (port == PORT_SPEAKER) {
        p->hw.speaker_data_on = (value >> 1) & 1U;
        set_gate(p, SPEAKER, value & 1U, now);
    } else if (port == PORT_COMMAND) {
        write_command(p, value, now);
    } else {
        write_count(p, port & 3U, value, now);
    }
}

void vpit_init(struct vpit *p, ns_t now)
{
    memset(p, 0, sizeof(*p));
    for (unsigned int n = 0; n < 3; n++) {
        p->hw.channels[n].mode = 3;
        p->hw.channels[n].gate = n != SPEAKER;
        load_count(p, n, 0, now);
    }
    p->next = NS_NEVER;                  /* no count yet: the firmware loads one */
}

int vpit_load(struct vpit *p, const struct hvm_hw_pit *from, ns_t now)
{
    for (unsigned int n = 0; n < 3; n++) {
        const channel *c = &from->channels[n];

        if (c->count == 0 || c->count > 0x10000 || c->mode > 5 || c->count_latched > ACCESS_WORD_HIGH ||
            c->read_state > ACCESS_WORD_HIGH || c->write_state > ACCESS_WORD_HIGH || c->rw_mode > ACCESS_WORD)
            return -EINVAL;
    }
    p->hw = *from;
    for (unsigned int n = 0; n < 3; n++)
        p->loaded[n] = now;
    schedule(p, now);
    if (p->hw.channels[0].rw_mode == 0)
        p->next = NS_NEVER;              /* no command was ever written: as vpit_init() has it */
    return 0;
}
