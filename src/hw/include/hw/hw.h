/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hardware virtualisation for the layers above, whichever vendor's CPU it is: the operations of hv/hw_ops.def as hw_NAME().
 * Contracts stand at the rows. In the product each is one jump instruction whose target hw_choose() writes, so that
 * a caller makes a plain direct call and the exit path has no indirect branch; on the host a test of one
 * variable. Nobody but hw_choose() asks which vendor it is.
 */
#ifndef HW_HW_H
#define HW_HW_H

#include <hv/hw.h>
#include <slat/slat.h>

/* Boot CPU, once, while text can be written (before paging_init): picks the vendor by CPUID. */
void hw_choose(void);
/* Boot CPU, once: probe, and hw_features. NULL or a sentence. */
const char *hw_start(void) must_check;
extern struct hw_features hw_features;
const char *hw_exit_name(const struct vmexit *x);

#define HW_OP(type, name, vmx, svm, params, args) type hw_##name params;
#include <hv/hw_ops.def>
#undef HW_OP

static inline bool hw_event_is_queued(const struct hw_vcpu *v) { return v->event.valid; }

/* Windows hardly ever change: asked inline. */
static inline void hw_want_irq_window(struct hw_vcpu *v, bool open)
{
    if (v->irq_window != open)
        hw_open_irq_window(v, open);
}

static inline void hw_want_nmi_window(struct hw_vcpu *v, bool open)
{
    if (v->nmi_window != open)
        hw_open_nmi_window(v, open);
}

/* Mostly nothing waits, before as now. */
static inline void hw_want_tpr_threshold(struct hw_vcpu *v, unsigned int threshold)
{
    if (unlikely((threshold | v->tpr_threshold) != 0))
        hw_set_tpr_threshold(v, threshold);
}

#endif
