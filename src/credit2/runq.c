/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting units in a treap, most credit (least used) leftmost, those alike in order of arrival. Each node knows
 * the union of the CPUs that its subtree may run on, so that the first unit for a CPU is found in one
 * walk down, whatever the affinities. Priorities are random numbers that no guest can influence:
 * expected depth is 2 ln n. Nothing here recurses.
 */
#include <hv/assert.h>

#include "private.h"

static bool runs_before(const struct credit2_unit *a, const struct credit2_unit *b)
{
    return (int64_t)(a->used - b->used) < 0;
}

static void sum_up(struct credit2_unit *u)
{
    u->below[0] = u->here;
    u->below[1] = mask_and(&u->here, &u->preferred);
    for (unsigned int i = 0; i < 2; i++) {
        if (u->left)
            u->below[i] = mask_or(&u->below[i], &u->left->below[i]);
        if (u->right)
            u->below[i] = mask_or(&u->below[i], &u->right->below[i]);
    }
}

/* Its registers may be in one CPU alone. */
static struct credit2_mask may_run_on(const struct credit2_unit *u)
{
    struct credit2_mask m = { { 0 } };

    if (u->only_cpu == CREDIT2_NONE)
        return u->allowed;
    if (mask_test(&u->allowed, u->only_cpu))
        mask_set(&m, u->only_cpu);
    return m;
}

void runq_renew(struct credit2_unit *u)
{
    u->here = may_run_on(u);
    for (; u; u = u->parent)
        sum_up(u);
}

static void replace_child(struct credit2_runq *rq, struct credit2_unit *parent, struct credit2_unit *old,
                          struct credit2_unit *new)
{
    if (!parent)
        rq->root = new;
    else if (parent->left == old)
        parent->left = new;
    else
        parent->right = new;
    if (new)
        new->parent = parent;
}

/* u takes its parent's place. */
static void rotate_up(struct credit2_runq *rq, struct credit2_unit *u)
{
    struct credit2_unit *p = u->parent, *moved;

    replace_child(rq, p->parent, p, u);
    if (p->left == u) {
        moved = u->right;
        u->right = p;
        p->left = moved;
    } else {
        moved = u->left;
        u->left = p;
        p->right = moved;
    }
    p->parent = u;
    if (moved)
        moved->parent = p;
    sum_up(p);
    sum_up(u);
}

uint32_t next_random(struct credit2 *c)
{
    uint32_t x = c->random;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return c->random = x;
}

void runq_insert(struct credit2 *c, struct credit2_runq *rq, struct credit2_unit *u)
{
    struct credit2_unit *at = rq->root;

    u->left = u->right = u->parent = NULL;
    u->priority = next_random(c);
    while (at) {
        struct credit2_unit **way = runs_before(u, at) ? &at->left : &at->right;

        c->visits++;
        u->parent = at;
        at = *way;
        if (!at)
            *way = u;
    }
    if (!u->parent)
        rq->root = u;
    runq_renew(u);
    while (u->parent && u->parent->priority < u->priority)
        rotate_up(rq, u);
    rq->waiting++;
}

void runq_remove(struct credit2_runq *rq, struct credit2_unit *u)
{
    struct credit2_unit *up;

    while (u->left && u->right)
        rotate_up(rq, u->left->priority > u->right->priority ? u->left : u->right);
    up = u->parent;
    replace_child(rq, up, u, u->left ? u->left : u->right);
    for (; up; up = up->parent)
        sum_up(up);
    u->left = u->right = u->parent = NULL;
    ASSERT(rq->waiting > 0);
    rq->waiting--;
}

struct credit2_unit *runq_find(struct credit2 *c, const struct credit2_runq *rq,
                               const struct credit2_mask *cpus, bool preferred)
{
    struct credit2_unit *u = rq->root;

    if (!u || !masks_meet(&u->below[preferred], cpus))
        return NULL;
    for (;;) {
        struct credit2_mask own = preferred ? mask_and(&u->here, &u->preferred) : u->here;

        c->visits++;
        if (u->left && masks_meet(&u->left->below[preferred], cpus))
            u = u->left;
        else if (masks_meet(&own, cpus))
            return u;
        else
            u = u->right;
    }
}

struct credit2_unit *credit2_next_waiting(const struct credit2_runq *rq, const struct credit2_unit *after)
{
    struct credit2_unit *u = rq->root;

    if (!after) {
        while (u && u->left)
            u = u->left;
        return u;
    }
    if (after->right) {
        for (u = after->right; u->left; u = u->left)
            ;
        return u;
    }
    while (after->parent && after->parent->right == after)
        after = after->parent;
    return after->parent;
}
