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
#include <guestcpu/registers.inc>

    .section .text.svm_entry, "ax", @progbits
    .globl svm_enter_guest, svm_vmsave
    .type svm_enter_guest, @function
    .balign 16
svm_enter_guest:
    save_host_registers
    push %rdx
    push %rdi
    mov %rsi, %rax
    load_guest_registers
    clgi
    sti
    vmload %rax
    vmrun %rax
    vmsave %rax
    push %rdi
    mov 8(%rsp), %rdi
    mov 16(%rsp), %rax
    vmload %rax
    store_guest_registers
    add $16, %rsp
    restore_host_registers
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
