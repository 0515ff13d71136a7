/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first two sectors of guests.bzimage: a kernel as of the Linux boot protocol (linux/Documentation/x86/boot.rst), because that is what
 * QEMU loads without its fw_cfg's DMA, which it has not under Xen: its loader of multiboot kernels waited for ever (QEMU 7.2 on Tenon).
 * Assembled as if at 0; runs at offset 0x200 in real mode, all segments at its begin.
 */
#include "linux.h"

        .code16
        .org    0x1f1
        .byte   1                       /* setup_sects, besides the first */
        .org    0x1fe
        .word   0xaa55                  /* boot_flag */
        jmp     begin
        .org    0x202
        .long   LINUX_MAGIC
        .word   0x0203                  /* version */
        .org    0x211
        .byte   1                       /* loadflags: LOADED_HIGH */
        .org    0x214
        .long   LINUX_KERNEL            /* code32_start */
        .org    0x228
        .long   0                       /* cmd_line_ptr, from the loader */
        .long   0x37ffffff              /* initrd_addr_max */

begin:  cli
        xor     %esi, %esi
        mov     %ds, %si
        shl     $4, %esi
        add     %esi, gdt_pointer + 2
        lgdtl   gdt_pointer
        mov     %cr0, %eax
        or      $1, %al
        mov     %eax, %cr0
        ljmpl   $LINUX_SEL_CODE, $LINUX_KERNEL

        .balign 8
gdt:    .quad   0
        .quad   0x00cf9b000000ffff      /* LINUX_SEL_CODE */
        .quad   0x00cf93000000ffff      /* LINUX_SEL_DATA */
gdt_pointer:
        .word   gdt_pointer - gdt - 1
        .long   gdt
        .org    0x400
