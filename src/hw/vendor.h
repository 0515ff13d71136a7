/* SPDX-License-Identifier: BSD-2-Clause */
/* What both ways of dispatch need: the vendors' functions, and the question. */
#ifndef HW_VENDOR_H
#define HW_VENDOR_H

#include <ept/ept.h>
#include <hw/hw.h>
#include <npt/npt.h>
#include <svm/svm.h>
#include <vmx/vmx.h>

/* By what the CPU has; a CPU that has neither is its vendor's, whose probe says what is missing. */
bool hw_is_svm(void);

#endif
