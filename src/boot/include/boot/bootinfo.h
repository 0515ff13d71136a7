/* SPDX-License-Identifier: BSD-2-Clause */
/* What the boot loader told us, independent of its protocol (multiboot2 today). Parsed once, pure. */
#ifndef BOOT_BOOTINFO_H
#define BOOT_BOOTINFO_H

#include <hv/types.h>

#define BOOT_MAX_MODULES 8
#define BOOT_MAX_MMAP 128
#define BOOT_MAX_EFI_MMAP 256
#define BOOT_CMDLINE_MAX 1024

struct boot_module { uint64_t start, end; char cmdline[BOOT_CMDLINE_MAX]; };
struct boot_mmap { uint64_t start, size; uint32_t type; };     /* E820 types */
struct boot_efi_region { uint64_t start, size, attributes; uint32_t type; };
struct boot_framebuffer { bool present, text; uint64_t address; uint32_t pitch, width, height; uint8_t bpp;
                          uint8_t red_pos, red_size, green_pos, green_size, blue_pos, blue_size; };
struct bootinfo {
    char cmdline[BOOT_CMDLINE_MAX];
    char loader[64];
    unsigned int module_count; struct boot_module module[BOOT_MAX_MODULES];
    unsigned int mmap_count; struct boot_mmap mmap[BOOT_MAX_MMAP];
    bool mmap_truncated;
    uint8_t rsdp[36]; unsigned int rsdp_size;      /* 0: none given */
    struct boot_framebuffer fb;
    uint64_t efi_system_table; bool efi_64; bool has_smbios;   /* efi_64: it is a 64-bit firmware's */
    unsigned int efi_mmap_count; struct boot_efi_region efi_mmap[BOOT_MAX_EFI_MMAP];
    uint64_t load_base; bool has_load_base;
};
/* info: the multiboot2 information structure of `size` readable bytes. NULL or a sentence. */
const char *multiboot2_parse(const void *info, size_t size, struct bootinfo *out) must_check;

#endif
