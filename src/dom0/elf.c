/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF64 kernels: program headers and the notes of Xen's PVH entry. */
#include "image_parts.h"

#include <xen/elfnote.h>

#include <lib/string.h>

/* The ELF64 structures, as in its specification; fields may lie unaligned in a payload. */
struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
} packed_struct;
struct elf_program_header {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
} packed_struct;
struct elf_note { uint32_t name_size, desc_size, type; } packed_struct;

_Static_assert(sizeof(struct elf_header) == 64, "ELF64 header");
_Static_assert(sizeof(struct elf_program_header) == 56, "ELF64 program header");

#define ELF_CLASS64 2U
#define ELF_LITTLE_ENDIAN 1U
#define ELF_EXEC 2U
#define ELF_DYN 3U
#define ELF_X86_64 62U
#define PROGRAM_HEADERS_MAX 64U   /* Linux has six */
#define PT_LOAD 1U
#define PT_NOTE 4U

static init_text const char *check_header(const struct elf_header *h, size_t size)
{
    if (h->ident[4] != ELF_CLASS64 || h->ident[5] != ELF_LITTLE_ENDIAN || h->machine != ELF_X86_64)
        return "dom0's kernel is not a 64-bit x86 ELF file: Tenon needs a 64-bit kernel "
               "(linux-image-amd64)";
    if (h->type != ELF_EXEC && h->type != ELF_DYN)
        return "dom0's kernel is an ELF file, but not an executable one";
    if (h->phentsize != sizeof(struct elf_program_header) || h->phnum == 0)
        return "dom0's kernel is an ELF file without program headers: install it again";
    if (h->phnum > PROGRAM_HEADERS_MAX)
        return "dom0's kernel has more than 64 program headers, which Tenon does not take";
    if (h->phoff > size || (uint64_t)h->phnum * h->phentsize > size - h->phoff)
        return "dom0's kernel is truncated: its program headers lie outside of the file";
    return NULL;
}

static init_text bool overlaps_earlier(const struct kernel_image *k, const struct kernel_segment *s)
{
    for (unsigned int i = 0; i < k->segment_count; i++)
        if (s->address < k->segment[i].address + k->segment[i].mem_size &&
            k->segment[i].address < s->address + s->mem_size)
            return true;
    return false;
}

static init_text const char *add_segment(struct kernel_image *k, const struct elf_program_header *p)
{
    struct kernel_segment s = { p->offset, p->filesz, p->paddr, p->memsz };

    if (s.mem_size == 0)
        return NULL;
    if (s.offset > k->elf_size || s.file_size > k->elf_size - s.offset)
        return "dom0's kernel is truncated: a segment lies outside of the file";
    if (s.file_size > s.mem_size || s.address > BIT(32) || s.mem_size > BIT(32) - s.address)
        return "dom0's kernel has a segment with impossible addresses: install it again";
    if (k->segment_count == IMAGE_SEGMENTS_MAX)
        return "dom0's kernel has more than 16 segments, which Tenon does not take";
    if (overlaps_earlier(k, &s))
        return "dom0's kernel has overlapping segments: install it again";
    if (k->segment_count == 0 || s.address < k->load_start)
        k->load_start = s.address;
    k->load_end = max_of(k->load_end, s.address + s.mem_size);
    k->segment[k->segment_count++] = s;
    return NULL;
}

static init_text uint32_t note_padded(uint32_t size)
{
    return ALIGN_UP(size, 4U);
}

static init_text const char *take_note(struct kernel_image *k, const struct elf_note *n,
                                       const uint8_t *name, const uint8_t *desc)
{
    uint64_t entry;

    if (n->name_size != 4 || memcmp(name, "Xen", 4) != 0 || n->type != XEN_ELFNOTE_PHYS32_ENTRY ||
        k->has_phys32_entry)
        return NULL;
    if (n->desc_size != 4 && n->desc_size != 8)
        return "dom0's kernel has a damaged PVH entry note: install it again";
    entry = le32_at(desc) | (n->desc_size == 8 ? (uint64_t)le32_at(desc + 4) << 32 : 0);
    if (entry > UINT32_MAX)
        return "dom0's kernel has a PVH entry point above 4 GiB: its note is damaged, install it "
               "again";
    k->phys32_entry = (uint32_t)entry;
    k->has_phys32_entry = true;
    return NULL;
}

static init_text const char *read_notes(struct kernel_image *k, const struct elf_program_header *p)
{
    static const char damaged[] = "dom0's kernel has damaged ELF notes: install it again";
    uint64_t at = p->offset, left = p->filesz;

    if (at > k->elf_size || left > k->elf_size - at)
        return "dom0's kernel is truncated: its ELF notes lie outside of the file";
    while (left >= sizeof(struct elf_note)) {
        struct elf_note n;
        uint64_t body;
        const char *wrong;

        memcpy(&n, k->elf + at, sizeof(n));
        at += sizeof(n);
        left -= sizeof(n);
        if (n.name_size > left || n.desc_size > left)
            return damaged;
        body = (uint64_t)note_padded(n.name_size) + n.desc_size;
        if (body > left)
            return damaged;
        wrong = take_note(k, &n, k->elf + at, k->elf + at + note_padded(n.name_size));
        if (wrong)
            return wrong;
        body = min_of(left, ALIGN_UP(body, 4U));   /* the last one's padding may be missing */
        at += body;
        left -= body;
    }
    return NULL;
}

static init_text bool entry_is_loaded(const struct kernel_image *k)
{
    for (unsigned int i = 0; i < k->segment_count; i++)
        if (k->phys32_entry >= k->segment[i].address &&
            k->phys32_entry - k->segment[i].address < k->segment[i].file_size)
            return true;
    return false;
}

init_text const char *elf_parse(struct kernel_image *k)
{
    struct elf_header h;
    const char *wrong;

    if (k->elf_size < sizeof(h) || memcmp(k->elf, "\177ELF", 4) != 0)
        return "dom0's kernel does not contain an ELF file: install it again";
    memcpy(&h, k->elf, sizeof(h));
    wrong = check_header(&h, k->elf_size);
    for (unsigned int i = 0; !wrong && i < h.phnum; i++) {
        struct elf_program_header p;

        memcpy(&p, k->elf + h.phoff + (uint64_t)i * sizeof(p), sizeof(p));
        if (p.type == PT_LOAD)
            wrong = add_segment(k, &p);
        else if (p.type == PT_NOTE)
            wrong = read_notes(k, &p);
    }
    if (wrong)
        return wrong;
    if (k->segment_count == 0)
        return "dom0's kernel is an ELF file with nothing to load: install it again";
    if (!k->has_phys32_entry)
        return "dom0's kernel has no PVH entry note: Tenon's dom0 needs a kernel with CONFIG_PVH=y "
               "(Debian's linux-image-amd64 has it)";
    if (!entry_is_loaded(k))
        return "dom0's kernel has a PVH entry point outside of its code: its note is damaged, "
               "install it again";
    return NULL;
}
