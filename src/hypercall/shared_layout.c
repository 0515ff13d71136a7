/* SPDX-License-Identifier: BSD-2-Clause */
#include "shared_layout.h"

void shared_layout_set(struct domain *d, bool bits32)
{
    if (d->shared_32bit == bits32)
        return;
    spin_lock(&d->evtchn_lock);
    d->shared_32bit = bits32;
    d->evtchn.shared_32bit = bits32;
    spin_unlock(&d->evtchn_lock);
    domain_update_wallclock(d);
}
