/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of tests/fake only. */
#ifndef FAKE_PRIVATE_H
#define FAKE_PRIVATE_H

#include <hv/assert.h>

void fake_cpu_reset(void);
void fake_irq_reset(void);
void fake_efi_reset(void);

#endif
