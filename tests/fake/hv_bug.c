/* SPDX-License-Identifier: BSD-2-Clause */
/* On the host a broken invariant is a message and an abort, which fails the test that did not expect it. */
#include "fake_bug.h"

#include <hv/assert.h>

#include <stdio.h>
#include <stdlib.h>

jmp_buf fake_bug_jmp;
bool fake_bug_expected;

void hv_bug(const char *file, int line, const char *what)
{
    if (fake_bug_expected) {
        fake_bug_expected = false;
        longjmp(fake_bug_jmp, 1);
    }
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}

void fake_bug_missing(const char *file, int line)
{
    fprintf(stderr, "%s:%d: hv_bug() was expected\n", file, line);
    abort();
}
