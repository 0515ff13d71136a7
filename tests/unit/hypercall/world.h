/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two domains on a fake machine, made by the real src/domain: dom0 with identity memory, and a
 * guest. Paging is off in both, so a guest pointer is a guest-physical address. Every fetch that a
 * hypercall makes of guest memory is recorded: reading a byte twice within one call is an error
 * (WORLD_DOUBLE_FETCH).
 */
#ifndef TESTS_HYPERCALL_WORLD_H
#define TESTS_HYPERCALL_WORLD_H

#include <domain/domain.h>
#include <hypercall/hypercall.h>

#define WORLD_RAM (64UL << 20)
#define WORLD_DOM0_RAM (16UL << 20)
#define WORLD_GUEST_PAGES 256UL
#define WORLD_BAD_POINTER 0x7f000000UL     /* nobody has memory there */

struct world {
    struct domain *dom0, *guest;
    struct vcpu *v0, *v1, *g0;             /* dom0's two vCPUs, the guest's first */
    bool bits32;                           /* call as a 32-bit caller */
    bool ticking;                          /* fetches take time, and are not watched */
    unsigned int double_fetches;           /* of all calls so far */
    unsigned int restarts;                 /* of the last call */
};
extern struct world world;
extern unsigned int world_cpus;            /* before setup; 2 */
extern void (*world_on_fetch)(void);       /* called once, at this many-th fetch from now: */
extern unsigned int world_fetches_until;

int world_setup(void **state);
int world_teardown(void **state);

/* Issues the call until it does not want to go on. */
int64_t world_call(struct vcpu *v, uint64_t nr, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3);
/* Once: *again says that it wants to be called again, with args changed. */
int64_t world_call_once(struct vcpu *v, uint64_t nr, uint64_t args[6], bool *again);
#define dom0_call(nr, a0, a1, a2) \
    world_call(world.v0, nr, (uint64_t)(a0), (uint64_t)(a1), (uint64_t)(a2), 0)
#define guest_call(nr, a0, a1, a2) \
    world_call(world.g0, nr, (uint64_t)(a0), (uint64_t)(a1), (uint64_t)(a2), 0)

/* Puts an argument at a place of its own in d's memory and gives its address; fetches it back. */
uint64_t world_put(struct domain *d, const void *data, size_t size);
void world_put_at(struct domain *d, uint64_t at, const void *data, size_t size);
void world_get(struct domain *d, uint64_t at, void *data, size_t size);
/* Next place for arguments starts again from the beginning. */
void world_forget(void);

/* With an argument struct in dom0 (or the guest): put, call, fetch back. */
#define OP(v, nr, cmd, arg) world_op((v), (nr), (cmd), (arg), sizeof(*(arg)))
int64_t world_op(struct vcpu *v, uint64_t nr, uint64_t cmd, void *arg, size_t size);
/* The same for calls whose argument is their only one (domctl, sysctl, platform_op). */
#define CTL(nr, arg) world_ctl((nr), (arg), sizeof(*(arg)))
int64_t world_ctl(uint64_t nr, void *arg, size_t size);

/* Everything of both domains that a failing call must leave alone. */
struct world_picture;
struct world_picture *world_picture_take(void);
bool world_picture_same(const struct world_picture *p);   /* and frees it */

#endif
