/* SPDX-License-Identifier: BSD-2-Clause */
/* Between entry.S, desc.c and traps.c. */
#ifndef X86_TRAP_ENTRY_H
#define X86_TRAP_ENTRY_H

#include <x86/trap.h>

#define IDT_SIZE (256U * 16U)
#define TRAP_STUB_SIZE 16U

extern const char trap_stubs[];
void trap_dispatch(struct trap_frame *f);
void desc_load_segments(void);

#endif
