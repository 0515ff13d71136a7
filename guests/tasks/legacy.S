/* SPDX-License-Identifier: BSD-2-Clause */
/* What only exists outside long mode: task switches and PAE paging. Called by hypercall32(MODE_PROTECTED_CALL), without paging. */
#include "legacy.h"

#define task_a_eip task_a + 32

        .text
        .code32

        .macro  TABLES_ENTER
        sgdt    saved_gdt
        sidt    saved_idt
        lgdt    legacy_gdt_pointer
        lidt    legacy_idt_pointer
        .endm
        .macro  PAGING_ON               /* 3 bytes at its end, as the handler of #GP knows */
        mov     %cr0, %eax
        or      $0x80000000, %eax
        mov     %eax, %cr0
        .endm
        .macro  PAGING_OFF
        mov     %cr0, %eax
        and     $0x7fffffff, %eax
        mov     %eax, %cr0
        .endm
        .macro  TABLES_LEAVE
        lgdt    saved_gdt
        lidt    saved_idt
        .endm

/* Task A: leaves in five ways, and comes back each time. EBX, EBP and the stack must stay. With PAE paging if EBX is a PDPT. */
        .globl  tasks_run
tasks_run:
        push    %ebx
        push    %ebp
        mov     %cr3, %eax
        mov     %eax, saved_cr3
        TABLES_ENTER
        test    %ebx, %ebx
        jz      1f
        mov     %ebx, %cr3
        PAGING_ON
1:      mov     $SEL_TASK_A, %eax
        ltr     %ax
        mov     $0x1234abcd, %ebx
        mov     $0xfeedbeef, %ebp
        ljmp    $SEL_TASK_B, $0
        smsw    %eax
        mov     %eax, task_cr0
        lcall   $SEL_TASK_B, $0
        int     $TASK_VECTOR
        .globl  task_bad_insn, task_bad_selector
task_bad_insn:
        ud2
        mov     $BAD_SELECTOR, %eax
task_bad_selector:
        mov     %ax, %fs
        clts
        PAGING_OFF
        mov     saved_cr3, %eax
        mov     %eax, %cr3
        xor     %eax, %eax
        cmp     $0x1234abcd, %ebx
        jne     1f
        cmp     $0xfeedbeef, %ebp
        jne     1f
        inc     %eax
1:      TABLES_LEAVE
        pop     %ebp
        pop     %ebx
        ret

/* Task B goes on where it was left, with EDI at what it has to note next. */
        .macro  NOTE_FLAGS
        pushf
        pop     %eax
        stosl
        .endm
        .globl  task_b
task_b:
        NOTE_FLAGS                              /* the jump; and what is at ESI in this task */
        movsl
        ljmp    $SEL_TASK_A, $0
        NOTE_FLAGS                              /* the call */
        iret
        NOTE_FLAGS                              /* INT */
        iret
        NOTE_FLAGS                              /* #UD */
        mov     task_a_eip, %eax
        stosl
        addl    $2, task_a_eip
        iret
        pop     %eax                            /* #GP, with its error code */
        stosl
        mov     task_a_eip, %eax
        stosl
        addl    $2, task_a_eip
        iret
        ud2

/* PAE paging with the PDPT at EBX, then the one at ECX, then the one at EDX, which no CPU takes. ESI: what to read.
 * Returns how often the last was refused. */
        .globl  pae_run
pae_run:
        push    %edi
        push    %ebp
        mov     $pae_seen, %edi
        mov     %cr3, %ebp
        TABLES_ENTER
        movl    $0, pae_faults
        mov     %ebx, %cr3
        PAGING_ON
        mov     (%esi), %eax
        stosl
        mov     %ecx, %cr3
        mov     (%esi), %eax
        stosl
        mov     %edx, %cr3                      /* 3 bytes, as the handler knows */
        mov     (%esi), %eax                    /* the old tables are still there */
        stosl
        PAGING_OFF
        mov     %edx, %cr3
        PAGING_ON                               /* is refused */
        mov     %cr0, %eax
        stosl
        mov     %ebp, %cr3
        TABLES_LEAVE
        mov     pae_faults, %eax
        pop     %ebp
        pop     %edi
        ret

        .globl  pae_gp
pae_gp: incl    pae_faults
        add     $4, %esp
        addl    $3, (%esp)
        iret

        .bss
        .align  8
saved_gdt:      .skip 8
saved_idt:      .skip 8
saved_cr3:      .skip 4
pae_faults:     .skip 4
        .section .note.GNU-stack, "", @progbits
