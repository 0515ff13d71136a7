/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Consoles: a serial line (16550) and the screen (VGA text or a linear frame buffer) as sinks of
 * the log, and serial input for dom0's console_io and Tenon's debug keys. CTRL-a three times
 * switches input between the two. Output is called under the log's lock; console_poll() and the
 * interrupt handler run on the boot CPU only; console_getc() by one reader.
 */
#ifndef X86_CONSOLE_H
#define X86_CONSOLE_H

#include <hv/types.h>

struct console_serial { uint16_t port; uint8_t irq; uint32_t baud /* 0: keep */, clock_hz; uint8_t data_bits, stop_bits; char parity; };
struct console_fb { uint64_t address; uint32_t pitch, width, height; uint8_t bpp, red_pos, green_pos, blue_pos, red_size, green_size, blue_size; };

/* false: no UART answers there. Adds the sink and, unless quiet, replays the ring to it. */
bool console_serial_init(const struct console_serial *c, bool replay);
void console_vga_text_init(bool replay);
/* map: where the frame buffer is mapped now. Mapped anew by console_fb_remap once device memory can be. */
void console_fb_init(const struct console_fb *fb, void *map, bool replay);
void console_fb_remap(void *map);
/* dom0 owns the screen from now on (vga without ,keep). */
void console_screen_release(void);

/* Fetches what the UART has received; from a timer or its interrupt. */
void console_poll(void);
/* GSI/ISA line of the UART in use, 0: none. */
unsigned int console_serial_irq(void);
uint16_t console_serial_port(void);      /* 0: none in use. Ports base..base+7 are not dom0's. */
/* Output waits for the line until this is set (sync_console never sets it). */
void console_set_async(bool async);
/* In a panic: everything still waiting goes out, without locks; synchronous from then on. */
void console_panic(void);
/* Enables the UART's receive interrupt; its handler calls console_poll(). */
void console_serial_enable_irq(void);

/* The next character for dom0; false: none. */
bool console_getc(char *c);
bool console_has_input(void);
/* Called (interrupt context) when input for dom0 arrives: raises VIRQ_CONSOLE. */
void console_set_input_notify(void (*fn)(void));
/* Called (interrupt context) with a debug key typed while input is Tenon's. */
void console_set_debug_key(void (*fn)(uint8_t key));

#endif
