/* SPDX-License-Identifier: BSD-2-Clause */
/* Linked last: the end of the exception table that test_extable.c begins. */
__asm__(".pushsection .ex_table, \"a\"\n.globl extable_end\nextable_end:\n.popsection");
