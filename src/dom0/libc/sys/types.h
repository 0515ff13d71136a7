/* SPDX-License-Identifier: BSD-2-Clause */
/* zlib's header declares file functions, which we never call, with this type. */
#ifndef DOM0_LIBC_SYS_TYPES_H
#define DOM0_LIBC_SYS_TYPES_H

typedef long off_t;

#endif
