/* SPDX-License-Identifier: BSD-2-Clause */
/* Private: arguments whose layout differs for 32-bit callers, used by the rows of the sub-op
 * tables. */
#ifndef HYPERCALL_COMPAT32_H
#define HYPERCALL_COMPAT32_H

#include "door.h"

extern const struct hc_compat compat_sched_poll, compat_singleshot, compat_area, compat_reservation,
    compat_add_to_physmap, compat_remove_from_physmap, compat_memory_map, compat_foreign_memory_map,
    compat_add_batch, compat_setup_table, compat_gnttab_copy;

#endif
