/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private: domctl, sysctl and platform_op have one form: a header with command and interface
 * version, and a union. They share one dispatcher: read whole, check version and privilege, find
 * the row, look up the domain, check that the result can be written, run, write back what the row's
 * member covers. One runs at a time (DOMCTL lock).
 */
#ifndef HYPERCALL_CTL_H
#define HYPERCALL_CTL_H

#include "door.h"

#include <xen/domctl.h>
#include <xen/platform.h>
#include <xen/sysctl.h>

struct ctl {
    struct hc *c;
    struct domain *d;          /* domctl's target, referenced; NULL where the row has none */
    domid_t id;                /* domctl's domain field, in and out */
    void *u;                   /* our copy of the union */
};

#define CTL_DOMAIN 0U          /* works on the domain named: -ESRCH */
#define CTL_PLAIN 1U           /* no domain */
#define CTL_OTHER 2U           /* on a domain, but not on the caller's own: -EINVAL */

struct ctl_op {
    int64_t (*fn)(struct ctl *t);
    uint16_t size;             /* of the union's member, for copying back */
    uint8_t dir;               /* HC_IN or HC_INOUT */
    uint8_t who;
};

extern const struct ctl_op ctl_domctls[], ctl_sysctls[], ctl_platform_ops[];
extern const size_t ctl_domctl_count, ctl_sysctl_count, ctl_platform_count;

/* Bitmaps of CPUs in arguments. Bits beyond the caller's are dropped, bits that we lack are written
 * as zeroes. */
int ctl_read_cpumask(struct hc *c, const struct xenctl_bitmap *from, struct cpumask *to) must_check;
int ctl_write_cpumask(struct hc *c, const struct xenctl_bitmap *to,
                      const struct cpumask *from) must_check;

/* Ends a pause of ours (domain_pause()): there is one to end. */
void ctl_resume(struct domain *d);

/* getdomaininfo, shared with the list form. */
void ctl_domain_info(struct domain *d, struct xen_domctl_getdomaininfo *info);

/* Rows that live in files of their own. */
int64_t domctl_gethvmcontext(struct ctl *t);
int64_t domctl_gethvmcontext_partial(struct ctl *t);
int64_t domctl_sethvmcontext(struct ctl *t);
int64_t domctl_getvcpucontext(struct ctl *t);
int64_t domctl_setvcpucontext(struct ctl *t);
int64_t domctl_get_cpu_policy(struct ctl *t);
int64_t domctl_set_cpu_policy(struct ctl *t);
int64_t domctl_getpageframeinfo3(struct ctl *t);
int64_t domctl_shadow_op(struct ctl *t);
int64_t platform_efi_call(struct ctl *t);
int64_t platform_firmware_info(struct ctl *t);
int64_t sysctl_get_cpu_policy(struct ctl *t);
int64_t sysctl_get_cpu_featureset(struct ctl *t);
int64_t sysctl_cputopoinfo(struct ctl *t);
int64_t sysctl_numainfo(struct ctl *t);
int64_t sysctl_pcitopoinfo(struct ctl *t);
int64_t sysctl_tbuf_op(struct ctl *t);
void topology_summary(uint32_t *threads_per_core, uint32_t *cores_per_socket);
void policy_host_words(uint32_t words[8]);
/* What a new domain presents until the toolstack says otherwise. */
void policy_set_default(struct domain *d);

#endif
