/* SPDX-License-Identifier: BSD-2-Clause */
/* IO-APIC: the indirect registers and the redirection table. line[] holds assertion, not voltage:
 * polarity is only stored. */
#include <hvm/vioapic.h>

#include <hv/compiler.h>
#include <lib/bitmap.h>
#include <lib/string.h>

#define IOREGSEL 0x00U
#define IOWIN 0x10U
#define IOEOI 0x40U
#define VERSION_WITH_EOI 0x20

#define RTE_VECTOR(rte) ((uint8_t)(rte))
#define RTE_LOGICAL BIT(11)
#define RTE_STATUS BIT(12)
#define RTE_LOW_ACTIVE BIT(13)
#define RTE_REMOTE_IRR BIT(14)
#define RTE_LEVEL BIT(15)
#define RTE_MASKED BIT(16)
#define MODE_EXTINT 7U
#define RTE_WRITABLE 0xff0000000001afffULL

void vioapic_init(struct vioapic *io, uint64_t address, unsigned int gsi_base, unsigned int pins,
                  uint8_t id)
{
    memset(io, 0, sizeof(*io));
    io->address = address;
    io->gsi_base = gsi_base;
    io->pins = min_of(pins, (unsigned int)VIOAPIC_MAX_PINS);
    io->id = id;
    io->version = 0x11;
    for (unsigned int i = 0; i < io->pins; i++)
        io->rte[i] = RTE_MASKED;
}

static struct ioapic_msg message_of(uint64_t rte)
{
    return (struct ioapic_msg){
        .vector = RTE_VECTOR(rte),
        .mode = (uint8_t)((rte >> 8) & 7U),
        .logical = (rte & RTE_LOGICAL) != 0,
        .level = (rte & RTE_LEVEL) != 0,
        .dest = (uint8_t)(rte >> 56),
    };
}

static uint32_t read_window(const struct vioapic *io)
{
    unsigned int n = io->select, pin = (n - 0x10U) / 2U;

    switch (n) {
    case 0x00:
    case 0x02:
        return (uint32_t)io->id << 24;
    case 0x01:
        return io->version | (io->pins - 1U) << 16;
    default:
        break;
    }
    if (n < 0x10 || pin >= io->pins)
        return 0;
    pin = (unsigned int)array_index_nospec(pin, VIOAPIC_MAX_PINS);
    return (n & 1U) != 0 ? (uint32_t)(io->rte[pin] >> 32) : (uint32_t)io->rte[pin];
}

uint32_t vioapic_read(const struct vioapic *io, unsigned int offset)
{
    switch (offset) {
    case IOREGSEL:
        return io->select;
    case IOWIN:
        return read_window(io);
    default:
        return 0;
    }
}

/* A level pin whose line is high, unmasked and not in service sends, once. */
static bool try_level(struct vioapic *io, unsigned int pin, struct ioapic_msg *msg)
{
    uint64_t rte = io->rte[pin];

    if ((rte & (RTE_LEVEL | RTE_MASKED | RTE_REMOTE_IRR)) != RTE_LEVEL || !bit_test(io->line, pin))
        return false;
    io->rte[pin] |= RTE_REMOTE_IRR;
    *msg = message_of(rte);
    return true;
}

static void write_rte(struct vioapic *io, unsigned int pin, bool high_half, uint32_t value,
                      struct vioapic_effect *e)
{
    uint64_t old = io->rte[pin], rte;

    if (high_half)
        rte = (old & 0xffffffffULL) | (uint64_t)value << 32;
    else
        rte = (old & ~0xffffffffULL) | value;
    rte = (rte & RTE_WRITABLE) | (old & RTE_REMOTE_IRR);
    if ((rte & RTE_LEVEL) == 0 && (rte & RTE_REMOTE_IRR) != 0) {
        rte &= ~RTE_REMOTE_IRR;
        e->ended = true;
    }
    io->rte[pin] = rte;
    e->changed_pin = (int)pin;
    e->unmasked = (old & RTE_MASKED) != 0 && (rte & RTE_MASKED) == 0;
    e->masked = (old & RTE_MASKED) == 0 && (rte & RTE_MASKED) != 0;
    e->level = (rte & RTE_LEVEL) != 0;
    e->active_low = (rte & RTE_LOW_ACTIVE) != 0;
    e->has_msg = try_level(io, pin, &e->msg);
}

