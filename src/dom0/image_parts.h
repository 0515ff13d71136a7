/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files that read kernel images share; private to the folder. All of it is pure. */
#ifndef DOM0_IMAGE_PARTS_H
#define DOM0_IMAGE_PARTS_H

#include <dom0/image.h>

struct bytes { const uint8_t *at; size_t size; };

/* Little-endian fields at any alignment; the caller has checked that they lie inside. */
static inline uint32_t le16_at(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8; }
static inline uint32_t le32_at(const uint8_t *p) { return le16_at(p) | le16_at(p + 2) << 16; }

/* bzImage: finds the payload. *is_bzimage is false when the file does not even look like one. */
const char *bzimage_payload(struct bytes file, bool *is_bzimage, struct bytes *payload) must_check;

/* ELF64: fills segments, span and entry point of k from k->elf. */
const char *elf_parse(struct kernel_image *k) must_check;

/* Decompresses a payload by its magic number; an ELF file is passed through. *format names what it
 * was. */
const char *payload_unpack(struct bytes payload, const struct image_memory *mem, struct bytes *elf,
                           const char **format) must_check;

/*
 * The decoders (unpack/): exactly out_size bytes must come out of `in`, whose last four bytes are
 * the kernel build's record of that size. They allocate through mem and never write elsewhere.
 * NULL, or a sentence.
 */
const char *unpack_xz(struct bytes in, uint8_t *out, size_t out_size,
                      const struct image_memory *mem) must_check;
const char *unpack_gzip(struct bytes in, uint8_t *out, size_t out_size,
                        const struct image_memory *mem) must_check;
const char *unpack_lz4(struct bytes in, uint8_t *out, size_t out_size,
                       const struct image_memory *mem) must_check;
const char *unpack_zstd(struct bytes in, uint8_t *out, size_t out_size,
                        const struct image_memory *mem) must_check;

#endif
