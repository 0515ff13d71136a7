/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries and pins. What an entry says counts at one moment: when flags and domid are exchanged for
 * the same with GTF_reading (and GTF_writing) set. Until the last pin goes, the frame remembered at
 * the first pin is the one that is shared.
 */
#include <pvhvm/gnttab.h>

#include <hv/compiler.h>
#include <hv/errno.h>
#include <lib/string.h>

#define PIN_READ_MASK 0x00ff00ffU        /* host reads 7:0, device reads 23:16 */
#define PIN_WRITE_MASK 0xff00ff00U       /* host writes 15:8, device writes 31:24 */
#define PIN_FULL 0x80808080U             /* no counter goes beyond this bit */
#define ENTRY_TRIES 5

_Static_assert(offsetof(grant_entry_v1_t, domid) == 2 && sizeof(grant_entry_v1_t) == 8,
               "flags and domid are one 32-bit word");

int gnttab_init(struct gnttab *g, domid_t id, uint32_t max_frames, uint32_t max_maptrack_frames,
                void *(*alloc)(size_t), void (*free)(void *))
{
    memset(g, 0, sizeof(*g));
    g->id = id;
    g->max_frames = max_frames;
    g->max_maptrack_frames = max_maptrack_frames;
    g->alloc = alloc;
    g->free = free;
    g->maptrack_free = UINT32_MAX;
    if (max_maptrack_frames > UINT32_MAX / GNTTAB_HANDLES_PER_FRAME ||
        max_frames > UINT32_MAX / GNTTAB_ENTRIES_PER_FRAME)
        return -EINVAL;
    if (max_frames != 0) {
        g->frame = alloc(max_frames * sizeof(*g->frame));
        g->active = alloc(max_frames * sizeof(*g->active));
    }
    if (max_maptrack_frames != 0)
        g->maptrack = alloc(2UL * max_maptrack_frames * sizeof(*g->maptrack));
    if ((max_frames != 0 && (g->frame == NULL || g->active == NULL)) ||
        (max_maptrack_frames != 0 && g->maptrack == NULL)) {
        gnttab_fini(g);
        return -ENOMEM;
    }
    return 0;
}

int gnttab_grow(struct gnttab *g, void *page)
{
    struct gnttab_active *active;

    if (g->frame_count == g->max_frames)
        return -ENOSPC;
    active = g->alloc(GNTTAB_ENTRIES_PER_FRAME * sizeof(*active));
    if (active == NULL)
        return -ENOMEM;
    g->active[g->frame_count] = active;
    g->frame[g->frame_count] = page;
    g->frame_count++;
    return 0;
}

int gnttab_check_version(uint32_t version)
{
    return version == 1 ? 0 : version == 2 ? -ENOSYS : -EINVAL;
}

struct entry { grant_entry_v1_t *shared; struct gnttab_active *active; };

static bool entry_find(const struct gnttab *g, uint32_t ref, struct entry *e)
{
    uint32_t entries = g->frame_count * GNTTAB_ENTRIES_PER_FRAME;
    size_t i;

    if (ref >= entries)
        return false;
    i = array_index_nospec(ref, entries);
    e->shared = &g->frame[i / GNTTAB_ENTRIES_PER_FRAME][i % GNTTAB_ENTRIES_PER_FRAME];
    e->active = &g->active[i / GNTTAB_ENTRIES_PER_FRAME][i % GNTTAB_ENTRIES_PER_FRAME];
    return true;
}

static uint32_t pin_unit(uint32_t flags)
{
    uint32_t unit = flags & GNTTAB_READ_ONLY ? 0x1 : 0x100;

    return flags & GNTTAB_DEVICE ? unit << 16 : unit;
}

