/* SPDX-License-Identifier: BSD-2-Clause */
/* Which consoles there are, from the command line and what the boot loader says of the screen. */
#include "boot.h"

#include <lib/log.h>
#include <sched/timer.h>
#include <x86/console.h>
#include <x86/irq.h>
#include <x86/paging.h>
#include <x86/spinlock.h>
#include <x86/time.h>

#define POLL_INTERVAL (20 * NS_PER_MS)

static bool interrupt_driven;
static struct timer poll_timer;
static spinlock_t log_spinlock = SPINLOCK_INIT(LOCK_CONSOLE);

static uint64_t lock_log(void) { return spin_lock_irqsave(&log_spinlock); }
static void unlock_log(uint64_t flags) { spin_unlock_irqrestore(&log_spinlock, flags); }
static const struct log_lock log_locking = { lock_log, unlock_log };

static init_text void start_screen(const struct boot_framebuffer *fb)
{
    struct console_fb c = { fb->address, fb->pitch, fb->width, fb->height, fb->bpp,
                            fb->red_pos, fb->green_pos, fb->blue_pos,
                            fb->red_size, fb->green_size, fb->blue_size };

    if (!fb->present || fb->text)
        console_vga_text_init(true);
    else
        console_fb_init(&c, fb->address >> 32 ? NULL : phys_to_virt(hpa_of(fb->address)), true);
}

init_text void consoles_early(const struct cmdline *options, const struct boot_framebuffer *fb)
{
    const struct serial_config *s = &options->com[options->console_com];
    struct console_serial c = { s->port, s->irq, s->baud, s->clock_hz, s->data_bits, s->stop_bits,
                                s->parity };

    log_set_lock(&log_locking);
    log_set_thresholds(options->loglvl_lower, options->loglvl_upper, options->guest_loglvl_lower,
                       options->guest_loglvl_upper);
    if (options->console_serial && s->enabled)
        console_serial_init(&c, true);
    if (options->console_vga)
        start_screen(fb);
}

init_text void consoles_remap(const struct boot_framebuffer *fb)
{
    if (fb->present && !fb->text)
        console_fb_remap(map_device(hpa_of(fb->address), (size_t)fb->pitch * fb->height, MAP_WC));
}

static void serial_interrupt(void *ctx unused_arg, unsigned int irq unused_arg) { console_poll(); }

init_text void consoles_start(const struct cmdline *options)
{
    const struct irq_handler handler = { serial_interrupt, NULL };
    struct irq_isa_route route;

    if (console_serial_irq() == 0)
        return;
    route = irq_isa_route(console_serial_irq());
    if (irq_gsi_bind(route.gsi, route.level, route.active_low, 0, handler) != 0) {
        log_warn("serial console: no interrupt for it, looking for input from time to time");
        return;
    }
    irq_gsi_unmask(route.gsi);
    console_serial_enable_irq();
    console_set_async(!options->sync_console);
    interrupt_driven = true;
}

static void poll(void *arg unused_arg)
{
    console_poll();
    timer_set(&poll_timer, time_now() + POLL_INTERVAL);
}

init_text void consoles_start_polling(void)
{
    if (interrupt_driven || console_serial_port() == 0)
        return;
    timer_init(&poll_timer, poll, NULL, 0);
    timer_set(&poll_timer, time_now() + POLL_INTERVAL);
}
