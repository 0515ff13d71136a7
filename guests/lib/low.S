/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Code that must lie below 64 KiB: where other CPUs begin (real mode), and one VMCALL (or call of other code) in
 * another mode than 64-bit. guest_start() copies it to LOW_PAGE, which is where it is linked to run.
 */
#include "layout.h"

#define S_REGS (MODE_STATE + 0)          /* eax ebx ecx edx esi edi ebp */
#define S_MODE (MODE_STATE + 28)
#define S_RSP (MODE_STATE + 32)

        .section .low, "ax"
        .code16
        .globl  low_begin
low_begin:
        cli
        cld
        ljmp    $0, $1f
1:      xor     %ax, %ax
        mov     %ax, %ds
        lgdtl   low_gdt_pointer
        mov     %cr0, %eax
        or      $1, %al
        mov     %eax, %cr0
        ljmpl   $SEL_CODE32, $2f
        .code32
2:      mov     $SEL_DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     $ap_entry32, %eax
        /* The CPUs begin one after the other (smp.c waits for each): they may share this stack. */
        mov     $LOW_STACK_END, %esp
        jmp     *%eax

        .macro  LOAD_REGS
        mov     S_REGS + 0, %eax
        mov     S_REGS + 4, %ebx
        mov     S_REGS + 8, %ecx
        mov     S_REGS + 12, %edx
        mov     S_REGS + 16, %esi
        mov     S_REGS + 20, %edi
        mov     S_REGS + 24, %ebp
        .endm

/* void low_vmcall(void): in the mode that S_MODE names, with the registers of S_REGS; EAX comes back there. */
        .code64
        .globl  low_vmcall
low_vmcall:
        push    %rbx
        push    %rbp
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        pushf
        cli
        mov     %rsp, S_RSP
        mov     $LOW_STACK_END, %rsp
        pushq   $SEL_CODE32
        pushq   $compat
        lretq
        .code32
compat: mov     $SEL_DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        cmpl    $MODE_COMPAT, S_MODE
        jne     1f
        LOAD_REGS
        HYPERCALL
        mov     %eax, S_REGS
        jmp     back_64

        /* Out of long mode: paging off, then LME. */
1:      mov     %cr0, %eax
        and     $0x7fffffff, %eax
        mov     %eax, %cr0
        mov     $0xc0000080, %ecx
        rdmsr
        and     $~0x100, %eax
        wrmsr
        cmpl    $MODE_PROTECTED_CALL, S_MODE
        jne     7f
        LOAD_REGS
        call    *%eax
        mov     %eax, S_REGS
        jmp     back_long
7:      cmpl    $MODE_PROTECTED, S_MODE
        jne     2f
        LOAD_REGS
        HYPERCALL
        mov     %eax, S_REGS
        jmp     back_long
2:      ljmp    $SEL_CODE16, $3f
        .code16
3:      mov     $SEL_DATA16, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %ax, %ss
        cmpl    $MODE_PROTECTED16, S_MODE
        jne     4f
        LOAD_REGS
        HYPERCALL
        mov     %eax, S_REGS
        ljmpl   $SEL_CODE32, $back_32

4:      mov     %cr0, %eax
        and     $~1, %al
        mov     %eax, %cr0
        ljmp    $0, $5f
5:      xor     %ax, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %ax, %ss
        LOAD_REGS
        HYPERCALL
        mov     %eax, S_REGS
        mov     %cr0, %eax
        or      $1, %al
        mov     %eax, %cr0
        ljmpl   $SEL_CODE32, $back_32

        .code32
back_32:
        mov     $SEL_DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
back_long:
        mov     $0xc0000080, %ecx
        rdmsr
        or      $0x100, %eax
        wrmsr
        mov     %cr0, %eax
        or      $0x80000000, %eax
        mov     %eax, %cr0
back_64:
        ljmp    $SEL_CODE64, $6f
        .code64
6:      mov     S_RSP, %rsp
        popf
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbp
        pop     %rbx
        ret

        .align  8
low_gdt_pointer:
        .word   10 * 8 - 1
        .long   gdt
        .globl  low_end
low_end:
        .section .note.GNU-stack, "", @progbits
