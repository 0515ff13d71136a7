/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trap entry. Every vector has a 16-byte stub that makes the stack look the same with and without
 * an error code; the rest saves a struct trap_frame (x86/trap.h) and calls trap_dispatch(). The
 * hypervisor has no user mode of its own, so there is no SWAPGS: GS is always this CPU's.
 */
        .text
        .globl trap_stubs
        .balign 16
trap_stubs:
        .set    vector, 0
        .rept   256
        .balign 16
        .if     (vector == 8) || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21
        .else
        push    $0
        .endif
        push    $vector
        jmp     trap_common
        .set    vector, vector + 1
        .endr

        .balign 16
trap_common:
        push    %rax
        push    %rcx
        push    %rdx
        push    %rbx
        push    %rbp
        push    %rsi
        push    %rdi
        push    %r8
        push    %r9
        push    %r10
        push    %r11
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        cld
        mov     %rsp, %rdi
        call    trap_dispatch
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %r11
        pop     %r10
        pop     %r9
        pop     %r8
        pop     %rdi
        pop     %rsi
        pop     %rbp
        pop     %rbx
        pop     %rdx
        pop     %rcx
        pop     %rax
        add     $16, %rsp
        iretq

/* void cpu_run_on_stack(void *top, void (*fn)(void)): never returns; backtraces end at fn. */
        .globl cpu_run_on_stack
cpu_run_on_stack:
        mov     %rdi, %rsp
        xor     %ebp, %ebp
        call    *%rsi
        ud2

/* void desc_load_segments(void): the selectors of the GDT that has just been loaded. */
        .globl desc_load_segments
desc_load_segments:
        mov     $0x10, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        xor     %eax, %eax
        mov     %eax, %fs
        mov     %eax, %gs          /* clears GS base: the caller sets it anew */
        pop     %rax
        push    $0x08
        push    %rax
        lretq

        .section .note.GNU-stack, "", @progbits
