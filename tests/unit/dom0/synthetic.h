/* SPDX-License-Identifier: BSD-2-Clause */
/* Small kernels made up for tests: an ELF64 file with two segments and a PVH note, and a bzImage
 * around any payload. */
#ifndef TESTS_DOM0_SYNTHETIC_H
#define TESTS_DOM0_SYNTHETIC_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TINY_TEXT 0x1000000ULL      /* physical addresses of the two segments */
#define TINY_DATA 0x1200000ULL
#define TINY_ENTRY (TINY_TEXT + 0x40)
#define TINY_BSS 0x3000U
#define TINY_TEXT_AT 0x1000U        /* file offsets */
#define TINY_DATA_AT 0x2000U
#define TINY_NOTE_AT 0x200U
#define TINY_SIZE 0x2800U

static inline void put16(uint8_t *p, uint16_t v) { memcpy(p, &v, 2); }
static inline void put32(uint8_t *p, uint32_t v) { memcpy(p, &v, 4); }
static inline void put64(uint8_t *p, uint64_t v) { memcpy(p, &v, 8); }

static inline void put_segment(uint8_t *p, uint32_t type, uint64_t offset, uint64_t pa,
                               uint64_t filesz, uint64_t memsz)
{
    memset(p, 0, 56);
    put32(p, type);
    put64(p + 8, offset);
    put64(p + 16, 0xffffffff80000000ULL + pa);
    put64(p + 24, pa);
    put64(p + 32, filesz);
    put64(p + 40, memsz);
}

static inline void put_note(uint8_t *p, const char *name, uint32_t type, uint32_t desc_size,
                            uint64_t desc)
{
    put32(p, 4);
    put32(p + 4, desc_size);
    put32(p + 8, type);
    memcpy(p + 12, name, 4);
    memcpy(p + 16, &desc, desc_size);
}

/* elf has TINY_SIZE bytes. */
static inline void tiny_elf(uint8_t *elf)
{
    for (unsigned int i = 0; i < TINY_SIZE; i++)
        elf[i] = (uint8_t)(i * 7 + (i >> 8));
    memset(elf, 0, 0x300);
    memcpy(elf, "\177ELF\2\1\1", 7);
    put16(elf + 16, 2);
    put16(elf + 18, 62);
    put32(elf + 20, 1);
    put64(elf + 32, 64);
    put16(elf + 52, 64);
    put16(elf + 54, 56);
    put16(elf + 56, 3);
    put_segment(elf + 64, 1, TINY_TEXT_AT, TINY_TEXT, 0x1000, 0x1000);
    put_segment(elf + 64 + 56, 1, TINY_DATA_AT, TINY_DATA, 0x800, 0x800 + TINY_BSS);
    put_segment(elf + 64 + 112, 4, TINY_NOTE_AT, 0, 24 + 24, 0);
    put_note(elf + TINY_NOTE_AT, "Xen", 5, 8, 0x302d332e6e6578ULL);
    put_note(elf + TINY_NOTE_AT + 24, "Xen", 18, 8, TINY_ENTRY);
}

#define TINY_SETUP_SECTS 2U
#define TINY_PAYLOAD_AT ((TINY_SETUP_SECTS + 1) * 512U + 0x80U)

/* The caller frees it. */
static inline uint8_t *tiny_bzimage(const void *payload, size_t size, size_t *total)
{
    uint8_t *b = calloc(1, TINY_PAYLOAD_AT + size + 16);

    b[0x1f1] = TINY_SETUP_SECTS;
    put16(b + 0x1fe, 0xaa55);
    memcpy(b + 0x202, "HdrS", 4);
    put16(b + 0x206, 0x20f);
    b[0x211] = 1;
    put16(b + 0x236, 1);
    put32(b + 0x248, 0x80);
    put32(b + 0x24c, (uint32_t)size);
    memcpy(b + TINY_PAYLOAD_AT, payload, size);
    *total = TINY_PAYLOAD_AT + size + 16;
    return b;
}

/* An arena that refuses what exceeds its budget, and frees all at once. */
struct arena { void *blocks[64]; unsigned int count; size_t left; };

static inline void *arena_alloc(void *ctx, size_t size)
{
    struct arena *a = ctx;

    if (size > a->left || a->count == 64)
        return NULL;
    a->left -= size;
    return a->blocks[a->count++] = malloc(size ? size : 1);
}

static inline void arena_free(struct arena *a)
{
    while (a->count)
        free(a->blocks[--a->count]);
}

#endif
