/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes between a page of a guest and a buffer of ours; without a buffer they are zeroed. */
#ifndef DOMAIN_COPY_H
#define DOMAIN_COPY_H

#include <lib/string.h>

static inline void copy_bytes(char *page, void *buf, size_t size, bool write)
{
    if (!write && size == sizeof(uint64_t))
        __builtin_memcpy(buf, page, sizeof(uint64_t)); /* a page-table entry, in one load */
    else if (!write)
        memcpy(buf, page, size);
    else if (buf)
        memcpy(page, buf, size);
    else
        memset(page, 0, size);
}

#endif
