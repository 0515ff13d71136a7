/* SPDX-License-Identifier: BSD-2-Clause */
#include <hvm/vticks.h>

#include <hv/compiler.h>

bool vticks_due(struct vticks *t, unsigned int count, bool taken, bool make_up, ns_t now)
{
    bool edge;

    if (!make_up) {
        vticks_init(t);
        return count > 0;              /* all in one, late or not */
    }
    t->owed += min_of(count, VTICKS_MAX - t->owed);
    edge = t->owed > 0 && taken;
    if (edge)
        t->owed--;
    t->patience = taken ? VTICKS_RETRY_NS : min_of(2 * t->patience, VTICKS_RETRY_MAX_NS);
    t->again = t->owed > 0 ? now + t->patience : NS_NEVER;
    return edge;
}
