/* SPDX-License-Identifier: BSD-2-Clause */
/* A fake machine's RAM with the real frame allocator and heap over it, for tests of mm and above. */
#ifndef FAKE_MM_H
#define FAKE_MM_H

#include "fake.h"

#include <mm/frames.h>

/*
 * RAM [0, bytes): dom0's identity memory is [0, identity_bytes), the rest is free. What a test has
 * left in the heap or the frame table is forgotten.
 */
void fake_mm_init(uint64_t bytes, uint64_t identity_bytes);

#endif
