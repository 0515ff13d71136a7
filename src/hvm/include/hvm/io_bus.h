/* SPDX-License-Identifier: BSD-2-Clause */
/* Which device of ours answers a port or guest-physical address: a sorted array, binary search, the last one found first.
 * Built before the domain runs; changes need the domain paused; accesses hold its VDEV lock. Devices get a const ops record and
 * their own context. */
#ifndef HVM_IO_BUS_H
#define HVM_IO_BUS_H

#include <hv/io.h>

struct io_device { void (*access)(void *ctx, struct io_req *req); const char *name; };
struct io_range { enum io_space space; uint64_t first, last; const struct io_device *dev; void *ctx; };
#define IO_BUS_MAX 64
struct io_bus { unsigned int count, last_hit; struct io_range range[IO_BUS_MAX]; };

/* -EEXIST: overlap, -ENOSPC. */
int io_bus_add(struct io_bus *bus, enum io_space space, uint64_t first, uint64_t last,
               const struct io_device *dev, void *ctx) must_check;
void io_bus_remove(struct io_bus *bus, enum io_space space, uint64_t first);
/* An access that is not wholly inside one range is unclaimed. */
enum io_result io_bus_access(struct io_bus *bus, struct io_req *req);
/* Is some of it a device's of ours? */
bool io_bus_claims(const struct io_bus *bus, enum io_space space, uint64_t addr, unsigned int size);

#endif
