/* SPDX-License-Identifier: BSD-2-Clause */
/* hv_bug() on the host: aborts the test, unless the test expects it. For every layer. */
#ifndef FAKE_BUG_H
#define FAKE_BUG_H

#include <setjmp.h>
#include <stdbool.h>

extern jmp_buf fake_bug_jmp;
extern bool fake_bug_expected;
void fake_bug_missing(const char *file, int line) __attribute__((noreturn));

/* The statement must end in hv_bug(). Locks it took stay held: fake_reset() afterwards. */
#define FAKE_EXPECT_BUG(stmt) do { \
        fake_bug_expected = true; \
        if (setjmp(fake_bug_jmp) == 0) { stmt; fake_bug_missing(__FILE__, __LINE__); } \
        fake_bug_expected = false; \
    } while (0)

#endif
