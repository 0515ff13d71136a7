/* SPDX-License-Identifier: BSD-2-Clause */
/* Private to src/domain. */
#ifndef DOMAIN_DESTROY_H
#define DOMAIN_DESTROY_H

struct domain;

/* The last reference is gone: shared frames of ours and kept pages of its own go back. */
void domain_release_shared(struct domain *d);

#endif
