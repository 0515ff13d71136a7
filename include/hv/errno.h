/* SPDX-License-Identifier: BSD-2-Clause */
/* Vocabulary: Xen's error numbers (xen/errno.h), which on x86 are Linux's, under their usual names. */
#ifndef HV_ERRNO_H
#define HV_ERRNO_H

#if __STDC_HOSTED__
#include <errno.h>
#else
#define XEN_ERRNO(name, value) name = (value),
enum hv_errno {
#include <xen/errno.h>
};
#endif
/* A long hypercall asks to be called again with its progress saved: never seen by a guest. */
#define ERESTART_HV 85
#ifndef ERESTART
#define ERESTART ERESTART_HV
#endif

#endif
