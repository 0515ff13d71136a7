/* SPDX-License-Identifier: BSD-2-Clause */
/* Sorted array of ranges: ports before memory, then by first address. */
#include <hvm/io_bus.h>

#include <hv/compiler.h>
#include <hv/errno.h>

/* Index of the first range that ends at or after addr in space (count if none). */
static unsigned int lower_bound(const struct io_bus *bus, enum io_space space, uint64_t addr)
{
    unsigned int low = 0, high = bus->count;

    while (low < high) {
        unsigned int mid = (low + high) / 2;
        const struct io_range *r = &bus->range[mid];

        if (r->space < space || (r->space == space && r->last < addr))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

int io_bus_add(struct io_bus *bus, enum io_space space, uint64_t first, uint64_t last,
               const struct io_device *dev, void *ctx)
{
    unsigned int at = lower_bound(bus, space, first);

    if (last < first)
        return -EINVAL;
    if (at < bus->count && bus->range[at].space == space && bus->range[at].first <= last)
        return -EEXIST;
    if (bus->count >= IO_BUS_MAX)
        return -ENOSPC;
    for (unsigned int i = bus->count; i > at; i--)
        bus->range[i] = bus->range[i - 1];
    bus->range[at] =
        (struct io_range){ .space = space, .first = first, .last = last, .dev = dev, .ctx = ctx };
    bus->count++;
    return 0;
}

void io_bus_remove(struct io_bus *bus, enum io_space space, uint64_t first)
{
    unsigned int at = lower_bound(bus, space, first);

    if (at >= bus->count || bus->range[at].space != space || bus->range[at].first != first)
        return;
    bus->count--;
    for (unsigned int i = at; i < bus->count; i++)
        bus->range[i] = bus->range[i + 1];
}

bool io_bus_claims(const struct io_bus *bus, enum io_space space, uint64_t addr, unsigned int size)
{
    unsigned int at = lower_bound(bus, space, addr);

    return at < bus->count && bus->range[at].space == space && bus->range[at].first < addr + size;
}

/* Of no bytes: in none. */
static inline bool is_within(const struct io_range *r, const struct io_req *req)
{
    return r->space == req->space && req->addr >= r->first && req->addr <= r->last &&
           req->size - 1U <= r->last - req->addr;
}

static noinline_fn const struct io_range *search(struct io_bus *bus, const struct io_req *req)
{
    unsigned int at = lower_bound(bus, req->space, req->addr);

    if (at >= bus->count)
        return NULL;
    at = (unsigned int)array_index_nospec(at, IO_BUS_MAX);
    if (!is_within(&bus->range[at], req))
        return NULL;
    bus->last_hit = at;
    return &bus->range[at];
}

enum io_result io_bus_access(struct io_bus *bus, struct io_req *req)
{
    const struct io_range *r = &bus->range[bus->last_hit];

    if (bus->last_hit >= bus->count || !is_within(r, req)) {
        r = search(bus, req);
        if (r == NULL)
            return IO_UNCLAIMED;
    }
    r->dev->access(r->ctx, req);
    return req->effects & IO_EFFECT_FORWARD ? IO_UNCLAIMED : IO_DONE;
}
