/* SPDX-License-Identifier: BSD-2-Clause */
/* The servers of a domain, by id. */
#include <devmodel-glue/ioreq.h>

#include <hv/assert.h>
#include <hv/compiler.h>
#include <hv/errno.h>

_Static_assert(sizeof(struct ioreq) == 32 && IOREQ_MAX_VCPUS * sizeof(struct ioreq) == PAGE_SIZE,
               "a slot per vCPU in one page");
_Static_assert(sizeof(struct buffered_iopage) <= PAGE_SIZE, "the ring is one page");

int ioreq_add(struct ioreq_servers *all, struct ioreq_server *s, ioservid_t *id)
{
    for (unsigned int i = 0; i < IOREQ_MAX_SERVERS; i++) {
        if (all->server[i])
            continue;
        all->server[i] = s;
        all->count++;
        *id = (ioservid_t)i;
        return 0;
    }
    return -ENOSPC;
}

void ioreq_remove(struct ioreq_servers *all, ioservid_t id)
{
    ASSERT(id < IOREQ_MAX_SERVERS && all->server[id]);
    all->server[id] = NULL;
    all->count--;
}

struct ioreq_server *ioreq_find(const struct ioreq_servers *all, ioservid_t id)
{
    return id < IOREQ_MAX_SERVERS ? all->server[array_index_nospec(id, IOREQ_MAX_SERVERS)] : NULL;
}

void ioreq_publish_port(struct ioreq_server *s, uint32_t vcpu)
{
    WRITE_ONCE(s->page->vcpu_ioreq[vcpu].vp_eport, s->port[vcpu]);
}
