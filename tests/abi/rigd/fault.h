/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of operations, as the trace shows them and RIG_ENV_FAIL orders faults by them: "domctl.11" (number of the
 * sub-op), "hvm.set.10" (HVM parameter), "mmap.foreign", "mmap.resource".
 */
#ifndef ABI_RIG_FAULT_H
#define ABI_RIG_FAULT_H

#include <stddef.h>
#include <stdint.h>

/* args: the tool's; the sub-op may have to be read from its memory. */
void operation_name(char *to, size_t size, uint64_t nr, const uint64_t *args);
/* order: "name=errno" or empty. */
int fault_of(const char *order, const char *operation);

#endif
