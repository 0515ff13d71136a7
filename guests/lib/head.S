/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a test guest begins: the PVH entry (xen/elfnote.h, xen/arch-x86/hvm/start_info.h) in 32-bit
 * protected mode without paging, from there to 64-bit mode with the first 8 GiB mapped one to one and
 * open to CPL 3; other CPUs by SIPI; and exceptions.
 */
#include "layout.h"

        .section .note.xen, "a", @note
        .align 4
        .long 4, 4, 18                  /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz "Xen"
        .long entry32

/*
 * The other way in, for HVM guests: the beginning of guests.bzimage's second part, which the Linux boot protocol puts at 1 MiB. setup.S
 * comes here in protected mode, ESI at the setup header's segment; what is where belongs elsewhere.
 */
#include "linux.h"
        .section .first, "ax"
        .code32
first:  mov     $LINUX_SEL_DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     LINUX_CMDLINE(%esi), %ebx
        cld
        mov     $LINUX_KERNEL, %esi
        mov     $first, %edi
        mov     $file_end, %ecx
        sub     %edi, %ecx
        rep movsb
        xor     %eax, %eax
        mov     $bss_begin, %edi
        mov     $image_end, %ecx
        sub     %edi, %ecx
        rep stosb
        mov     $LINUX_MAGIC, %eax
        mov     $entry32, %ecx
        jmp     *%ecx

        .text
        .code32
        .globl entry32
entry32:
        /* What the hypervisor handed over, before anything of it is lost: struct entry_state. */
        mov     %eax, entry_state + 0
        mov     %ebx, entry_state + 4
        mov     %ecx, entry_state + 8
        mov     %edx, entry_state + 12
        mov     %esi, entry_state + 16
        mov     %edi, entry_state + 20
        mov     %ebp, entry_state + 24
        mov     %esp, entry_state + 28
        mov     %cr0, %eax
        mov     %eax, entry_state + 32
        mov     %cr4, %eax
        mov     %eax, entry_state + 36
        mov     $boot_stack_end, %esp
        pushf
        pop     entry_state + 40
        mov     %cs, entry_state + 44
        mov     %ds, entry_state + 46
        mov     %es, entry_state + 48
        mov     %ss, entry_state + 50
        str     entry_state + 52
        sldt    entry_state + 54
        mov     $0xc0000080, %ecx
        rdmsr
        mov     %eax, entry_state + 56
        mov     %edx, entry_state + 60
        cld

        /* The identity map: 4 page directories' worth of 2 MiB pages, twice. */
        mov     $page_pd, %edi
        mov     $PTE_LARGE, %eax
        xor     %edx, %edx
        mov     $(512 * MAPPED_GIB), %ecx
1:      mov     %eax, (%edi)
        mov     %edx, 4(%edi)
        add     $0x200000, %eax
        adc     $0, %edx
        add     $8, %edi
        dec     %ecx
        jnz     1b
        mov     $page_pdpt, %edi
        mov     $(page_pd + PTE_TABLE), %eax
        mov     $MAPPED_GIB, %ecx
2:      mov     %eax, (%edi)
        add     $4096, %eax
        add     $8, %edi
        dec     %ecx
        jnz     2b
        movl    $(page_pdpt + PTE_TABLE), page_pml4
        call    go_64
        .code64
        mov     $boot_stack_end, %rsp
        xor     %ebp, %ebp
        call    guest_start
        ud2

/* To 64-bit mode: returns there to a 32-bit caller's address. Clobbers EAX, ECX, EDX. */
        .code32
go_64:
        pop     %esi
        mov     %cr4, %eax
        or      $0x620, %eax            /* PAE, OSFXSR, OSXMMEXCPT */
        mov     %eax, %cr4
        mov     $page_pml4, %eax
        mov     %eax, %cr3
        mov     $0xc0000080, %ecx
        rdmsr
        or      $0x901, %eax            /* LME, NXE, SCE */
        wrmsr
        mov     %cr0, %eax
        and     $0x9fffffff, %eax       /* caches on */
        or      $0x80010022, %eax       /* PG, WP, NE, MP */
        mov     %eax, %cr0
        lgdt    gdt_pointer
        ljmp    $SEL_CODE64, $1f
        .code64
