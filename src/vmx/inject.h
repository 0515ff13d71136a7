/* SPDX-License-Identifier: BSD-2-Clause */
/* The choices of inject.c as pure functions. */
#ifndef VMX_INJECT_H
#define VMX_INJECT_H

#include <vmx/vmx.h>

enum hw_blocked irq_blocked(bool queued, uint64_t rflags, uint64_t interruptibility);
enum hw_blocked nmi_blocked(bool queued, uint64_t interruptibility);
/* What the CPU would deliver when `second` comes up while `first` is being delivered. false: a triple fault. */
bool event_merge(const struct hv_event *first, const struct hv_event *second, struct hv_event *out) must_check;
/* The entry's interruption information. */
uint32_t event_encode(const struct hv_event *e, bool protected_mode);

#endif
