/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot information of multiboot2 (specification 2.0, section 3.6). Each tag is copied out before
 * it is looked at and never read past its own end or the structure's. Unknown tags, and tags too
 * short for what they should hold, are passed over; only what leaves nothing to boot with is an error.
 */
#include <boot/bootinfo.h>

#include <lib/string.h>

enum mb2_tag_type { MB2_END = 0, MB2_CMDLINE = 1, MB2_LOADER = 2, MB2_MODULE = 3, MB2_MMAP = 6,
                    MB2_FRAMEBUFFER = 8, MB2_EFI32 = 11, MB2_EFI64 = 12, MB2_SMBIOS = 13,
                    MB2_ACPI_OLD = 14, MB2_ACPI_NEW = 15, MB2_EFI_MMAP = 17, MB2_LOAD_BASE = 21 };

#define MB2_TAG_ALIGN 8U
#define FB_TYPE_RGB 1U
#define FB_TYPE_TEXT 2U

struct mb2_tag { uint32_t type, size; };
struct mb2_mmap { uint32_t entry_size, entry_version; };
struct mb2_mmap_entry { uint64_t start, size; uint32_t type, zero; };
struct mb2_framebuffer { uint64_t address; uint32_t pitch, width, height; uint8_t bpp, type;
                         uint16_t reserved; } packed_struct;
struct mb2_efi_mmap { uint32_t entry_size, entry_version; };
/* UEFI 2.10, 7.2.3: EFI_MEMORY_DESCRIPTOR */
struct efi_descriptor { uint32_t type, pad; uint64_t physical, virtual, pages, attributes; };
struct mb2_rgb { uint8_t red_pos, red_size, green_pos, green_size, blue_pos, blue_size; };

/* The part of a tag behind its header. */
struct body { const uint8_t *data; size_t size; };

/* false: the tag is too short to hold this. */
static bool body_read(struct body b, size_t at, void *to, size_t size)
{
    if (at > b.size || b.size - at < size)
        return false;
    memcpy(to, b.data + at, size);
    return true;
}

static void copy_string(struct body b, size_t at, char *to, size_t size)
{
    size_t n = at < b.size ? strnlen((const char *)b.data + at, b.size - at) : 0;

    n = min_of(n, size - 1);
    memcpy(to, b.data + min_of(at, b.size), n);
    to[n] = '\0';
}

static void read_module(struct body b, struct bootinfo *out)
{
    uint32_t range[2];
    struct boot_module *m;

    if (!body_read(b, 0, range, sizeof(range)) || range[1] <= range[0] ||
        out->module_count == BOOT_MAX_MODULES)
        return;
    m = &out->module[out->module_count++];
    m->start = range[0];
    m->end = range[1];
    copy_string(b, sizeof(range), m->cmdline, sizeof(m->cmdline));
}

static void read_mmap(struct body b, struct bootinfo *out)
{
    struct mb2_mmap head;
    struct mb2_mmap_entry e;

    if (!body_read(b, 0, &head, sizeof(head)) || head.entry_size < sizeof(e))
        return;
    for (size_t at = sizeof(head); body_read(b, at, &e, sizeof(e)); at += head.entry_size) {
        if (e.size == 0)
            continue;
        if (out->mmap_count == BOOT_MAX_MMAP) {
            out->mmap_truncated = true;
            return;
        }
        if (e.start + e.size < e.start)
            e.size = 0 - e.start;
        out->mmap[out->mmap_count++] = (struct boot_mmap){ e.start, e.size, e.type };
        if (head.entry_size > b.size)
            return;
    }
}

static void read_efi_mmap(struct body b, struct bootinfo *out)
{
    struct mb2_efi_mmap head;
    struct efi_descriptor e;

    if (!body_read(b, 0, &head, sizeof(head)) || head.entry_size < sizeof(e) || head.entry_size > b.size)
        return;
    for (size_t at = sizeof(head); body_read(b, at, &e, sizeof(e)); at += head.entry_size) {
        bool sane = e.pages != 0 && e.pages <= (UINT64_MAX - e.physical) >> PAGE_SHIFT;

        if (sane && out->efi_mmap_count < BOOT_MAX_EFI_MMAP)
            out->efi_mmap[out->efi_mmap_count++] = (struct boot_efi_region){
                e.physical, e.pages << PAGE_SHIFT, e.attributes, e.type };
    }
}

