/* SPDX-License-Identifier: BSD-2-Clause */
/* Private: which layout of shared_info a domain reads (xen/xen.h): decided by the mode of the
 * caller that sets up its callback or hypercall page. Caller holds the DOMAIN lock. */
#ifndef HYPERCALL_SHARED_LAYOUT_H
#define HYPERCALL_SHARED_LAYOUT_H

#include <domain/domain.h>

void shared_layout_set(struct domain *d, bool bits32);

#endif
