/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guests of vmx_test.c run. Each VMCALL is a point at which the host looks at registers; the
 * other instructions that exit are named in comments. Code is copied to the address in its AT macro.
 */
    .section .rodata, "a"

/* ---- flat: 32-bit protected mode, then PAE paging, then long mode. At 0x4000. ---- */
    .globl flat_code, flat_code_end
    .balign 16
#define AT(label) (label - flat_code + 0x4000)
flat_code:
    .code32
    lgdtl AT(flat_gdtr)
    ljmp $0x18, $AT(1f)
1:  lidtl AT(flat_idtr)
    mov $0x12345678, %eax
    xor %ecx, %ecx
    cpuid                               /* exits */
    mov $0x3f8, %dx
    mov $0x41, %al
    outb %al, %dx                       /* exits */
    outb %al, $0x80                     /* let through */
    mov $0x77, %ecx
    rdmsr                               /* exits */
    mov $0x174, %ecx
    rdmsr                               /* let through */
    vmcall
    mov 0x500000, %eax                  /* exits: a hole */
    movl $1, 0x600000                   /* exits: read-only */
    mov %cr0, %eax
    or $0x20, %eax
    mov %eax, %cr0                      /* exits: NE is ours */
    mov %cr0, %eax
    vmcall
    mov $0x2a0, %eax
    mov %eax, %cr4                      /* PAE, PGE, OSFXSR are the guest's */
    mov %cr4, %eax
    vmcall
    or $0x40, %eax
    mov %eax, %cr4                      /* exits: MCE is ours */
    mov %cr4, %eax
    vmcall
    sti
    hlt                                 /* exits; an interrupt comes in */
    vmcall
    cli
    vmcall                              /* an interrupt is pending now */
    sti
    nop                                 /* exits: the window opens */
    vmcall
    ud2
    vmcall
    int3
    vmcall                              /* an NMI comes in: VMCALL inside */
    nop                                 /* exits: the NMI window */
    vmcall
    pushfl
    orl $0x100, (%esp)
    popfl
    cpuid                               /* exits; then #DB, which exits too */
    vmcall
    mov $0x30000, %eax                  /* PAE paging */
    mov %eax, %cr3
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    vmcall
    and $0x7fffffff, %eax
    mov %eax, %cr0
    mov $0x20000, %eax                  /* long mode */
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    mov $0x100, %eax
    xor %edx, %edx
    wrmsr                               /* exits */
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    ljmp $8, $AT(2f)
    .code64
2:  mov %cr0, %rax
    vmcall
    mov $0x1122334455667788, %r15
    mov %r15, %r8
    swapgs
    vmcall
    mov $0xdead0000, %eax
    mov (%rax), %rax                    /* page fault without a 64-bit IDT: triple fault */
    .code32
flat_nmi:
    vmcall
    iret
flat_30:
    mov $0x30, %ebx
    iret
flat_ud:
    mov $6, %ebx
    addl $2, (%esp)
    iret
flat_bp:
    mov $3, %ebx
    iret
    .balign 8
flat_gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff
flat_gdtr:
    .short 31
    .long AT(flat_gdt)
flat_idtr:
    .short 0x31 * 8 - 1
    .long AT(flat_idt)
    .balign 8
flat_idt:
    .quad 0, 0
    .short AT(flat_nmi), 0x18, 0x8e00, 0
    .short AT(flat_bp), 0x18, 0x8e00, 0
    .quad 0, 0
    .short AT(flat_ud), 0x18, 0x8e00, 0
    .fill 0x29, 8, 0
    .short AT(flat_30), 0x18, 0x8e00, 0
flat_code_end:
#undef AT

/* ---- real: after a start-up IPI with vector 0x80; interrupt 0x20 is at 8000:8 ---- */
    .globl real_code, real_code_end
    .balign 16
#define AT(label) (label - real_code)
real_code:
    .code16
    jmp 1f
    .balign 8
    mov $0x2020, %cx                    /* 8000:8 */
    iret
1:  mov %cs, %ax
    cpuid                               /* exits */
    vmcall
    sti
    hlt                                 /* exits; an interrupt comes in */
    vmcall
    lgdtl %cs:AT(real_gdtr)
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $8, $0x80000 + AT(2f)
    .code32
2:  mov $0x10, %eax
    mov %eax, %ss
    mov %eax, %ds
    vmcall
    int3                                /* no IDT: triple fault */
    .balign 8
real_gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
real_gdtr:
    .short 23
    .long 0x80000 + AT(real_gdt)
real_code_end:
#undef AT

/* ---- apic: 32-bit, first with an x2APIC, then with an xAPIC. At 0x4000. ---- */
    .globl apic_code, apic_code_end
    .balign 16
#define AT(label) (label - apic_code + 0x4000)
apic_code:
    .code32
    lgdtl AT(apic_gdtr)
    ljmp $0x18, $AT(1f)
1:  lidtl AT(apic_idtr)
    mov $0x802, %ecx
    rdmsr                               /* the page's */
    vmcall
    mov $0x808, %ecx
    mov $0x20, %eax
    xor %edx, %edx
    wrmsr                               /* TPR: into the page */
    vmcall
    sti
    nop
    vmcall                              /* RVI is set to 0x51 here */
    nop
    vmcall
    mov $0x83f, %ecx
    mov $0x52, %eax
    wrmsr                               /* self IPI; its EOI exits */
    nop
    vmcall
    mov $0x830, %ecx
    wrmsr                               /* ICR: exits */
    vmcall                              /* xAPIC mode from here */
    mov 0xfee00020, %eax
    vmcall
    movl $0x30, 0xfee00080
    vmcall
    movl $0xc4051, 0xfee00300           /* ICR: exits after the write */
    vmcall
    mov 0xfee00404, %eax                /* no register: exits */
    vmcall
apic_51:
    mov $0x51, %ebx
    jmp 2f
apic_52:
    mov $0x52, %ebx
2:  push %ecx
    mov $0x80b, %ecx
    xor %eax, %eax
    xor %edx, %edx
    wrmsr                               /* EOI */
    pop %ecx
    iret
    .balign 8
apic_gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff
apic_gdtr:
    .short 31
    .long AT(apic_gdt)
apic_idtr:
    .short 0x53 * 8 - 1
    .long AT(apic_idt)
    .balign 8
apic_idt:
    .fill 0x51, 8, 0
    .short AT(apic_51), 0x18, 0x8e00, 0
    .short AT(apic_52), 0x18, 0x8e00, 0
apic_code_end:

    .section .note.GNU-stack, "", @progbits
