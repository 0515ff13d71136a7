/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree against an array that says for each gfn what was asked for. Random changes of all sizes, with
 * allocations that fail now and then; after each store of a change every translation looked at must be
 * the old or the new one.
 */
#include "../../unit/slat/table_pages.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define GFNS (3U << 18)       /* 3 GiB: three 1G pages */

extern void (*slat_after_store)(void);

struct cell { uint64_t mfn; uint8_t type, rwx, memtype; };

static struct cell model[GFNS], wanted[GFNS];
static struct table_pages pages;
static struct slat slat;
static uint64_t seed;
static uint64_t change_first, change_count, stores;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static bool cell_is(const struct cell *c, const struct slat_entry *e)
{
    return c->type == e->type && c->rwx == e->rwx &&
           (c->type == P2M_HOLE || (c->mfn == e->mfn.v && c->memtype == e->memtype));
}

static void check_all(void)
{
    for (uint64_t g = 0; g < GFNS; g++) {
        struct slat_entry e = slat_lookup(&slat, gfn_of(g));

        if (!cell_is(&model[g], &e))
            fail_msg("gfn %#lx: type %d mfn %#lx, expected %d %#lx", g, e.type, e.mfn.v, model[g].type,
                     model[g].mfn);
    }
}

static void check_one_old_or_new(uint64_t g)
{
    struct slat_entry e = slat_lookup(&slat, gfn_of(g));
    bool in = g >= change_first && g < change_first + change_count;

    if (!cell_is(&model[g], &e) && !(in && cell_is(&wanted[g], &e)))
        fail_msg("gfn %#lx is neither old nor new after store %lu", g, stores);
}

/* Edges of the change, its middle, its neighbours, and some anywhere. */
static void after_store(void)
{
    stores++;
    check_one_old_or_new(change_first);
    check_one_old_or_new(change_first + change_count - 1);
    check_one_old_or_new(change_first + rnd() % change_count);
    if (change_first > 0)
        check_one_old_or_new(change_first - 1);
    if (change_first + change_count < GFNS)
        check_one_old_or_new(change_first + change_count);
    check_one_old_or_new(((change_first & ~511ULL) | (rnd() % 512)) % GFNS);
    check_one_old_or_new(((change_first & ~((1ULL << 18) - 1)) | (rnd() % (1U << 18))) % GFNS);
    check_one_old_or_new(rnd() % GFNS);
}

static unsigned int pick_order(void)
{
    unsigned int r = rnd() % 100;

    return r < 2 ? 18 : r < 30 ? 9 : 0;
}

/* Mostly close together, so that changes meet. */
static uint64_t pick_gfn(unsigned int order)
{
    uint64_t g = rnd() % 4 ? (rnd() % 3 << 18) + rnd() % 2048 : rnd() % GFNS;

    return g >> order << order;
}

enum op { OP_MAP, OP_UNMAP, OP_TYPE, OP_COUNT };

struct change { enum op op; uint64_t g; unsigned int order; struct slat_entry e; };

static struct change pick_change(void)
{
    static const enum p2m_type types[] = { P2M_RAM_RW, P2M_RAM_RO, P2M_MMIO_DIRECT, P2M_FOREIGN,
                                           P2M_RAM_LOGDIRTY };
    static const uint8_t memtypes[] = { SLAT_UC, SLAT_WT, SLAT_WB };
    struct change c = { .op = (enum op)(rnd() % OP_COUNT), .order = pick_order() };

    if (rnd() % 3 == 0)
        c.op = OP_MAP;
    c.g = pick_gfn(c.order);
    c.e.type = types[rnd() % 5];
    c.e.rwx = p2m_type_rwx(c.e.type);
    c.e.memtype = memtypes[rnd() % 3];
    c.e.mfn = mfn_of((rnd() & 0xffffffffffULL) >> c.order << c.order);
    return c;
}

/* What the array says after the change; returns what ept should answer when memory lasts. */
static int model_change(const struct change *c)
{
    bool any = false;

    for (uint64_t i = 0; i < change_count; i++) {
        struct cell *w = &wanted[c->g + i];

        *w = model[c->g + i];
        any |= w->type != P2M_HOLE;
        if (c->op == OP_MAP)
            *w = (struct cell){ c->e.mfn.v + i, (uint8_t)c->e.type, c->e.rwx, c->e.memtype };
        else if (c->op == OP_UNMAP)
            *w = (struct cell){ 0 };
        else if (w->type != P2M_HOLE) {
            w->type = (uint8_t)c->e.type;
            w->rwx = c->e.rwx;
        }
    }
    return c->op == OP_TYPE && !any ? -ENOENT : 0;
}

static bool model_narrowed(bool ram_only)
{
    for (uint64_t g = change_first; g < change_first + change_count; g++) {
        const struct cell *o = &model[g], *n = &wanted[g];

        if (o->type == P2M_HOLE || (ram_only && o->type != P2M_RAM_RW))
            continue;
        if (ram_only && n->type != P2M_RAM_RW)
            return true;
        if (n->type == P2M_HOLE || o->mfn != n->mfn || o->memtype != n->memtype || (o->rwx & ~n->rwx))
            return true;
    }
    return false;
}

static int apply(const struct change *c)
{
    switch (c->op) {
    case OP_MAP: return slat_map(&slat, gfn_of(c->g), c->order, &c->e);
    case OP_UNMAP: return slat_unmap(&slat, gfn_of(c->g), c->order);
    default: return slat_set_type(&slat, gfn_of(c->g), c->order, c->e.type, c->e.rwx);
    }
}

static void one_change(bool failures)
{
    struct change c = pick_change();
    uint64_t generation = slat.generation, ram_generation = slat.ram_generation, tables = slat.table_count, before = stores;
    int rc, expected;

    change_first = c.g;
    change_count = 1ULL << c.order;
    expected = model_change(&c);
    pages.fail_after = failures ? (int64_t)(rnd() % 4) : -1;
    rc = apply(&c);
    pages.fail_after = -1;
    if (rc == -ENOMEM && failures) {
        assert_int_equal(stores, before);
        assert_int_equal(slat.generation, generation);
        assert_int_equal(slat.table_count, tables);
        return;
    }
    assert_int_equal(rc, expected);
    if (model_narrowed(false))
        assert_true(slat.generation > generation);
    if (model_narrowed(true))
        assert_true(slat.ram_generation > ram_generation);
    if (rc == 0)
        memcpy(&model[c.g], &wanted[c.g], change_count * sizeof(model[0]));
}

static void run(uint64_t with_seed, bool has_ad, unsigned int changes)
{
    seed = with_seed;
    memset(model, 0, sizeof(model));
    table_pages_init(&pages);
    assert_int_equal(slat_init(&slat, test_format(), &pages.port, true, true, has_ad), 0);
    slat_after_store = after_store;
    for (unsigned int i = 0; i < changes; i++) {
        one_change(i % 3 == 1);
        if (rnd() % 16 == 0)
            slat_reclaim(&slat);
        assert_int_equal(slat.table_count, pages.live);
        if (i % 500 == 499)
            check_all();
    }
    check_all();
    slat_after_store = NULL;
    slat_destroy(&slat);
    assert_int_equal(pages.live, 0);
}

static void random_changes_agree_with_an_array_and_every_store_leaves_old_or_new(void **state)
{
    (void)state;
    for (uint64_t s = 1; s <= 4; s++) {
        print_message("seed %lu\n", s);
        run(s * 0x9e3779b97f4a7c15ULL, s & 1, 3000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_changes_agree_with_an_array_and_every_store_leaves_old_or_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
