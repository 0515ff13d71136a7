/* SPDX-License-Identifier: BSD-2-Clause */
/* What UEFI left behind, from the boot loader's tags to where the rest of the hypervisor looks for it. */
#include "boot.h"

#include <lib/log.h>
#include <x86/efi.h>
#include <xen/xen.h>

static init_text const char *vendor_text(const struct efi_machine *m)
{
    static char text[EFI_VENDOR_MAX] init_data;

    for (unsigned int i = 0; i < EFI_VENDOR_MAX; i++)
        text[i] = (char)(m->vendor[i] == 0 || (m->vendor[i] >= ' ' && m->vendor[i] < 0x7f) ? m->vendor[i] : '?');
    return text;
}

init_text void firmware_read(const struct bootinfo *info)
{
    static struct efi_machine m init_data;

    if (info->efi_system_table == 0)
        return;
    if (!info->efi_64) {
        log_warn("UEFI: 32-bit firmware, its runtime services cannot be called");
        return;
    }
    for (unsigned int i = 0; i < info->efi_mmap_count && i < EFI_MAX_REGIONS; i++) {
        const struct boot_efi_region *r = &info->efi_mmap[i];

        m.region[m.region_count++] = (struct efi_region){ r->start, r->size, r->attributes, r->type };
    }
    if (!efi_parse(memory_acpi_window(), info->efi_system_table, &m))
        return;
    efi_set_host(&m);
    log_info("UEFI %u.%u by %s, %u regions, runtime services %s", m.revision >> 16, (m.revision & 0xffff) / 10,
             vendor_text(&m), m.region_count, efi_host()->runtime ? "in use" : "not usable");
}

/* Only a frame buffer is of use to dom0: text mode has its registers at places that it knows. */
init_text const struct dom0_vga_console_info *firmware_screen(const struct boot_framebuffer *fb)
{
    static struct dom0_vga_console_info c;

    if (!fb->present || fb->text)
        return NULL;
    c.video_type = efi_host()->present ? XEN_VGATYPE_EFI_LFB : XEN_VGATYPE_VESA_LFB;
    c.u.vesa_lfb.width = (uint16_t)fb->width;
    c.u.vesa_lfb.height = (uint16_t)fb->height;
    c.u.vesa_lfb.bytes_per_line = (uint16_t)fb->pitch;
    c.u.vesa_lfb.bits_per_pixel = fb->bpp;
    c.u.vesa_lfb.lfb_base = (uint32_t)fb->address;
    c.u.vesa_lfb.ext_lfb_base = (uint32_t)(fb->address >> 32);
    /* In units of 64 KiB, as a VBE BIOS counts its memory. */
    c.u.vesa_lfb.lfb_size = (fb->pitch * fb->height + 0xffffU) >> 16;
    c.u.vesa_lfb.red_pos = fb->red_pos;
    c.u.vesa_lfb.red_size = fb->red_size;
    c.u.vesa_lfb.green_pos = fb->green_pos;
    c.u.vesa_lfb.green_size = fb->green_size;
    c.u.vesa_lfb.blue_pos = fb->blue_pos;
    c.u.vesa_lfb.blue_size = fb->blue_size;
    return &c;
}
