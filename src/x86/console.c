/* SPDX-License-Identifier: BSD-2-Clause */
#include <x86/console.h>

#include <lib/log.h>
#include <x86/cpu.h>

#include "screen.h"
#include "serial.h"

#define RX_RING 1024U
#define SWITCH_KEY '\x01'          /* CTRL-a ... */
#define SWITCH_COUNT 3U            /* ... this often in a row */

static struct log_sink serial_sink = { serial_write, NULL };
static struct log_sink screen_sink = { screen_write, NULL };

/* One producer (the boot CPU's poll), one consumer (whoever serves dom0's reads). */
static char rx_ring[RX_RING];
static uint32_t rx_head, rx_tail;
static bool input_is_ours;
static unsigned int switch_keys;
static void (*input_notify)(void) ro_after_init;
static void (*debug_key)(uint8_t key) ro_after_init;

static bool have_sink;

static void add_sink(struct log_sink *s, bool replay)
{
    have_sink = true;
    if (replay)
        log_replay(s);
    log_add_sink(s);
}

bool console_serial_init(const struct console_serial *c, bool replay)
{
    if (!serial_init(c))
        return false;
    add_sink(&serial_sink, replay);
    return true;
}

void console_vga_text_init(bool replay)
{
    screen_init(vga_text_backend());
    add_sink(&screen_sink, replay);
}

void console_fb_init(const struct console_fb *fb, void *map, bool replay)
{
    const struct screen_backend *b = framebuffer_backend(fb, map);

    if (b == NULL)
        return;
    screen_init(b);
    add_sink(&screen_sink, replay);
}

void console_fb_remap(void *map) { framebuffer_set_map(map); }
void console_screen_release(void) { screen_release(); }
uint16_t console_serial_port(void) { return serial_port(); }
unsigned int console_serial_irq(void) { return serial_irq(); }
void console_serial_enable_irq(void) { serial_enable_irq(); }
void console_set_async(bool async) { serial_set_async(async); }

/*
 * A panic before the command line has been read goes to both default consoles; a screen that dom0
 * has been given is taken back.
 */
void console_panic(void)
{
    static const struct console_serial default_serial = { 0x3f8, 4, 115200, 1843200, 8, 1, 'n' };
    static bool done;

    if (done)
        return;
    done = true;
    if (!have_sink) {
        console_serial_init(&default_serial, true);
        console_vga_text_init(true);
    }
    screen_reclaim();
    serial_panic();
}

void console_set_input_notify(void (*fn)(void)) { input_notify = fn; }
void console_set_debug_key(void (*fn)(uint8_t key)) { debug_key = fn; }

static void switch_input(void)
{
    input_is_ours = !input_is_ours;
    log_info("*** Serial input to %s (type CTRL-a three times to switch)",
             input_is_ours ? "Tenon" : "DOM0");
}

static void to_dom0(char c)
{
    if (rx_head - __atomic_load_n(&rx_tail, __ATOMIC_ACQUIRE) == RX_RING)
        return;                    /* dom0 does not read: the newest is lost, as on a real line */
    rx_ring[rx_head % RX_RING] = c;
    __atomic_store_n(&rx_head, rx_head + 1, __ATOMIC_RELEASE);
    if (input_notify != NULL)
        input_notify();
}

static void received(char c)
{
    if (c == SWITCH_KEY) {
        if (++switch_keys == SWITCH_COUNT) {
            switch_keys = 0;
            switch_input();
        }
        return;
    }
    /* One or two of them were meant for dom0. */
    for (; switch_keys > 0; switch_keys--)
        if (!input_is_ours)
            to_dom0(SWITCH_KEY);
    if (!input_is_ours)
        to_dom0(c);
    else if (debug_key != NULL)
        debug_key((uint8_t)c);
}

void console_poll(void) { serial_service(received); }

bool console_has_input(void)
{
    return __atomic_load_n(&rx_head, __ATOMIC_ACQUIRE) != rx_tail;
}

bool console_getc(char *c)
{
    if (!console_has_input())
        return false;
    *c = rx_ring[rx_tail % RX_RING];
    __atomic_store_n(&rx_tail, rx_tail + 1, __ATOMIC_RELEASE);
    return true;
}
