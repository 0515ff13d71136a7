/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel's way through image.h, with little memory and a small guest. */
#ifndef FUZZ_DOM0_PARSE_AND_LOAD_H
#define FUZZ_DOM0_PARSE_AND_LOAD_H

#include <dom0/image.h>

#include "synthetic.h"

#define GUEST_RAM (4UL << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void *fuzz_guest(void *ctx, uint64_t pa, size_t size)
{
    static uint8_t ram[GUEST_RAM];

    (void)ctx;
    if (pa < TINY_TEXT || pa - TINY_TEXT > GUEST_RAM || size > GUEST_RAM - (pa - TINY_TEXT))
        return NULL;
    return ram + (pa - TINY_TEXT);
}

static inline void parse_and_load(const void *file, size_t size)
{
    static struct kernel_image image;
    struct arena a = { .left = 2UL << 20 };
    struct image_memory mem = { arena_alloc, &a };
    const char *wrong = image_parse(file, size, &mem, &image);

    if (wrong ? strlen(wrong) < 20 : !image.has_phys32_entry)
        abort();
    if (!wrong && image_load(&image, fuzz_guest, NULL) == NULL &&
        image.load_end <= image.phys32_entry)
        abort();
    arena_free(&a);
}

#endif
