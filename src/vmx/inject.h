/* SPDX-License-Identifier: BSD-2-Clause */
/* The choices of inject.c as pure functions. */
#ifndef VMX_INJECT_H
#define VMX_INJECT_H

#include <vmx/vmx.h>

enum hw_blocked irq_blocked(bool queued, uint64_t rflags, uint64_t interruptibility);
enum hw_blocked nmi_blocked(bool queued, uint64_t interruptibility);
/* The entry's interruption information. */
uint32_t event_encode(const struct hv_event *e, bool protected_mode);

#endif
