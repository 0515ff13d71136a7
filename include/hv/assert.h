/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vocabulary: the verbs for what must not happen.
 *   ASSERT(x)  debug and host builds: a programming error of ours, not reachable from any input.
 *   BUG_ON(x)  always: going on would corrupt a domain. Ends in hv_bug(), which panics.
 * What a guest does wrong is neither: it is an errno, a fault, or domain_crash() (domain/domain.h).
 */
#ifndef HV_ASSERT_H
#define HV_ASSERT_H

#include <hv/compiler.h>

noreturn_fn cold_fn void hv_bug(const char *file, int line, const char *what);

#define BUG_ON(x) do { if (unlikely(x)) hv_bug(__FILE__, __LINE__, #x); } while (0)
#define BUG() hv_bug(__FILE__, __LINE__, "BUG")
#if defined(HV_HOST) || HV_DEBUG
#define ASSERT(x) do { if (unlikely(!(x))) hv_bug(__FILE__, __LINE__, #x); } while (0)
#else
#define ASSERT(x) do { (void)sizeof(x); } while (0)
#endif

#endif
