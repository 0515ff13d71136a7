/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handles of a mapping domain: an array that grows in pieces of at most a page, free ones chained
 * through `ref`. The last handle freed is the next one given out.
 */
#include <pvhvm/gnttab.h>

#include <hv/assert.h>
#include <hv/compiler.h>
#include <lib/string.h>

#define PER_PIECE (GNTTAB_HANDLES_PER_FRAME / 2)
#define NO_HANDLE UINT32_MAX

_Static_assert(PER_PIECE * sizeof(struct gnttab_map) <= PAGE_SIZE, "a piece fits a page");

static struct gnttab_map *handle_at(const struct gnttab *m, uint32_t handle)
{
    return &m->maptrack[handle / PER_PIECE][handle % PER_PIECE];
}

void gnttab_fini(struct gnttab *g)
{
    uint32_t i;

    for (i = 0; i < g->frame_count; i++)
        g->free(g->active[i]);
    for (i = 0; i < g->maptrack_limit; i += PER_PIECE)
        g->free(g->maptrack[i / PER_PIECE]);
    if (g->frame != NULL)
        g->free(g->frame);
    if (g->active != NULL)
        g->free(g->active);
    if (g->maptrack != NULL)
        g->free(g->maptrack);
    memset(g, 0, sizeof(*g));
}

static bool maptrack_grow(struct gnttab *m)
{
    struct gnttab_map *piece;
    uint32_t i;

    if (m->maptrack_limit == m->max_maptrack_frames * GNTTAB_HANDLES_PER_FRAME)
        return false;
    piece = m->alloc(PER_PIECE * sizeof(*piece));
    if (piece == NULL)
        return false;
    for (i = 0; i < PER_PIECE; i++)
        piece[i].ref = i + 1 < PER_PIECE ? m->maptrack_limit + i + 1 : m->maptrack_free;
    m->maptrack[m->maptrack_limit / PER_PIECE] = piece;
    m->maptrack_free = m->maptrack_limit;
    m->maptrack_limit += PER_PIECE;
    return true;
}

int64_t gnttab_track(struct gnttab *mapper, domid_t dom, uint32_t ref, uint32_t flags,
                     uint64_t host_addr, uint64_t mfn)
{
    struct gnttab_map *map;
    uint32_t handle;

    ASSERT((uint16_t)flags != 0);
    if (mapper->maptrack_free == NO_HANDLE && !maptrack_grow(mapper))
        return GNTST_no_space;
    handle = mapper->maptrack_free;
    map = handle_at(mapper, handle);
    mapper->maptrack_free = map->ref;
    mapper->maptrack_used++;
    *map = (struct gnttab_map){
        .ref = ref, .dom = dom, .flags = (uint16_t)flags, .host_addr = host_addr, .mfn = mfn
    };
    return handle;
}

struct gnttab_map *gnttab_tracked(struct gnttab *mapper, uint32_t handle)
{
    struct gnttab_map *map;

    if (handle >= mapper->maptrack_limit)
        return NULL;
    map = handle_at(mapper, (uint32_t)array_index_nospec(handle, mapper->maptrack_limit));
    return map->flags != 0 ? map : NULL;
}

void gnttab_untrack(struct gnttab *mapper, uint32_t handle)
{
    struct gnttab_map *map = gnttab_tracked(mapper, handle);

    ASSERT(map != NULL);
    if (map == NULL)
        return;
    *map = (struct gnttab_map){ .ref = mapper->maptrack_free };
    mapper->maptrack_free = handle;
    mapper->maptrack_used--;
}

int64_t gnttab_next_tracked(const struct gnttab *mapper, uint32_t from)
{
    uint32_t h;

    for (h = from; h < mapper->maptrack_limit && mapper->maptrack_used != 0; h++)
        if (handle_at(mapper, h)->flags != 0)
            return h;
    return -1;
}
