/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of everything: prints why, registers, a symbolised backtrace and the last VM exit, stops
 * the other CPUs, then waits for ever or reboots. Any context, NMI included; takes no locks.
 */
#ifndef X86_PANIC_H
#define X86_PANIC_H

#include <hv/compiler.h>
#include <stdbool.h>
#include <stdint.h>

struct trap_frame;

noreturn_fn cold_fn void panic(const char *fmt, ...) printf_like(1, 2);
noreturn_fn cold_fn void panic_at(const struct trap_frame *f, const char *fmt, ...) printf_like(2, 3);
/* An orderly halt for what the machine or the configuration lacks: the sentence, no registers. */
noreturn_fn cold_fn void panic_sentence(const char *sentence);
/* noreboot on the command line: wait instead of rebooting. Default: reboot after five seconds. */
void panic_set_noreboot(bool noreboot);
/* Called during a panic to print the last VM exit of this CPU and the like; it must be careful. */
void panic_set_hook(void (*fn)(void));
noreturn_fn void panic_wait_or_reboot(void);

/* A line per frame, starting at a frame pointer, with function+offset from the image's symbols. */
void backtrace_log(uint64_t rip, uint64_t rbp);
/* "name+0x12/0x40" of an address into buf; "?" outside the image. Returns buf. */
char *symbol_format(uint64_t address, char *buf, size_t size);

/* Resets the machine: ACPI reset register, port CF9, keyboard controller, triple fault. */
noreturn_fn void machine_reboot(void);

#endif
