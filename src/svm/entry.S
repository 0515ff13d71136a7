/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * void svm_enter_guest(struct hw_vcpu *v, hpa_t vmcb, hpa_t host): into the guest, and out of it at its next exit.
 * Interrupts are off (IF) on both sides. VMRUN switches RSP, RIP, RAX, RFLAGS, the usual segments and the control registers;
 * VMLOAD and VMSAVE the rest of segments and the MSRs of system calls; here are the general registers.
 *
 * GIF: clear from before the guest's state is loaded until the host's is back, so that nothing of the machine arrives in
 * between. IF is set while the guest runs, or it would keep the machine's interrupts from ending the guest's run; what
 * ended it stays pending: an NMI arrives at STGI, an interrupt when the caller sets IF.
 *
 * Nothing between VMRUN and the ret may use a register that the guest has left.
 */
#include "offsets.h"

    .section .text.svm_entry, "ax", @progbits
    .globl svm_enter_guest, svm_vmsave
    .type svm_enter_guest, @function
    .balign 16
svm_enter_guest:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    push %rdx
    push %rdi
    mov %rsi, %rax
    mov VCPU_RCX(%rdi), %rcx
    mov VCPU_RDX(%rdi), %rdx
    mov VCPU_RBX(%rdi), %rbx
    mov VCPU_RBP(%rdi), %rbp
    mov VCPU_RSI(%rdi), %rsi
    mov VCPU_R8(%rdi), %r8
    mov VCPU_R9(%rdi), %r9
    mov VCPU_R10(%rdi), %r10
    mov VCPU_R11(%rdi), %r11
    mov VCPU_R12(%rdi), %r12
    mov VCPU_R13(%rdi), %r13
    mov VCPU_R14(%rdi), %r14
    mov VCPU_R15(%rdi), %r15
    mov VCPU_RDI(%rdi), %rdi
    clgi
    sti
    vmload %rax
    vmrun %rax
    vmsave %rax
    push %rdi
    mov 8(%rsp), %rdi
    mov 16(%rsp), %rax
    vmload %rax
    mov %rcx, VCPU_RCX(%rdi)
    mov %rdx, VCPU_RDX(%rdi)
    mov %rbx, VCPU_RBX(%rdi)
    mov %rbp, VCPU_RBP(%rdi)
    mov %rsi, VCPU_RSI(%rdi)
    mov %r8, VCPU_R8(%rdi)
    mov %r9, VCPU_R9(%rdi)
    mov %r10, VCPU_R10(%rdi)
    mov %r11, VCPU_R11(%rdi)
    mov %r12, VCPU_R12(%rdi)
    mov %r13, VCPU_R13(%rdi)
    mov %r14, VCPU_R14(%rdi)
    mov %r15, VCPU_R15(%rdi)
    pop VCPU_RDI(%rdi)
    add $16, %rsp
    xor %eax, %eax                      /* no value of the guest's outlives this in a register */
    xor %ecx, %ecx
    xor %edx, %edx
    xor %esi, %esi
    xor %edi, %edi
    xor %r8d, %r8d
    xor %r9d, %r9d
    xor %r10d, %r10d
    xor %r11d, %r11d
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    cli
    stgi
    ret
    .size svm_enter_guest, . - svm_enter_guest

/* void svm_vmsave(hpa_t vmcb) */
    .type svm_vmsave, @function
svm_vmsave:
    mov %rdi, %rax
    vmsave %rax
    ret
    .size svm_vmsave, . - svm_vmsave
    .section .note.GNU-stack, "", @progbits
