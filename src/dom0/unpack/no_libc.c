/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the decoder libraries name but never reach, for the product. They allocate through the
 * functions that unpack/ gives them; Debian's libzstd also knows the formats of zstd 0.5 to 0.7,
 * which no kernel uses: leaving those out saves 100 KB.
 */
#include <stddef.h>

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void free(void *p);
void *zstd_legacy(void);

void *malloc(size_t size)
{
    (void)size;
    return NULL;
}

void *calloc(size_t count, size_t size)
{
    (void)count;
    (void)size;
    return NULL;
}

void free(void *p)
{
    (void)p;
}

void *zstd_legacy(void)
{
    return NULL;
}
