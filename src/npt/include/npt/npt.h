/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AMD's nested page tables (APM volume 2, 15.25) as a format of src/slat, and the value of the VMCB's N_CR3. Data and a
 * pure function: anyone above may use them, no locks.
 */
#ifndef NPT_NPT_H
#define NPT_NPT_H

#include <slat/slat.h>

const struct slat_format *npt_format(void);
uint64_t npt_pointer(const struct slat *s);

#endif
