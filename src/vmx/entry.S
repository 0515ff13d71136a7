/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bool vmx_enter_guest(struct vmx_vcpu *v, bool launched): into the guest, and out of it at its next
 * exit. Interrupts are off on both sides. The CPU switches RSP, RIP, RFLAGS, segments and the control
 * registers; here are the general registers and CR2. False: the entry instruction failed.
 *
 * Nothing between vmx_exit_stub and its ret may use a register that the guest has left.
 */
#include "offsets.h"
#include <guestcpu/registers.inc>

    .section .text.vmx_entry, "ax", @progbits
    .globl vmx_enter_guest, vmx_exit_stub
    .type vmx_enter_guest, @function
    .balign 16
vmx_enter_guest:
    save_host_registers
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
    load_guest_registers
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
    store_guest_registers
    mov %cr2, %rax
    mov %rax, VCPU_CR2(%rdi)
    pop %rdi
    mov $1, %eax
5:  restore_host_registers
    ret
    .size vmx_exit_stub, . - vmx_exit_stub
    .section .note.GNU-stack, "", @progbits
