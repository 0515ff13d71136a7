/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intel's extended page tables (SDM 29.3) as a format of src/slat, and the pointer that the VMCS wants. Data and a pure
 * function: anyone above may use them, no locks.
 */
#ifndef EPT_EPT_H
#define EPT_EPT_H

#include <slat/slat.h>

const struct slat_format *ept_format(void);
uint64_t ept_pointer(const struct slat *s);   /* EPTP: root, WB, 4 levels, A/D as available */

#endif
