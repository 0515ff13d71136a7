/* SPDX-License-Identifier: BSD-2-Clause */
/* liblzma's header wants the integer types by this name. */
#ifndef DOM0_LIBC_INTTYPES_H
#define DOM0_LIBC_INTTYPES_H

#include <stdint.h>

#endif
