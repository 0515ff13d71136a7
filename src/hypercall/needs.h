/* SPDX-License-Identifier: BSD-2-Clause */
/* Private: functions of lower folders that this one calls and their public headers do not declare yet. */
#ifndef HYPERCALL_NEEDS_H
#define HYPERCALL_NEEDS_H

#include <hv/types.h>

/* src/mm: the frame behind an address that frame_map() gave and that is still mapped. */
mfn_t frame_of_mapping(const void *p);

#endif
