/* SPDX-License-Identifier: BSD-2-Clause */
/* Included by zlib's header; nothing of it is needed. */
#ifndef DOM0_LIBC_UNISTD_H
#define DOM0_LIBC_UNISTD_H
#endif
