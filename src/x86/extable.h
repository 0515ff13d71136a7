/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions that may fault and where to go on if they do. EXTABLE(fault, fixup) inside an asm
 * statement adds a row; extable_fixup() is asked by the trap handler with the faulting RIP.
 */
#ifndef X86_EXTABLE_H
#define X86_EXTABLE_H

#include <stdint.h>

#define EXTABLE(fault, fixup) \
    ".pushsection .ex_table, \"a\"\n\t.balign 4\n\t.long " fault " - .\n\t.long " fixup " - .\n\t.popsection\n\t"

/* 0: no row for this instruction. */
uint64_t extable_fixup(uint64_t rip);

#endif
