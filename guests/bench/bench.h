/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an operation costs a guest, in ticks of its own TSC: many rounds of one operation between two readings, of which the
 * least, the median and the most are printed ("guest: bench NAME MIN MEDIAN MAX ROUNDS"). The median counts: other vCPUs and
 * the machine's interrupts come in between in some rounds.
 */
#ifndef GUEST_BENCH_H
#define GUEST_BENCH_H

#include "cpu.h"
#include "hypercall.h"

#define BENCH_ROUNDS_MAX 1000

struct bench { const char *name; unsigned int used; uint64_t ticks[BENCH_ROUNDS_MAX]; };

/* ticks: what lay between two readings of the TSC, their own cost included; bench_add() takes it off. */
void bench_begin(const char *name);
void bench_add(uint64_t ticks);
void bench_add_net(uint64_t ticks);                 /* nothing to take off */
uint64_t bench_end(void);                           /* prints; returns the median */
void bench_absent(const char *name, const char *why);
void bench_quiet(void);                             /* keeps a PC's own interrupts away */

/* Rounds of one statement. */
#define BENCH(name, rounds, ...)                                   \
    do {                                                           \
        bench_begin(name);                                         \
        for (unsigned int round_ = 0; round_ < (rounds); round_++) { \
            uint64_t before_ = rdtsc();                            \
            __VA_ARGS__;                                           \
            bench_add(rdtsc() - before_);                          \
        }                                                          \
        bench_end();                                               \
    } while (0)

#endif
