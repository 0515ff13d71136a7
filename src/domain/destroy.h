/* SPDX-License-Identifier: BSD-2-Clause */
/* Private to src/domain. */
#ifndef DOMAIN_DESTROY_H
#define DOMAIN_DESTROY_H

#include <hv/types.h>

struct domain;

/* The last reference is gone: shared frames of ours and kept pages of its own go back. */
void domain_release_shared(struct domain *d);

/* All that is in its map, in slices: -ERESTART while there is more to do. */
int domain_release_memory(struct domain *d);

/* Closes a port whose end in d is the hypervisor's. */
void domain_close_xen_port(struct domain *d, uint32_t port);

#endif
