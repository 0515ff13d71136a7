/* SPDX-License-Identifier: BSD-2-Clause */
/* 8259A (Intel 231468): ICW1 to ICW4, OCW1 to OCW3, rotation, special mask, poll, automatic EOI. */
#include <hvm/vpic.h>

#include <hv/assert.h>
#include <hv/compiler.h>
#include <hv/errno.h>
#include <lib/string.h>

#define INPUTS 8U
#define CASCADE 2U             /* the master's input that the slave drives */
#define SPURIOUS 7U

#define ICW1 0x10U
#define ICW1_ICW4 0x01U
#define ICW1_SINGLE 0x02U
#define ICW4_AUTO_EOI 0x02U
#define ICW4_NESTED 0x10U
#define OCW3 0x08U
#define OCW3_READ 0x02U
#define OCW3_ISR 0x01U
#define OCW3_POLL 0x04U
#define OCW3_SET_MASK_MODE 0x40U
#define OCW3_MASK_MODE 0x20U
#define POLL_VALID 0x80U

/* init_state: bits 0-1 which command word comes next, bit 2 ICW4 comes, bit 3 ICW3 does not. */
#define INIT_STEP 0x3U
#define INIT_ICW4 0x4U
#define INIT_SINGLE 0x8U

/* Inputs that can be level-triggered (the chipset keeps timer, keyboard, cascade, clock and FPU at edge). */
static const uint8_t elcr_allowed[2] = { 0xf8, 0xde };

static void reset_chip(struct hvm_hw_vpic *c, bool master)
{
    uint8_t elcr = c->elcr;

    memset(c, 0, sizeof(*c));
    c->is_master = master;
    c->elcr = elcr;
}

/* How far input n is from being first: 0 is the highest priority. */
static unsigned int rank(const struct hvm_hw_vpic *c, unsigned int n)
{
    return (n - c->priority_add) % INPUTS;
}

/* The input of the mask that comes first; INPUTS if the mask is empty. */
static unsigned int first_of(const struct hvm_hw_vpic *c, uint8_t mask)
{
    for (unsigned int i = 0; i < INPUTS; i++) {
        unsigned int n = (c->priority_add + i) % INPUTS;

        if (mask & (1U << n))
            return n;
    }
    return INPUTS;
}

/* The input that may interrupt what is in service; INPUTS if none. */
static unsigned int next_input(const struct hvm_hw_vpic *c)
{
    unsigned int want = first_of(c, c->irr & (uint8_t)~c->imr), busy;
    uint8_t service = c->isr;

    if (want == INPUTS)
        return INPUTS;
    if (c->special_mask_mode)
        service &= (uint8_t)~c->imr;
    if (c->special_fully_nested_mode && c->is_master)
        service &= (uint8_t)~(1U << CASCADE);
    busy = first_of(c, service);
    return busy == INPUTS || rank(c, want) < rank(c, busy) ? want : INPUTS;
}

/* The slave's output is the master's input, by level. */
static void update(struct vpic *p)
{
    struct hvm_hw_vpic *master = &p->chip[0], *slave = &p->chip[1];

    slave->int_output = next_input(slave) != INPUTS;
    if (slave->int_output)
        master->irr |= 1U << CASCADE;
    else
        master->irr &= (uint8_t)~(1U << CASCADE);
    master->int_output = next_input(master) != INPUTS;
}

void vpic_init(struct vpic *p)
{
    memset(p, 0, sizeof(*p));
    reset_chip(&p->chip[0], true);
    reset_chip(&p->chip[1], false);
}

void vpic_set_line(struct vpic *p, unsigned int irq, bool high)
{
    struct hvm_hw_vpic *c = &p->chip[irq / INPUTS & 1];
    uint8_t bit = (uint8_t)(1U << irq % INPUTS);

    ASSERT(irq < 2 * INPUTS);
    if (irq == CASCADE)
        return;
    if (high)
        c->irr |= bit;
    else
        c->irr &= (uint8_t)~bit;
    update(p);
}

bool vpic_edge_waits(const struct vpic *p, unsigned int irq)
{
    const struct hvm_hw_vpic *c = &p->chip[irq / INPUTS & 1];

    return (c->irr & (uint8_t)~c->imr & ~c->elcr & 1U << irq % INPUTS) != 0;
}

static void acknowledge_input(struct hvm_hw_vpic *c, unsigned int n)
{
    uint8_t bit = (uint8_t)(1U << n);

    if (!(c->elcr & bit))
        c->irr &= (uint8_t)~bit;
    if (!c->auto_eoi)
        c->isr |= bit;
    else if (c->rotate_on_auto_eoi)
        c->priority_add = (n + 1) & 7U;
}

/* One chip's part of the cycle: its input, or the spurious one. */
static unsigned int acknowledge_chip(struct vpic *p, unsigned int chip)
{
    struct hvm_hw_vpic *c = &p->chip[chip];
    unsigned int n = next_input(c);

    if (n == INPUTS)
        return SPURIOUS;
    acknowledge_input(c, n);
    return n;
}

