/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of rig_storm: where randomness comes from, and calls that look as if they meant it. */
#ifndef ABI_RIG_STORM_H
#define ABI_RIG_STORM_H

#include <stdint.h>

#define PAGE 4096UL
#define AREA (16 * PAGE)

extern char *area;            /* AREA bytes; the page behind it is not there */
uint64_t any(void);
uint64_t below(uint64_t n);
uint64_t number(void);

/* A call with a well-formed argument: mostly of a domain, page, port or reference that exists. */
void sensible_call(int privcmd);

#endif
