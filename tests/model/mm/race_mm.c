/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames, heap, locks and calls of the allocator from four CPUs at once (threads). What must hold
 * however they interleave: no frame has two owners, none is lost, a domain finds only zeroes.
 */
#include <mm/heap.h>

#include "fake_mm.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define RAM (8UL << 20)
#define FRAMES (RAM >> PAGE_SHIFT)
#define CPUS 4U
#define STEPS 10000

static mfn_t shared[16];           /* frames of domain 9, taken and dropped by all */
static unsigned int wrong;

static void note_wrong(void) { __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED); }

/* A page of the domain is ours alone: stamps show whether another CPU got it, too. */
static void use_page(domid_t owner, unsigned int *seed)
{
    unsigned int order = (unsigned int)rand_r(seed) % 3;
    mfn_t m = frame_alloc(order, owner, false);
    uint64_t stamp = ((uint64_t)owner << 32) | (unsigned int)rand_r(seed);
    uint64_t *p;

    if (!mfn_is_valid(m))
        return;
    p = frame_map(m);
    if (p[0] != 0 || p[511] != 0 || frame_owner(m) != owner)
        note_wrong();
    p[0] = p[511] = stamp;
    if (!frame_get(m, owner) || frame_put(m))
        note_wrong();
    if (p[0] != stamp || p[511] != stamp)
        note_wrong();
    for (uint64_t i = 0; i < 1U << order; i++)
        if (!frame_put(mfn_add(m, i)))
            note_wrong();
}

static void use_shared(unsigned int *seed)
{
    mfn_t m = shared[(unsigned int)rand_r(seed) % ARRAY_COUNT(shared)];

    if (!frame_get(m, 9)) {
        note_wrong();
        return;
    }
    if (frame_get(m, 8) || frame_owner(m) != 9)
        note_wrong();
    if (frame_put(m))
        note_wrong();
}

static void use_heap(unsigned int cpu, unsigned int *seed)
{
    size_t n = 1 + (unsigned int)rand_r(seed) % (rand_r(seed) % 16 == 0 ? 9000 : 900);
    unsigned char *p = heap_alloc(n, 16);

    if (p == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            note_wrong();
    memset(p, (int)cpu + 1, n);
    for (size_t i = 0; i < n; i++)
        if (p[i] != cpu + 1)
            note_wrong();
    heap_free(p);
}

static void *run_cpu(void *arg)
{
    unsigned int cpu = (unsigned int)(uintptr_t)arg, seed = 77 + cpu;

    fake_cpu_switch(cpu);
    for (unsigned int i = 0; i < STEPS; i++)
        switch ((unsigned int)rand_r(&seed) % 3) {
        case 0: use_shared(&seed); break;
        case 1: use_heap(cpu, &seed); break;
        default: use_page((domid_t)(20 + cpu), &seed); break;
        }
    return NULL;
}

static void four_cpus_never_share_or_lose_a_frame(void **state)
{
    pthread_t t[CPUS];

    (void)state;
    fake_reset();
    fake_cpu_set_count(CPUS);
    fake_mm_init(RAM, 0);
    for (unsigned int i = 0; i < ARRAY_COUNT(shared); i++) {
        shared[i] = frame_alloc(0, 9, false);
        assert_true(mfn_is_valid(shared[i]));
    }
    for (unsigned int i = 0; i < CPUS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, run_cpu, (void *)(uintptr_t)i), 0);
    for (unsigned int i = 0; i < CPUS; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(wrong, 0);
    for (unsigned int i = 0; i < ARRAY_COUNT(shared); i++)
        assert_true(frame_put(shared[i]));
    /* The heap keeps at most one empty page of each of its six classes. */
    assert_in_range(frames_free_count(), FRAMES - 6, FRAMES);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(four_cpus_never_share_or_lose_a_frame) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
