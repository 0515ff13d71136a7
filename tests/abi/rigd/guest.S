/* SPDX-License-Identifier: BSD-2-Clause */
/* The smallest kernel that xl takes for a PVH guest: it halts. */
    .globl _start
    .code32
    .text
_start:
    hlt
    jmp _start

    .section .note.Xen, "a", @note
    .balign 4
    .long 4, 4, 18          /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long _start
    .section .note.GNU-stack, "", @progbits
