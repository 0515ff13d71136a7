/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where another CPU starts: in real mode at the page the start-up IPI names. From there to long mode
 * in one step (setting PE and PG together, SDM 10.8.5 allows it), with the boot's own tables, which map
 * this page where it is. The far jump's target and all addresses come from the data at the end, which
 * smp.c fills in. Private to smp.c.
 */
#define CR4_PAE 0x20
#define EFER 0xc0000080
#define EFER_LME_NXE 0x900
#define CR0_ON 0x80000023          /* PG, NE, MP, PE */
#define GS_BASE 0xc0000101
#define SEL_DATA 0x10
#define DATA(name) (trampoline_data - trampoline_start + (name))

/* struct trampoline_data, cpus.h (checked there against smp.c's asserts) */
#define D_FAR 0
#define D_GDTR 6
#define D_CR3 12
#define D_FINAL_CR3 16
#define D_STACK 24
#define D_PERCPU 32
#define D_ENTRY 40

        .section .rodata, "a"
        .balign 16
        .globl trampoline_start, trampoline_end, trampoline_data, trampoline_long, trampoline_gdt
        .code16
trampoline_start:
        cli
        cld
        mov     %cs, %ax
        mov     %ax, %ds
        mov     $CR4_PAE, %eax
        mov     %eax, %cr4
        mov     DATA(D_CR3), %eax
        mov     %eax, %cr3
        mov     $EFER, %ecx
        mov     $EFER_LME_NXE, %eax
        xor     %edx, %edx
        wrmsr
        lgdtl   DATA(D_GDTR)
        mov     $CR0_ON, %eax
        mov     %eax, %cr0
        ljmpl   *DATA(D_FAR)

        .code64
trampoline_long:
        mov     $SEL_DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        lea     trampoline_data(%rip), %rsi
        mov     D_ENTRY(%rsi), %rax
        jmp     *%rax

        .balign 8
trampoline_gdt:
        .quad   0
        .quad   0x00af9b000000ffff
        .quad   0x00cf93000000ffff
        .balign 8
trampoline_data:
        .skip   48
trampoline_end:

        .text
        .globl smp_ap_start
/* RSI: the copy's data, still mapped by the early tables. */
smp_ap_start:
        mov     D_FINAL_CR3(%rsi), %rax
        mov     D_STACK(%rsi), %rsp
        mov     D_PERCPU(%rsi), %rdi
        mov     %rax, %cr3
        mov     %edi, %eax
        mov     %rdi, %rdx
        shr     $32, %rdx
        mov     $GS_BASE, %ecx
        wrmsr
        xor     %ebp, %ebp
        call    smp_ap_main
        ud2

        .section .note.GNU-stack, "", @progbits
