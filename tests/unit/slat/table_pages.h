/* SPDX-License-Identifier: BSD-2-Clause */
/* Table pages for tests of src/slat: counted, zeroed, and the n-th allocation can be made to fail. */
#ifndef TESTS_TABLE_PAGES_H
#define TESTS_TABLE_PAGES_H

#ifdef TEST_NPT
#include <npt/npt.h>
#define test_format npt_format
#else
#include <ept/ept.h>
#define test_format ept_format
#endif
#include <stdlib.h>
#include <string.h>

#define TABLE_PAGES 8192U
#define TABLE_PAGES_BASE 0x8000000000ULL      /* frame numbers that need nearly all bits of a link */

struct table_pages {
    uint64_t *page[TABLE_PAGES];
    uint32_t next, live;
    int64_t fail_after;                       /* allocations that still work; -1: all */
    struct slat_pages port;
};

static inline mfn_t table_pages_alloc(void *ctx)
{
    struct table_pages *p = ctx;

    if (p->fail_after == 0)
        return mfn_invalid();
    if (p->fail_after > 0)
        p->fail_after--;
    while (p->page[p->next % TABLE_PAGES] != NULL)
        p->next++;
    p->page[p->next % TABLE_PAGES] = calloc(512, 8);
    p->live++;
    return mfn_of(TABLE_PAGES_BASE + p->next % TABLE_PAGES);
}

static inline void table_pages_free(void *ctx, mfn_t m)
{
    struct table_pages *p = ctx;

    free(p->page[m.v - TABLE_PAGES_BASE]);
    p->page[m.v - TABLE_PAGES_BASE] = NULL;
    p->live--;
}

static inline uint64_t *table_pages_map(void *ctx, mfn_t m)
{
    struct table_pages *p = ctx;

    if (m.v < TABLE_PAGES_BASE || m.v >= TABLE_PAGES_BASE + TABLE_PAGES ||
        p->page[m.v - TABLE_PAGES_BASE] == NULL)
        abort();
    return p->page[m.v - TABLE_PAGES_BASE];
}

static inline void table_pages_init(struct table_pages *p)
{
    memset(p, 0, sizeof(*p));
    p->fail_after = -1;
    p->port = (struct slat_pages){ table_pages_alloc, table_pages_free, table_pages_map, p };
}

static inline struct slat_entry ram_at(uint64_t mfn)
{
    return (struct slat_entry){ .mfn = mfn_of(mfn), .type = P2M_RAM_RW, .rwx = SLAT_R | SLAT_W | SLAT_X,
                               .memtype = SLAT_WB };
}

#endif