static void read_framebuffer(struct body b, struct bootinfo *out)
{
    struct mb2_framebuffer f;
    struct mb2_rgb rgb = { 0, 0, 0, 0, 0, 0 };

    if (!body_read(b, 0, &f, sizeof(f)) || (f.type != FB_TYPE_RGB && f.type != FB_TYPE_TEXT) ||
        (f.type == FB_TYPE_RGB && !body_read(b, sizeof(f), &rgb, sizeof(rgb))))
        return;
    out->fb = (struct boot_framebuffer){
        .present = true, .text = f.type == FB_TYPE_TEXT, .address = f.address, .pitch = f.pitch,
        .width = f.width, .height = f.height, .bpp = f.bpp,
        .red_pos = rgb.red_pos, .red_size = rgb.red_size, .green_pos = rgb.green_pos,
        .green_size = rgb.green_size, .blue_pos = rgb.blue_pos, .blue_size = rgb.blue_size };
}

/* The newer of the two RSDPs wins, whichever comes first. */
static void read_rsdp(struct body b, struct bootinfo *out)
{
    if (b.size < 20 || b.size <= out->rsdp_size)
        return;
    out->rsdp_size = (unsigned int)min_of(b.size, sizeof(out->rsdp));
    memcpy(out->rsdp, b.data, out->rsdp_size);
}

static void read_number(struct body b, size_t size, uint64_t *to)
{
    uint64_t v = 0;

    if (body_read(b, 0, &v, size))
        *to = v;
}

static void read_tag(uint32_t type, struct body b, struct bootinfo *out)
{
    switch (type) {
    case MB2_CMDLINE: copy_string(b, 0, out->cmdline, sizeof(out->cmdline)); break;
    case MB2_LOADER: copy_string(b, 0, out->loader, sizeof(out->loader)); break;
    case MB2_MODULE: read_module(b, out); break;
    case MB2_MMAP: read_mmap(b, out); break;
    case MB2_FRAMEBUFFER: read_framebuffer(b, out); break;
    case MB2_ACPI_OLD:
    case MB2_ACPI_NEW: read_rsdp(b, out); break;
    case MB2_EFI32: read_number(b, 4, &out->efi_system_table); break;
    case MB2_EFI64:
        read_number(b, 8, &out->efi_system_table);
        out->efi_64 = out->efi_system_table != 0;
        break;
    case MB2_EFI_MMAP: read_efi_mmap(b, out); break;
    case MB2_SMBIOS: out->has_smbios = b.size >= 8; break;
    case MB2_LOAD_BASE:
        out->has_load_base = b.size >= 4;
        read_number(b, 4, &out->load_base);
        break;
    default: break;
    }
}

const char *multiboot2_parse(const void *info, size_t size, struct bootinfo *out)
{
    const uint8_t *p = info;
    uint32_t total;
    size_t at = 8;

    memset(out, 0, sizeof(*out));
    if (size < 8)
        return "The boot loader's information structure is empty.";
    memcpy(&total, p, sizeof(total));
    size = min_of(size, (size_t)total);
    for (;;) {
        struct mb2_tag tag;

        if (at > size || size - at < sizeof(tag))
            return "The boot loader's information structure has no end tag.";
        memcpy(&tag, p + at, sizeof(tag));
        if (tag.type == MB2_END)
            break;
        if (tag.size < sizeof(tag) || tag.size > size - at)
            return "The boot loader's information structure has a tag of impossible size.";
        read_tag(tag.type, (struct body){ p + at + sizeof(tag), tag.size - sizeof(tag) }, out);
        at += ALIGN_UP((size_t)tag.size, MB2_TAG_ALIGN);
    }
    if (out->mmap_count == 0)
        return "The boot loader gave no memory map; Tenon needs one (GRUB 2 gives it).";
    return NULL;
}
