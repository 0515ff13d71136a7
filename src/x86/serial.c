/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 16550 UART. Output waits for the transmitter while booting and in a panic; afterwards it goes
 * through a ring that the transmit interrupt (or the next call) empties, so that a slow line does
 * not stop the machine. A full ring waits again: nothing is lost.
 */
#include "serial.h"

#include <lib/log.h>
#include <x86/cpu.h>

#define REG_DATA 0U        /* divisor low with DLAB */
#define REG_IER 1U         /* divisor high with DLAB */
#define REG_IIR 2U
#define REG_FCR 2U
#define REG_LCR 3U
#define REG_MCR 4U
#define REG_LSR 5U
#define REG_SCRATCH 7U

#define IER_RX 0x01U
#define IER_TX 0x02U
#define IIR_NONE 0x01U
#define FCR_ENABLE_CLEAR 0x07U
#define LCR_DLAB 0x80U
#define MCR_DTR_RTS_OUT2 0x0bU     /* OUT2 lets the interrupt through on a PC */
#define LSR_DATA 0x01U
#define LSR_THR_EMPTY 0x20U

#define FIFO_SIZE 16U
#define TX_RING 16384U
#define TX_WAIT_LIMIT 200000U      /* polls; then the line is taken for dead */

static uint16_t port;              /* 0: no UART */
static uint8_t isa_irq;
static bool async, tx_interrupt;
static char tx_ring[TX_RING];
static uint32_t tx_head, tx_tail;  /* absolute; head is written next, tail is sent next */
/* Around the ring and the registers. Its own, and not ranked: it nests inside the log's lock on any
 * CPU and is taken by the interrupt handler; always with interrupts off. */
static uint8_t busy;
static bool panic_mode;

static uint8_t reg_read(unsigned int reg) { return cpu_in8((uint16_t)(port + reg)); }
static void reg_write(unsigned int reg, uint8_t v) { cpu_out8((uint16_t)(port + reg), v); }

static void lock(void)
{
    while (!panic_mode && __atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE) != 0)
        cpu_relax();
}

static void unlock(void) { __atomic_store_n(&busy, 0, __ATOMIC_RELEASE); }

static uint8_t line_control(const struct console_serial *c)
{
    uint8_t lcr = (uint8_t)((c->data_bits - 5) & 3);

    if (c->stop_bits == 2)
        lcr |= 0x04;
    switch (c->parity) {
    case 'o': return lcr | 0x08;
    case 'e': return lcr | 0x18;
    case 'm': return lcr | 0x28;
    case 's': return lcr | 0x38;
    default: return lcr;
    }
}

/* Something keeps what is written to the scratch register. */
static bool is_present(void)
{
    reg_write(REG_SCRATCH, 0x5a);
    if (reg_read(REG_SCRATCH) != 0x5a)
        return false;
    reg_write(REG_SCRATCH, 0xa5);
    return reg_read(REG_SCRATCH) == 0xa5;
}

bool serial_init(const struct console_serial *c)
{
    uint32_t divisor;

    port = c->port;
    isa_irq = c->irq;
    if (!is_present()) {
        port = 0;
        return false;
    }
    reg_write(REG_IER, 0);
    if (c->baud != 0) {
        divisor = (c->clock_hz != 0 ? c->clock_hz : 1843200U) / 16 / c->baud;
        divisor = divisor == 0 ? 1 : divisor > 0xffff ? 0xffff : divisor;
        reg_write(REG_LCR, LCR_DLAB);
        reg_write(REG_DATA, (uint8_t)divisor);
        reg_write(REG_IER, (uint8_t)(divisor >> 8));
        reg_write(REG_LCR, line_control(c));
    } else {
        reg_write(REG_LCR, reg_read(REG_LCR) & (uint8_t)~LCR_DLAB);
    }
    reg_write(REG_FCR, FCR_ENABLE_CLEAR);
    reg_write(REG_MCR, MCR_DTR_RTS_OUT2);
    return true;
}

static bool wait_transmitter(void)
{
    for (unsigned int i = 0; i < TX_WAIT_LIMIT; i++)
        if (reg_read(REG_LSR) & LSR_THR_EMPTY)
            return true;
    return false;
}

/* Requires: lock. A FIFO's worth, if the transmitter has room; wait: until it has. */
static void send_some(bool wait)
{
    if (tx_head == tx_tail || (wait ? !wait_transmitter() : !(reg_read(REG_LSR) & LSR_THR_EMPTY)))
        return;
    for (unsigned int i = 0; i < FIFO_SIZE && tx_tail != tx_head; i++)
        reg_write(REG_DATA, (uint8_t)tx_ring[tx_tail++ % TX_RING]);
}

/* Requires: lock. The transmit interrupt is wanted while something waits. */
static void update_interrupt(void)
{
    if (tx_interrupt)
        reg_write(REG_IER, (uint8_t)(IER_RX | (tx_head != tx_tail ? IER_TX : 0)));
}

static void flush(void)
{
    /* Every pass sends something or the line is dead and takes the rest as sent. */
    while (tx_head != tx_tail) {
        uint32_t before = tx_tail;

        send_some(true);
        if (tx_tail == before)
            tx_tail = tx_head;
    }
}

static void put(char c)
{
    if (tx_head - tx_tail == TX_RING)
        send_some(true);
    if (tx_head - tx_tail == TX_RING)
        tx_tail++;                 /* the line is dead */
    tx_ring[tx_head++ % TX_RING] = c;
}

void serial_write(const char *text, size_t length)
{
    if (port == 0)
        return;
    lock();
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n')
            put('\r');
        put(text[i]);
    }
    if (async)
        send_some(false);
    else
        flush();
    update_interrupt();
    unlock();
}

/* Off: what waits is sent before this returns. */
void serial_set_async(bool on)
{
    uint64_t flags = cpu_irq_save();

    lock();
    async = on;
    if (!on && port != 0)
        flush();
    unlock();
    cpu_irq_restore(flags);
}

void serial_panic(void)
{
    panic_mode = true;
    async = false;
    tx_interrupt = false;
    if (port != 0)
        flush();
}

void serial_enable_irq(void)
{
    uint64_t flags = cpu_irq_save();

    lock();
    if (port != 0) {
        tx_interrupt = true;
        update_interrupt();
    }
    unlock();
    cpu_irq_restore(flags);
}

static void service_once(void (*received)(char c))
{
    lock();
    send_some(false);
    update_interrupt();
    unlock();
    for (unsigned int i = 0; i < 4 * FIFO_SIZE && (reg_read(REG_LSR) & LSR_DATA); i++)
        received((char)reg_read(REG_DATA));
}

/*
 * The line to the interrupt controller is edge-triggered and stays up while the UART wants anything, so
 * the handler goes on until it wants nothing; bounded, for a UART that never stops.
 */
void serial_service(void (*received)(char c))
{
    uint64_t flags;
    unsigned int rounds = 0;

    if (port == 0)
        return;
    flags = cpu_irq_save();
    do
        service_once(received);
    while (!(reg_read(REG_IIR) & IIR_NONE) && ++rounds < 16);
    cpu_irq_restore(flags);
}

uint16_t serial_port(void) { return port; }
uint8_t serial_irq(void) { return port != 0 ? isa_irq : 0; }
