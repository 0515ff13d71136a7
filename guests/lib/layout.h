/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that the guest's assembly, C and linker script share. */
#ifndef GUEST_LAYOUT_H
#define GUEST_LAYOUT_H

#define SEL_CODE64 0x08
#define SEL_DATA 0x10
#define SEL_CODE32 0x18
#define SEL_CODE16 0x20
#define SEL_DATA16 0x28
#define SEL_USER_DATA 0x33
#define SEL_USER_CODE64 0x3b
#define SEL_USER_CODE32 0x43
#define SEL_TSS(cpu) (0x50 + 16 * (cpu))

#define CPUS_MAX 16
#define STACK_SIZE 16384
#define MAPPED_GIB 8
#define UNMAPPED_ADDRESS 0x8000000000    /* no page table has anything there */

#define PTE_TABLE 0x7                    /* present, writable, user */
#define PTE_LARGE 0x87

#define LOW_PAGE 0x8000                  /* SIPI vector 8: code below 1 MiB */
#define LOW_STACK_END 0x8ff0
#define MODE_STATE 0x9000                /* struct mode_state */

/* How a VMCALL is made: struct mode_state. */
#define MODE_COMPAT 0                    /* 32-bit code in long mode */
#define MODE_PROTECTED 1                 /* 32 bits, no paging */
#define MODE_PROTECTED16 2
#define MODE_REAL 3
#define MODE_PROTECTED_CALL 4           /* 32 bits, no paging: calls the code at EAX instead */

/* A hypercall, of Intel's CPUs; guest_start() makes AMD's of each that is listed. In assembly: HYPERCALL. */
#define HYPERCALL_INSN "9: vmcall; .pushsection hypercalls, \"a\"; .quad 9b; .popsection\n"
#ifdef __ASSEMBLER__
        .macro  HYPERCALL
9:      vmcall
        .pushsection hypercalls, "a"
        .quad   9b
        .popsection
        .endm
#endif

#endif