/* Marks the entry as in use if it grants what is asked. */
static bool entry_mark(grant_entry_v1_t *shared, domid_t who, uint32_t flags)
{
    uint32_t *word = (uint32_t *)(void *)shared;
    uint32_t old = __atomic_load_n(word, __ATOMIC_SEQ_CST), mark;
    uint32_t kind = GTF_type_mask | (flags & GNTTAB_COPY ? 0 : GTF_sub_page);
    bool write = (flags & GNTTAB_READ_ONLY) == 0;
    unsigned int i;

    for (i = 0; i < ENTRY_TRIES; i++) {
        if ((old & kind) != GTF_permit_access || (domid_t)(old >> 16) != who ||
            (write && (old & GTF_readonly) != 0))
            return false;
        mark = old | GTF_reading | (write ? GTF_writing : 0);
        if (__atomic_compare_exchange_n(word, &old, mark, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            return true;
    }
    return false;
}

static void entry_unmark(grant_entry_v1_t *shared, uint32_t bits)
{
    if (bits != 0)
        __atomic_fetch_and(&shared->flags, (uint16_t)~bits, __ATOMIC_SEQ_CST);
}

int16_t gnttab_acquire(struct gnttab *granter, uint32_t ref, domid_t who, uint32_t flags,
                       gfn_t *gfn)
{
    struct entry e;
    bool needs_mark;

    if (!entry_find(granter, ref, &e))
        return GNTST_bad_gntref;
    if (e.active->pin != 0 && (e.active->domid != who || (e.active->pin & PIN_FULL) != 0))
        return GNTST_general_error;
    /* Marked already for as much as we want: the entry was judged then, and has been promised to
     * stay. */
    needs_mark = e.active->pin == 0 ||
                 ((flags & GNTTAB_READ_ONLY) == 0 && (e.active->pin & PIN_WRITE_MASK) == 0);
    if (needs_mark && !entry_mark(e.shared, who, flags))
        return GNTST_general_error;
    if (e.active->pin == 0) {
        e.active->domid = who;
        e.active->frame = __atomic_load_n(&e.shared->frame, __ATOMIC_SEQ_CST);
    }
    e.active->pin += pin_unit(flags);
    *gfn = gfn_of(e.active->frame);
    return GNTST_okay;
}

void gnttab_release(struct gnttab *granter, uint32_t ref, uint32_t flags)
{
    uint32_t unit = pin_unit(flags), bits = 0;
    struct entry e;

    /* Nothing is held: a mapping that outlived its granter, whose id another domain has now. */
    if (!entry_find(granter, ref, &e) || (e.active->pin & (unit * 0xff)) == 0)
        return;
    e.active->pin -= unit;
    if ((e.active->pin & PIN_WRITE_MASK) == 0 && (flags & GNTTAB_READ_ONLY) == 0)
        bits |= GTF_writing;
    if (e.active->pin == 0)
        bits |= GTF_reading;
    entry_unmark(e.shared, bits);
}

bool gnttab_is_pinned(const struct gnttab *g, uint32_t ref)
{
    struct entry e;

    return entry_find(g, ref, &e) && e.active->pin != 0;
}

bool gnttab_pinned_frame(const struct gnttab *g, uint32_t ref, gfn_t *gfn)
{
    struct entry e;

    if (!entry_find(g, ref, &e) || e.active->pin == 0)
        return false;
    *gfn = gfn_of(e.active->frame);
    return true;
}

uint32_t gnttab_pinned_count(const struct gnttab *g)
{
    uint32_t f, i, n = 0;

    for (f = 0; f < g->frame_count; f++)
        for (i = 0; i < GNTTAB_ENTRIES_PER_FRAME; i++)
            n += g->active[f][i].pin != 0;
    return n;
}

int16_t gnttab_swap(struct gnttab *g, uint32_t a, uint32_t b)
{
    struct entry ea, eb;
    uint64_t va, vb;

    if (!entry_find(g, a, &ea) || !entry_find(g, b, &eb))
        return GNTST_bad_gntref;
    if (a == b)
        return GNTST_okay;
    if (ea.active->pin != 0 || eb.active->pin != 0)
        return GNTST_eagain;
    va = __atomic_load_n((uint64_t *)(void *)ea.shared, __ATOMIC_SEQ_CST);
    vb = __atomic_load_n((uint64_t *)(void *)eb.shared, __ATOMIC_SEQ_CST);
    __atomic_store_n((uint64_t *)(void *)ea.shared, vb, __ATOMIC_SEQ_CST);
    __atomic_store_n((uint64_t *)(void *)eb.shared, va, __ATOMIC_SEQ_CST);
    return GNTST_okay;
}

int16_t gnttab_copy_check(const struct gnttab_copy *op)
{
    if (((op->flags & GNTCOPY_source_gref) == 0 && op->source.domid != DOMID_SELF) ||
        ((op->flags & GNTCOPY_dest_gref) == 0 && op->dest.domid != DOMID_SELF))
        return GNTST_permission_denied;
    if (op->source.offset + (uint32_t)op->len > PAGE_SIZE ||
        op->dest.offset + (uint32_t)op->len > PAGE_SIZE)
        return GNTST_bad_copy_arg;
    return GNTST_okay;
}
