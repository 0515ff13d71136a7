/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grants against a model: random acquire and release by two domains while the granter changes
 * entries as the protocol allows (only flags-unused ones). The model counts readers and writers;
 * flags in the shared entry follow it exactly.
 */
#include <pvhvm/gnttab.h>

#include "../../unit/pvhvm/evtchn_world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define REFS 40U
#define STEPS 200000

struct mentry {
    bool valid, readonly;
    domid_t to, by;
    uint32_t frame, pinned_frame;
    uint32_t count[4];                   /* indexed by READ_ONLY | DEVICE */
};

static struct gnttab g;
static _Alignas(4096) grant_entry_v1_t page[512];
static struct mentry model[REFS];
static uint64_t seed = 42;

static uint32_t rnd(uint32_t n)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(seed >> 33) % n;
}

static uint32_t writers(const struct mentry *e) { return e->count[0] + e->count[GNTTAB_DEVICE]; }
static uint32_t pins(const struct mentry *e) { return writers(e) + e->count[1] + e->count[3]; }

static uint16_t expected_flags(const struct mentry *e)
{
    return (uint16_t)((e->valid ? GTF_permit_access : 0) | (e->readonly ? GTF_readonly : 0) |
                      (pins(e) ? GTF_reading : 0) | (writers(e) ? GTF_writing : 0));
}

static void guest_changes(uint32_t ref)
{
    struct mentry *e = &model[ref];

    if (pins(e) != 0) {
        /* Allowed on an entry in use: a writable one to read-only when nobody writes, and back. */
        if (writers(e) == 0) {
            e->readonly = rnd(2);
            page[ref].flags = expected_flags(e);
        }
        return;
    }
    *e = (struct mentry){
        .valid = rnd(5) != 0, .readonly = rnd(3) == 0, .to = (domid_t)rnd(2), .frame = rnd(1U << 20)
    };
    page[ref].domid = e->to;
    page[ref].frame = e->frame;
    page[ref].flags = expected_flags(e);
}

static void acquire(uint32_t ref)
{
    struct mentry *e = &model[ref];
    uint32_t flags = rnd(4), i;
    domid_t who = (domid_t)rnd(2);
    bool write = (flags & GNTTAB_READ_ONLY) == 0, full = false, good;
    gfn_t gfn = gfn_of(~0ULL);

    for (i = 0; i < 4; i++)
        full |= e->count[i] >= 128;
    if (pins(e) != 0)
        good =
            e->by == who && !full && (!write || writers(e) != 0 || (!e->readonly && e->to == who));
    else
        good = e->valid && e->to == who && !(write && e->readonly);
    assert_int_equal(gnttab_acquire(&g, ref, who, flags, &gfn),
                     good ? GNTST_okay : GNTST_general_error);
    if (good) {
        if (pins(e) == 0) {
            e->by = who;
            e->pinned_frame = e->frame;
        }
        e->count[flags]++;
        assert_int_equal(gfn.v, e->pinned_frame);
    }
}

static void release(uint32_t ref)
{
    uint32_t flags = rnd(4);

    if (model[ref].count[flags] == 0)
        return;
    model[ref].count[flags]--;
    gnttab_release(&g, ref, flags);
}

static void random_operations_agree_with_the_model(void **state)
{
    uint32_t ref, f;

    (void)state;
    assert_int_equal(gnttab_init(&g, 9, 1, 1, world_alloc, world_free), 0);
    assert_int_equal(gnttab_grow(&g, page), 0);
    for (unsigned int i = 0; i < STEPS; i++) {
        ref = rnd(i % 3 ? REFS : 2);
        switch (rnd(8)) {
        case 0: guest_changes(ref); break;
        case 1: case 2: case 3: release(ref); break;
        default: acquire(ref); break;
        }
        assert_int_equal(page[ref].flags, expected_flags(&model[ref]));
        assert_int_equal(gnttab_is_pinned(&g, ref), pins(&model[ref]) != 0);
    }
    for (ref = 0; ref < REFS; ref++)
        for (f = 0; f < 4; f++)
            for (; model[ref].count[f] != 0; model[ref].count[f]--)
                gnttab_release(&g, ref, f);
    assert_int_equal(gnttab_pinned_count(&g), 0);
    gnttab_fini(&g);
    assert_int_equal(world_live_allocs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(random_operations_agree_with_the_model) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
