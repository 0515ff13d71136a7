/* SPDX-License-Identifier: BSD-2-Clause */
/* The UART behind console.c. */
#ifndef X86_SERIAL_H
#define X86_SERIAL_H

#include <x86/console.h>

bool serial_init(const struct console_serial *c);
/* Caller: the log, interrupts off. */
void serial_write(const char *text, size_t length);
void serial_set_async(bool on);
void serial_panic(void);
void serial_enable_irq(void);
/* Moves what waits in either direction; received() is called with interrupts off. */
void serial_service(void (*received)(char c));
uint16_t serial_port(void);
uint8_t serial_irq(void);

#endif
