/* SPDX-License-Identifier: BSD-2-Clause */
/* On the host a broken invariant is a message and an abort, which fails the test. */
#include <hv/assert.h>

#include <stdio.h>
#include <stdlib.h>

void hv_bug(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}
