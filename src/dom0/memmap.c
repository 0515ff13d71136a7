/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory maps as firmware hands them over, and what they should look like. */
#include <dom0/layout.h>

#include <lib/string.h>

#include "memmap_parts.h"

/* No address bus is wider than this; entries beyond are firmware's fancy. */
#define ADDRESS_END (1ULL << 52)

static struct {
    uint64_t edge[2 * MEMMAP_MAX];
    unsigned int edges;
    unsigned int count;
    struct mem_region r[2 * MEMMAP_MAX];
} sweep init_data;   /* too large for a boot stack */

static init_text unsigned int restriction(uint32_t type)
{
    switch (type) {
    case E820_RAM: return 1;
    case E820_ACPI: return 2;
    case E820_NVS: return 3;
    case E820_UNUSABLE: return 5;
    default: return 4;
    }
}

static init_text uint64_t region_end(const struct mem_region *r)
{
    return r->start + r->size;
}

/* Cuts entries to the address space, turns unknown types into reserved and drops what is empty. */
static init_text void clean(struct memmap *m)
{
    unsigned int kept = 0;

    for (unsigned int i = 0; i < m->count; i++) {
        struct mem_region r = m->r[i];

        if (r.start >= ADDRESS_END)
            continue;
        r.size = min_of(r.size, ADDRESS_END - r.start);
        if (restriction(r.type) == restriction(E820_RESERVED))
            r.type = E820_RESERVED;
        if (r.type == E820_RAM) {
            uint64_t end = ALIGN_DOWN(region_end(&r), PAGE_SIZE);

            r.start = ALIGN_UP(r.start, PAGE_SIZE);
            r.size = end > r.start ? end - r.start : 0;
        }
        if (r.size != 0)
            m->r[kept++] = r;
    }
    m->count = kept;
}

static init_text void add_edge(uint64_t at)
{
    unsigned int i = sweep.edges;

    for (unsigned int j = 0; j < sweep.edges; j++)
        if (sweep.edge[j] == at)
            return;
    for (; i > 0 && sweep.edge[i - 1] > at; i--)
        sweep.edge[i] = sweep.edge[i - 1];
    sweep.edge[i] = at;
    sweep.edges++;
}

/* The type that wins between two neighbouring edges; 0: nobody speaks of it. */
static init_text uint32_t winner(const struct memmap *m, uint64_t at)
{
    uint32_t type = 0;

    for (unsigned int i = 0; i < m->count; i++)
        if (m->r[i].start <= at && at < region_end(&m->r[i]) &&
            (type == 0 || restriction(m->r[i].type) > restriction(type)))
            type = m->r[i].type;
    return type;
}

static init_text void emit(uint64_t start, uint64_t end, uint32_t type)
{
    struct mem_region *last = sweep.count ? &sweep.r[sweep.count - 1] : NULL;

    if (last && last->type == type && region_end(last) == start)
        last->size += end - start;
    else
        sweep.r[sweep.count++] = (struct mem_region){ start, end - start, type };
}

/* RAM that another entry bit into may end inside a page again. */
static init_text void align_ram(void)
{
    unsigned int kept = 0;

    for (unsigned int i = 0; i < sweep.count; i++) {
        struct mem_region r = sweep.r[i];

        if (r.type == E820_RAM) {
            uint64_t end = ALIGN_DOWN(region_end(&r), PAGE_SIZE);

            r.start = ALIGN_UP(r.start, PAGE_SIZE);
            r.size = end > r.start ? end - r.start : 0;
        }
        if (r.size != 0)
            sweep.r[kept++] = r;
    }
    sweep.count = kept;
}

/* Forgetting RAM is the only loss that does no harm, unless there is none left to forget. */
static init_text void drop_smallest_ram(void)
{
    unsigned int victim = sweep.count - 1;
    uint64_t size = UINT64_MAX;

    for (unsigned int i = 0; i < sweep.count; i++)
        if (sweep.r[i].type == E820_RAM && sweep.r[i].size < size) {
            victim = i;
            size = sweep.r[i].size;
        }
    sweep.count--;
    memmove(&sweep.r[victim], &sweep.r[victim + 1], (sweep.count - victim) * sizeof(sweep.r[0]));
}

init_text void memmap_normalise(struct memmap *m)
{
    sweep.edges = 0;
    sweep.count = 0;
    clean(m);
    for (unsigned int i = 0; i < m->count; i++) {
        add_edge(m->r[i].start);
        add_edge(region_end(&m->r[i]));
    }
    for (unsigned int i = 0; i + 1 < sweep.edges; i++) {
        uint32_t type = winner(m, sweep.edge[i]);

        if (type != 0)
            emit(sweep.edge[i], sweep.edge[i + 1], type);
    }
    align_ram();
    while (sweep.count > MEMMAP_MAX)
        drop_smallest_ram();
    m->count = sweep.count;
    memcpy(m->r, sweep.r, sweep.count * sizeof(sweep.r[0]));
}

init_text uint64_t memmap_total(const struct memmap *m, uint32_t type)
{
    uint64_t total = 0;

    for (unsigned int i = 0; i < m->count; i++)
        if (m->r[i].type == type)
            total += m->r[i].size;
    return total;
}

init_text bool memmap_covers(const struct memmap *m, uint64_t start, uint64_t size, uint32_t type)
{
    for (unsigned int i = 0; i < m->count && size != 0; i++) {
        const struct mem_region *r = &m->r[i];
        uint64_t step;

        if (r->type != type || start < r->start || start >= region_end(r))
            continue;
        step = min_of(size, region_end(r) - start);
        start += step;
        size -= step;
    }
    return size == 0;
}

init_text bool memmap_retype(struct memmap *m, uint64_t start, uint64_t end, uint32_t from,
                             uint32_t to)
{
    for (unsigned int i = 0; i < m->count; i++) {
        struct mem_region *r = &m->r[i];
        uint64_t lo = max_of(start, r->start), hi = min_of(end, region_end(r));
        unsigned int before, after;

        if (r->type != from || lo >= hi)
            continue;
        before = lo > r->start;
        after = hi < region_end(r);
        if (m->count + before + after > MEMMAP_MAX)
            return false;
        memmove(r + 1 + before + after, r + 1, (m->count - i - 1) * sizeof(*r));
        if (after)
            r[before + 1] = (struct mem_region){ hi, region_end(r) - hi, from };
        if (before) {
            r[1] = (struct mem_region){ lo, hi - lo, to };
            r[0].size = lo - r[0].start;
        } else {
            r[0] = (struct mem_region){ lo, hi - lo, to };
        }
        m->count += before + after;
        i += before + after;
    }
    return true;
}

init_text void memmap_merge(struct memmap *m)
{
    unsigned int kept = 0;

    for (unsigned int i = 0; i < m->count; i++) {
        struct mem_region *last = kept ? &m->r[kept - 1] : NULL;

        if (last && last->type == m->r[i].type && region_end(last) == m->r[i].start)
            last->size += m->r[i].size;
        else
            m->r[kept++] = m->r[i];
    }
    m->count = kept;
}
