/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel file from first byte to bytes in guest memory: container, payload, ELF. */
#include <dom0/image.h>

#include <lib/string.h>

#include "image_parts.h"

init_text const char *image_parse(const void *file, size_t size, const struct image_memory *mem,
                                  struct kernel_image *out)
{
    struct bytes whole = { file, size }, payload, elf = { NULL, 0 };
    const char *wrong;
    bool is_bzimage;

    memset(out, 0, sizeof(*out));
    if (size < 4)
        return "the first module (dom0's kernel) is empty: check the module2 lines of the boot "
               "entry";
    wrong = bzimage_payload(whole, &is_bzimage, &payload);
    if (wrong)
        return wrong;
    if (is_bzimage) {
        wrong = payload_unpack(payload, mem, &elf, &out->format);
        if (wrong)
            return wrong;
    } else if (memcmp(whole.at, "\177ELF", 4) == 0) {
        elf = whole;
        out->format = "ELF64";
    } else {
        return "the first module is no kernel (neither a bzImage nor an ELF file): the boot "
               "entry's first module2 line must name dom0's kernel";
    }
    out->elf = elf.at;
    out->elf_size = elf.size;
    return elf_parse(out);
}

init_text const char *image_load(const struct kernel_image *k,
                                 void *(*to)(void *ctx, uint64_t pa, size_t size), void *ctx)
{
    uint8_t *place[IMAGE_SEGMENTS_MAX];

    for (unsigned int i = 0; i < k->segment_count; i++) {
        place[i] = to(ctx, k->segment[i].address, k->segment[i].mem_size);
        if (!place[i])
            return "a segment of dom0's kernel lies outside of dom0's RAM";
    }
    for (unsigned int i = 0; i < k->segment_count; i++) {
        const struct kernel_segment *s = &k->segment[i];

        memcpy(place[i], k->elf + s->offset, s->file_size);
        memset(place[i] + s->file_size, 0, s->mem_size - s->file_size);
    }
    return NULL;
}
