/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of src/boot. */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include <boot/bootinfo.h>
#include <boot/cmdline.h>

/* Called by head.S on the loader's stack, on the boot's page tables. */
noreturn_fn void boot_main(uint32_t info_phys, uint32_t image_phys);
/* Orderly end of the boot: the sentence on all consoles, then nothing more. */
noreturn_fn void boot_fail(const char *sentence);

/* consoles.c */
void consoles_early(const struct cmdline *options, const struct boot_framebuffer *fb);
/* Our page tables are in use: the frame buffer has moved. */
void consoles_remap(const struct boot_framebuffer *fb);
/* Interrupts work: serial input, and output without waiting. */
void consoles_start(const struct cmdline *options);
/* Timers work: a serial line without an interrupt is looked at every now and then. */
void consoles_start_polling(void);

/* firmware.c: what a UEFI machine has; nothing on a BIOS one. */
void firmware_read(const struct bootinfo *info);
/* The screen that dom0 is told of, or NULL. */
struct dom0_vga_console_info;
const struct dom0_vga_console_info *firmware_screen(const struct boot_framebuffer *fb);

/* memory.c: the steps that make page tables and allocators; NULL or a sentence. */
const char *memory_map_pages(void);
const char *memory_start_allocators(void);
const struct acpi_memory *memory_acpi_window(void);

/* dom0_devices.c: PCI, CMOS, ports and MSRs that dom0 has directly. */
struct domain;
struct acpi_info;
struct memmap;
int dom0_make_devices(struct domain *d, const struct acpi_info *acpi, const struct memmap *host) must_check;
/* keys.c */
void key_handle(uint8_t key);
/* machine_hooks.c */
void machine_wire_hooks(const struct bootinfo *info, const struct cmdline *options);

#endif
