/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * void host_run(struct host_state *s, const void *code): runs one instruction of the caller's making with the registers
 * and flags of *s, and stores what they are afterwards. The code at `code` must end in a jump to
 * host_run_return (it is given as an absolute address). RSP is loaded too: no stack until the return.
 */
        .text
        .globl host_run, host_run_return
        .type host_run, @function
host_run:
        push    %rbx
        push    %rbp
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        mov     %rdi, saved_state(%rip)
        mov     %rsi, saved_code(%rip)
        mov     %rsp, saved_stack(%rip)
        pushq   128(%rdi)
        popfq
        mov     0(%rdi), %rax
        mov     8(%rdi), %rcx
        mov     16(%rdi), %rdx
        mov     24(%rdi), %rbx
        mov     32(%rdi), %rsp
        mov     40(%rdi), %rbp
        mov     48(%rdi), %rsi
        mov     64(%rdi), %r8
        mov     72(%rdi), %r9
        mov     80(%rdi), %r10
        mov     88(%rdi), %r11
        mov     96(%rdi), %r12
        mov     104(%rdi), %r13
        mov     112(%rdi), %r14
        mov     120(%rdi), %r15
        mov     56(%rdi), %rdi
        jmp     *saved_code(%rip)
host_run_return:
        mov     %rax, saved_rax(%rip)
        mov     saved_state(%rip), %rax
        mov     %rcx, 8(%rax)
        mov     %rdx, 16(%rax)
        mov     %rbx, 24(%rax)
        mov     %rsp, 32(%rax)
        mov     %rbp, 40(%rax)
        mov     %rsi, 48(%rax)
        mov     %rdi, 56(%rax)
        mov     %r8, 64(%rax)
        mov     %r9, 72(%rax)
        mov     %r10, 80(%rax)
        mov     %r11, 88(%rax)
        mov     %r12, 96(%rax)
        mov     %r13, 104(%rax)
        mov     %r14, 112(%rax)
        mov     %r15, 120(%rax)
        mov     saved_rax(%rip), %rcx
        mov     %rcx, 0(%rax)
        mov     saved_stack(%rip), %rsp
        pushfq
        popq    128(%rax)
        cld
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbp
        pop     %rbx
        ret
        .size host_run, . - host_run
        .local saved_state, saved_code, saved_stack, saved_rax
        .comm saved_state, 8, 8
        .comm saved_code, 8, 8
        .comm saved_stack, 8, 8
        .comm saved_rax, 8, 8
        .section .note.GNU-stack, "", @progbits
