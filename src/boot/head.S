/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the boot loader to C. GRUB loads the image at any 2 MiB boundary below 4 GiB and enters here in
 * 32-bit protected mode without paging, interrupts off (multiboot2 specification 3.3): EAX holds
 * the loader's magic, EBX the information structure. No symbol may be used by its linked
 * address before paging is on: EBP holds the image's physical address, ADDR() is relative to that.
 */
#define IMAGE_VMA 0xffffffff80000000
#define ADDR(symbol) (symbol - IMAGE_VMA)(%ebp)

#define MB2_HEADER_MAGIC 0xe85250d6
#define MB2_LOADER_MAGIC 0x36d76289
#define MB2_OPTIONAL 1

#define CR0_ON 0x80010003          /* PG, WP, MP, PE */
#define EFER 0xc0000080
#define EFER_LME_NXE 0x900
#define GS_BASE 0xc0000101
#define PTE_TABLE 0x3              /* present, writable */
#define PTE_2M 0x83                /* the same, a 2 MiB page */

        .section .head, "ax"

        .balign 8
mb2_header:
        .long MB2_HEADER_MAGIC
        .long 0                    /* architecture: i386 */
        .long mb2_header_end - mb2_header
        .long -(MB2_HEADER_MAGIC + (mb2_header_end - mb2_header))

        .balign 8                  /* information request */
        .short 1, MB2_OPTIONAL
        .long 8 + 4 * 11
        .long 1, 2, 3, 6, 8, 12, 13, 14, 15, 17, 21
        .balign 8                  /* modules on page boundaries */
        .short 6, 0
        .long 8
        .balign 8                  /* relocatable: 1 MiB up to 4 GiB, 2 MiB aligned, as high as possible */
        .short 10, 0
        .long 24
        .long 0x00100000, 0xffffffff, 0x00200000, 2
        .balign 8                  /* console: EGA text is understood */
        .short 4, MB2_OPTIONAL
        .long 12
        .long 2
#if TENON_FRAMEBUFFER
        .balign 8                  /* frame buffer of any size and depth */
        .short 5, MB2_OPTIONAL
        .long 20
        .long 0, 0, 0
#endif
        .balign 8
        .short 0, 0                /* end */
        .long 8
mb2_header_end:

        .code32
        .globl head_start
head_start:
        cli
        cld
        mov     %eax, %edi
        /* There is no stack yet: borrow the information structure's first word for a return address. */
        mov     (%ebx), %edx
        lea     4(%ebx), %esp
        call    1f
1:      pop     %ebp
        sub     $(1b - IMAGE_VMA), %ebp
        mov     %edx, (%ebx)
        lea     ADDR(boot_stack_top), %esp

        lea     ADDR(msg_loader), %esi
        cmp     $MB2_LOADER_MAGIC, %edi
        jne     head_message
        lea     ADDR(msg_long_mode), %esi
        mov     $0x80000000, %eax
        push    %ebx
        cpuid
        cmp     $0x80000001, %eax
        jb      head_message
        mov     $0x80000001, %eax
        cpuid
        pop     %ebx
        bt      $29, %edx          /* long mode */
        jnc     head_message
        lea     ADDR(msg_nx), %esi
        bt      $20, %edx
        jnc     head_message

        call    head_build_tables

        mov     %cr4, %eax
        or      $0x20, %eax        /* PAE */
        mov     %eax, %cr4
        lea     ADDR(early_pml4), %eax
        mov     %eax, %cr3
        mov     $EFER, %ecx
        rdmsr
        or      $EFER_LME_NXE, %eax
        wrmsr
        mov     $CR0_ON, %eax
        mov     %eax, %cr0

        lea     ADDR(head_gdt), %eax
        mov     %eax, ADDR(head_gdtr + 2)
        lgdt    ADDR(head_gdtr)
        lea     ADDR(head_long), %eax
        mov     %eax, ADDR(head_far)
        ljmp    *ADDR(head_far)

/* Identity and direct map share their tables for the first 4 GiB; the image gets 2 MiB pages. */
head_build_tables:
        lea     ADDR(early_low_pd), %edi
        mov     $PTE_2M, %eax
        mov     $(4 * 512), %ecx