/* The EOI register of version 0x20 and later ends by vector; one pin per write is reported, as in
 * hardware vectors are not shared between pins. */
static void write_eoi(struct vioapic *io, uint8_t vector, struct vioapic_effect *e)
{
    for (unsigned int pin = 0; pin < io->pins; pin++) {
        uint64_t rte = io->rte[pin];

        if (RTE_VECTOR(rte) != vector ||
            (rte & (RTE_LEVEL | RTE_REMOTE_IRR)) != (RTE_LEVEL | RTE_REMOTE_IRR))
            continue;
        io->rte[pin] &= ~RTE_REMOTE_IRR;
        e->changed_pin = (int)pin;
        e->ended = true;
        e->level = true;
        e->active_low = (rte & RTE_LOW_ACTIVE) != 0;
        e->has_msg = try_level(io, pin, &e->msg);
        return;
    }
}

static void write_window(struct vioapic *io, uint32_t value, struct vioapic_effect *e)
{
    unsigned int n = io->select, pin = (n - 0x10U) / 2U;

    if (n == 0)
        io->id = (value >> 24) & 0xfU;
    else if (n >= 0x10 && pin < io->pins)
        write_rte(io, (unsigned int)array_index_nospec(pin, VIOAPIC_MAX_PINS), (n & 1U) != 0, value,
                  e);
}

void vioapic_write(struct vioapic *io, unsigned int offset, uint32_t value,
                   struct vioapic_effect *e)
{
    *e = (struct vioapic_effect){ .changed_pin = -1 };
    if (offset == IOREGSEL)
        io->select = (uint8_t)value;
    else if (offset == IOWIN)
        write_window(io, value, e);
    else if (offset == IOEOI && io->version >= VERSION_WITH_EOI)
        write_eoi(io, (uint8_t)value, e);
}

bool vioapic_set_line(struct vioapic *io, unsigned int pin, bool high, struct ioapic_msg *msg)
{
    bool was;

    if (pin >= io->pins)
        return false;
    was = bit_test(io->line, pin);
    if (!high) {
        bit_clear(io->line, pin);
        return false;
    }
    bit_set(io->line, pin);
    if ((io->rte[pin] & RTE_LEVEL) != 0)
        return try_level(io, pin, msg);
    if (was || (io->rte[pin] & RTE_MASKED) != 0)
        return false;
    *msg = message_of(io->rte[pin]);
    return true;
}

void vioapic_eoi(struct vioapic *io, uint8_t vector,
                 void (*fn)(void *ctx, unsigned int pin, const struct ioapic_msg *again), void *ctx)
{
    for (unsigned int pin = 0; pin < io->pins; pin++) {
        struct ioapic_msg msg;
        uint64_t rte = io->rte[pin];
        bool again;

        if (RTE_VECTOR(rte) != vector ||
            (rte & (RTE_LEVEL | RTE_REMOTE_IRR)) != (RTE_LEVEL | RTE_REMOTE_IRR))
            continue;
        io->rte[pin] &= ~RTE_REMOTE_IRR;
        again = try_level(io, pin, &msg);
        fn(ctx, pin, again ? &msg : NULL);
    }
}

bool vioapic_pin_message(const struct vioapic *io, unsigned int pin, struct ioapic_msg *msg)
{
    uint64_t rte = pin < io->pins ? READ_ONCE(io->rte[pin]) : RTE_MASKED;

    *msg = message_of(rte);
    return !(rte & (RTE_MASKED | RTE_LEVEL));
}

bool vioapic_pin_masked(const struct vioapic *io, unsigned int pin)
{
    return pin >= io->pins || (io->rte[pin] & RTE_MASKED) != 0;
}

bool vioapic_passes_extint(const struct vioapic *io, struct ioapic_msg *to)
{
    uint64_t rte = READ_ONCE(io->rte[0]);

    *to = message_of(rte);
    return io->pins > 0 && (rte & RTE_MASKED) == 0 && to->mode == MODE_EXTINT;
}

bool vioapic_pin_in_service(const struct vioapic *io, unsigned int pin)
{
    return pin < io->pins && (io->rte[pin] & RTE_REMOTE_IRR) != 0;
}
