/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bool vmx_enter_guest(struct vmx_vcpu *v, bool launched): into the guest, and out of it at its next
 * exit. Interrupts are off on both sides. The CPU switches RSP, RIP, RFLAGS, segments and the control
 * registers; here are the general registers and CR2. False: the entry instruction failed.
 *
 * Nothing between vmx_exit_stub and its ret may use a register that the guest has left.
 */
#include "offsets.h"

    .section .text.vmx_entry, "ax", @progbits
    .globl vmx_enter_guest, vmx_exit_stub
    .type vmx_enter_guest, @function
    .balign 16
vmx_enter_guest:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    push %rdi
    cmp %rsp, VCPU_HOST_RSP(%rdi)       /* the depth of the stack here hardly ever changes */
    je 1f
    mov %rsp, VCPU_HOST_RSP(%rdi)
    mov $FIELD_HOST_RSP, %eax
    vmwrite %rsp, %rax
1:  mov VCPU_CR2(%rdi), %rax
    mov %cr2, %rcx
    cmp %rax, %rcx
    je 2f
    mov %rax, %cr2
2:  test %sil, %sil                     /* flags last until the entry: MOV does not touch them */
    mov VCPU_RAX(%rdi), %rax
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
    jnz 3f
    vmlaunch
    jmp 4f
3:  vmresume
4:  pop %rdi                            /* still here: VMfail */
    xor %eax, %eax
    jmp 5f
    .size vmx_enter_guest, . - vmx_enter_guest

    .type vmx_exit_stub, @function
    .balign 16
vmx_exit_stub:
    push %rdi
    mov 8(%rsp), %rdi
    mov %rax, VCPU_RAX(%rdi)
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
    mov %cr2, %rax
    mov %rax, VCPU_CR2(%rdi)
    pop %rdi
    mov $1, %eax
5:  xor %ecx, %ecx                      /* no value of the guest's outlives this in a register */
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
    ret
    .size vmx_exit_stub, . - vmx_exit_stub
    .section .note.GNU-stack, "", @progbits
