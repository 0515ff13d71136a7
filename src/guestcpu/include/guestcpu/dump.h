/* SPDX-License-Identifier: BSD-2-Clause */
/* What both vendors' dumps of a crashed vCPU show alike: a line or four in the log. No locks. */
#ifndef GUESTCPU_DUMP_H
#define GUESTCPU_DUMP_H

#include <hv/hw.h>

void guest_dump_registers(const struct guest_regs *r);   /* RSP and RIP are the caller's */
void guest_dump_segment(enum seg i, const struct guest_seg *s);

#endif