1:      mov     $SEL_DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        xor     %eax, %eax
        mov     %eax, %fs
        mov     %eax, %gs
        mov     %esi, %esi
        jmp     *%rsi

/* Another CPU, in 32-bit mode, from the low page. */
        .code32
        .globl ap_entry32
ap_entry32:
        call    go_64
        .code64
        mov     $1, %eax
        lock xadd %eax, ap_count
        inc     %eax                    /* the boot CPU is 0 */
        mov     %eax, %edi
        imul    $STACK_SIZE, %rax, %rax
        lea     ap_stacks(%rax), %rsp
        xor     %ebp, %ebp
        call    ap_start
        ud2

/* ---- exceptions and interrupts: 256 stubs of 16 bytes ---- */
        .align  16
        .globl  trap_stubs
trap_stubs:
        .set    vector, 0
        .rept   256
        .align  16
        .if     (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17)
        .else
        pushq   $0
        .endif
        pushq   $vector
        jmp     trap_common
        .set    vector, vector + 1
        .endr

        .align  16
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
        mov     %rsp, %rbp
        and     $-16, %rsp
        call    trap_handle
        mov     %rbp, %rsp
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

/* uint64_t user_enter(fn, arg, user_stack_top, uint64_t *kernel_sp): runs fn(arg) at CPL 3 until it comes back by INT 0x80. */
        .globl  user_enter
user_enter:
        push    %rbx
        push    %rbp
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        mov     %rsp, (%rcx)
        mov     %rdi, %rax
        mov     %rsi, %rdi
        pushq   $SEL_USER_DATA
        push    %rdx
        pushq   $0x202
        pushq   $SEL_USER_CODE64
        push    %rax
        iretq
/* noreturn void user_leave(uint64_t value, uint64_t kernel_sp): out of the handler of INT 0x80. */
        .globl  user_leave
user_leave:
        mov     %rdi, %rax
        mov     %rsi, %rsp
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbp
        pop     %rbx
        ret

        .data
        .align  16
        .globl  gdt
gdt:    .quad   0
        .quad   0x00af9b000000ffff      /* SEL_CODE64 */
        .quad   0x00cf93000000ffff      /* SEL_DATA */
        .quad   0x00cf9b000000ffff      /* SEL_CODE32 */
        .quad   0x00009b000000ffff      /* SEL_CODE16 */
        .quad   0x000093000000ffff      /* SEL_DATA16 */
        .quad   0x00cff3000000ffff      /* SEL_USER_DATA */
        .quad   0x00affb000000ffff      /* SEL_USER_CODE64 */
        .quad   0x00cffb000000ffff      /* SEL_USER_CODE32 */
        .quad   0
        .fill   2 * CPUS_MAX, 8, 0      /* SEL_TSS(cpu) */
gdt_end:
        .globl  gdt_pointer
gdt_pointer:
        .word   gdt_end - gdt - 1
        .quad   gdt

        .globl  entry_state, ap_count
        .align  8
entry_state: .fill 80, 1, 0
ap_count: .long 0

        .bss
        .align  4096
        .globl  page_pml4, page_pdpt, page_pd
page_pml4: .skip 4096
page_pdpt: .skip 4096
page_pd:   .skip 4096 * MAPPED_GIB
        .skip   4 * STACK_SIZE
boot_stack_end:
        .globl  ap_stacks               /* ends of the stacks of CPUs 1 ... (the index begins with 1) */
ap_stacks:
        .skip   STACK_SIZE * CPUS_MAX
        .section .note.GNU-stack, "", @progbits
