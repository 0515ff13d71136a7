/* SPDX-License-Identifier: BSD-2-Clause */
/* The offsets in shared_info.h, held against the ABI headers of both word sizes. */
#include <pvhvm/shared_info.h>

#include <xen/foreign/x86_32.h>

#define SAME(offset, type, member) \
    _Static_assert((offset) == offsetof(struct type, member), #type "." #member)

_Static_assert(sizeof(struct vcpu_info) == VCPU_INFO_SIZE, "vcpu_info");
_Static_assert(sizeof(struct vcpu_info_x86_32) == VCPU_INFO_SIZE, "vcpu_info of 32-bit guests");
SAME(0, shared_info, vcpu_info);
SAME(SHARED_INFO_PENDING, shared_info, evtchn_pending);
SAME(2560, shared_info, evtchn_mask);
SAME(3072, shared_info, wc_version);
SAME(3076, shared_info, wc_sec);
SAME(3080, shared_info, wc_nsec);
SAME(3084, shared_info, wc_sec_hi);
SAME(8, vcpu_info, evtchn_pending_sel);
SAME(VCPU_INFO_TIME, vcpu_info, time);
SAME(0, shared_info_x86_32, vcpu_info);
SAME(SHARED_INFO_PENDING, shared_info_x86_32, evtchn_pending);
SAME(2176, shared_info_x86_32, evtchn_mask);
SAME(2304, shared_info_x86_32, wc_version);
SAME(2308, shared_info_x86_32, wc_sec);
SAME(2312, shared_info_x86_32, wc_nsec);
SAME(2340, shared_info_x86_32, arch.wc_sec_hi);
SAME(4, vcpu_info_x86_32, evtchn_pending_sel);
SAME(VCPU_INFO_TIME, vcpu_info_x86_32, time);
