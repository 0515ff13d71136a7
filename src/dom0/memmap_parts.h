/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations on normalised maps that only dom0's layout needs; private to the folder. */
#ifndef DOM0_MEMMAP_PARTS_H
#define DOM0_MEMMAP_PARTS_H

#include <dom0/layout.h>

/* Every part of [start, end) that has type `from` gets type `to`. false: the map is full (what was
 * done so far stays). */
bool memmap_retype(struct memmap *m, uint64_t start, uint64_t end, uint32_t from,
                   uint32_t to) must_check;
/* Joins neighbours of one type. */
void memmap_merge(struct memmap *m);

#endif