uint8_t vpic_acknowledge(struct vpic *p)
{
    unsigned int n = acknowledge_chip(p, 0), chip = 0;

    if (n == CASCADE && p->chip[1].int_output) {
        chip = 1;
        n = acknowledge_chip(p, 1);
    }
    update(p);
    return (uint8_t)(p->chip[chip].irq_base + n);
}

/* ---- ports ---- */

static void end_of_interrupt(struct hvm_hw_vpic *c, unsigned int n, bool rotate)
{
    c->isr &= (uint8_t)~(1U << n);
    if (rotate)
        c->priority_add = (n + 1) & 7U;
}

/* OCW2: rotate, specific, EOI in bits 7 to 5. */
static void write_ocw2(struct hvm_hw_vpic *c, uint8_t value)
{
    unsigned int n = value & 7U;
    uint8_t service = c->isr;

    switch (value >> 5) {
    case 0: case 4:
        c->rotate_on_auto_eoi = (value >> 7) & 1U;
        break;
    case 1: case 5:
        if (c->special_mask_mode)
            service &= (uint8_t)~c->imr;
        n = first_of(c, service);
        if (n != INPUTS)
            end_of_interrupt(c, n, value & 0x80);
        break;
    case 3: case 7:
        end_of_interrupt(c, n, value & 0x80);
        break;
    case 6:
        c->priority_add = (n + 1) & 7U;
        break;
    default:
        break;
    }
}

static void write_ocw3(struct hvm_hw_vpic *c, uint8_t value)
{
    if (value & OCW3_POLL)
        c->poll = 1;
    if (value & OCW3_READ)
        c->readsel_isr = value & OCW3_ISR;
    if (value & OCW3_SET_MASK_MODE)
        c->special_mask_mode = (value & OCW3_MASK_MODE) != 0;
}

/* The initialisation forgets edges, masks and what is in service; level inputs still show their lines. */
static void write_icw1(struct hvm_hw_vpic *c, uint8_t value)
{
    uint8_t base = c->irq_base, levels = c->irr & c->elcr;

    reset_chip(c, c->is_master);
    c->irq_base = base;
    c->irr = levels;
    c->init_state = (uint8_t)(1U | (value & ICW1_ICW4 ? INIT_ICW4 : 0) | (value & ICW1_SINGLE ? INIT_SINGLE : 0)) & 0xfU;
}

static void write_icw(struct hvm_hw_vpic *c, uint8_t value)
{
    switch (c->init_state & INIT_STEP) {
    case 1:
        c->irq_base = value & 0xf8U;
        c->init_state = (uint8_t)(c->init_state + (c->init_state & INIT_SINGLE ? 2U : 1U)) & 0xfU;
        break;
    case 2:
        c->init_state = (uint8_t)(c->init_state + 1U) & 0xfU;
        break;
    default:
        c->special_fully_nested_mode = (value & ICW4_NESTED) != 0;
        c->auto_eoi = (value & ICW4_AUTO_EOI) != 0;
        c->init_state = 0;
        return;
    }
    if ((c->init_state & INIT_STEP) == 3 && !(c->init_state & INIT_ICW4))
        c->init_state = 0;
}

static void write_chip(struct hvm_hw_vpic *c, bool high_port, uint8_t value)
{
    if (!high_port && (value & ICW1))
        write_icw1(c, value);
    else if (!high_port && (value & OCW3))
        write_ocw3(c, value);
    else if (!high_port)
        write_ocw2(c, value);
    else if (c->init_state & INIT_STEP)
        write_icw(c, value);
    else
        c->imr = value;
}

/* A poll is an acknowledge by the program instead of the CPU. */
static uint8_t poll(struct vpic *p, unsigned int chip)
{
    unsigned int n = next_input(&p->chip[chip]);

    p->chip[chip].poll = 0;
    if (n == INPUTS)
        return 0;
    acknowledge_input(&p->chip[chip], n);
    return (uint8_t)(POLL_VALID | n);
}

uint8_t vpic_read(struct vpic *p, uint16_t port)
{
    unsigned int chip = port >= 0x4d0 ? port & 1U : (port >> 7) & 1U;
    struct hvm_hw_vpic *c = &p->chip[chip];
    uint8_t value;

    if (port >= 0x4d0)
        return c->elcr & elcr_allowed[chip];
    if (c->poll) {
        value = poll(p, chip);
        update(p);
        return value;
    }
    if (port & 1)
        return c->imr;
    return c->readsel_isr ? c->isr : c->irr;
}

void vpic_write(struct vpic *p, uint16_t port, uint8_t value)
{
    if (port >= 0x4d0)
        p->chip[port & 1U].elcr = value & elcr_allowed[port & 1U];
    else
        write_chip(&p->chip[(port >> 7) & 1U], port & 1U, value);
    update(p);
}

int vpic_load(struct vpic *p, unsigned int chip, const struct hvm_hw_vpic *from)
{
    if (chip > 1 || from->is_master != (chip == 0) || (from->irq_base & 7U) || from->priority_add > 7)
        return -EINVAL;
    p->chip[chip] = *from;
    p->chip[chip].elcr &= elcr_allowed[chip];
    update(p);
    return 0;
}
