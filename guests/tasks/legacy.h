/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef GUEST_LEGACY_H
#define GUEST_LEGACY_H

#include "layout.h"

#define SEL_TASK_A 0x50
#define SEL_TASK_B 0x58
#define TASK_VECTOR 0x30
#define BAD_SELECTOR 0x1ff8

#endif