1:      mov     %eax, (%edi)
        movl    $0, 4(%edi)
        add     $0x200000, %eax
        add     $8, %edi
        loop    1b

        lea     ADDR(early_low_pdpt), %edi
        lea     ADDR(early_low_pd + PTE_TABLE), %eax
        mov     $4, %ecx
1:      mov     %eax, (%edi)
        add     $0x1000, %eax
        add     $8, %edi
        loop    1b

        lea     ADDR(early_image_pd), %edi
        lea     PTE_2M(%ebp), %eax
        mov     $image_2m_pages, %ecx
1:      mov     %eax, (%edi)
        add     $0x200000, %eax
        add     $8, %edi
        loop    1b

        lea     ADDR(early_low_pdpt + PTE_TABLE), %eax
        mov     %eax, ADDR(early_pml4)
        mov     %eax, ADDR(early_pml4 + 256 * 8)
        lea     ADDR(early_image_pdpt + PTE_TABLE), %eax
        mov     %eax, ADDR(early_pml4 + 511 * 8)
        lea     ADDR(early_image_pd + PTE_TABLE), %eax
        mov     %eax, ADDR(early_image_pdpt + 510 * 8)
        ret

/* ESI: a sentence. To the first serial port and the text screen, then nothing more. */
head_message:
        mov     $0xb8000, %edi
1:      lodsb
        test    %al, %al
        jz      3f
        mov     $0x0f, %ah
        stosw
        mov     %al, %bl
        mov     $0x3fd, %dx
        mov     $0x10000, %ecx
2:      in      %dx, %al
        test    $0x20, %al
        loopz   2b
        mov     %bl, %al
        mov     $0x3f8, %dx
        out     %al, %dx
        jmp     1b
3:      hlt
        jmp     3b

        .code64
head_long:
        movabs  $1f, %rax
        jmp     *%rax
1:      mov     $0x10, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        xor     %eax, %eax
        mov     %eax, %fs
        mov     %eax, %gs
        mov     $boot_stack_top, %rsp
        /* this_cpu() and the stack protector's canary work from the first C function on. */
        mov     $percpu_bsp, %rsi
        mov     %esi, %eax
        mov     %rsi, %rdx
        shr     $32, %rdx
        mov     $GS_BASE, %ecx
        wrmsr
        rdtsc
        shl     $32, %rdx
        or      %rdx, %rax
        mov     %rax, boot_entry_tsc
        mov     $0x9e3779b97f4a7c15, %rcx
        mul     %rcx
        mov     %rdx, %rcx
        xor     %rax, %rcx
        xor     %cl, %cl           /* a zero byte stops string functions */
        mov     %rcx, 40(%rsi)
        mov     %ebx, %edi         /* physical address of the boot information */
        mov     %ebp, %esi         /* and of the image */
        xor     %ebp, %ebp         /* backtraces end here */
        call    boot_main
        ud2

        .balign 8
head_gdt:
        .quad   0
        .quad   0x00af9b000000ffff
        .quad   0x00cf93000000ffff
head_gdtr:
        .short  head_gdtr - head_gdt - 1
        .long   0
        .balign 4
head_far:
        .long   0
        .short  0x08

msg_loader:
        .asciz  "Tenon: not started by a multiboot2 boot loader; use GRUB's 'multiboot2' command."
msg_long_mode:
        .asciz  "Tenon needs a 64-bit CPU (long mode); this one has none."
msg_nx:
        .asciz  "Tenon needs NX page protection; this CPU lacks it or the firmware has disabled it."

        .section .init.data, "aw"
        .balign 8
        .globl boot_entry_tsc      /* when the loader jumped, for the report at the end */
boot_entry_tsc:
        .quad   0

        .section .bss.page_aligned, "aw", @nobits
        .balign 4096
        .globl early_pml4
early_pml4:       .skip 4096
early_low_pdpt:   .skip 4096
early_low_pd:     .skip 4 * 4096
early_image_pdpt: .skip 4096
early_image_pd:   .skip 4096
boot_stack:       .skip 4 * 4096
boot_stack_top:
        .section .note.GNU-stack, "", @progbits
