/* SPDX-License-Identifier: BSD-2-Clause */
/* Any memory map and request: a layout that keeps its promises, or a sentence. */
#include <dom0/layout.h>

#include <stdlib.h>
#include <string.h>

#define HOLDS(x) do { if (!(x)) abort(); } while (0)
#include "layout_promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct memmap host;
static struct dom0_layout out;
static struct mem_region kept[4], busy[4];

struct input { const uint8_t *at; size_t left; };

static uint64_t take(struct input *in, unsigned int bytes)
{
    uint64_t v = 0;

    if (in->left < bytes)
        return 0;
    memcpy(&v, in->at, bytes);
    in->at += bytes;
    in->left -= bytes;
    return v;
}

/* Addresses in units that make meetings likely; now and then any number. */
static struct mem_region take_region(struct input *in)
{
    uint32_t type = (uint32_t)take(in, 1);
    uint64_t start, size;

    if (type & 0x80) {
        start = take(in, 8);
        size = take(in, 8);
    } else {
        start = take(in, 2) << (type & 0x40 ? 20 : 11);
        size = take(in, 2) << (type & 0x20 ? 20 : 10);
    }
    return (struct mem_region){ start, size, type & 7 };
}

static unsigned int take_regions(struct input *in, struct mem_region *r, unsigned int max)
{
    unsigned int n = (unsigned int)take(in, 1) % (max + 1);

    for (unsigned int i = 0; i < n; i++) {
        r[i] = take_region(in);
        r[i].start &= (1ULL << 40) - 1;   /* the hypervisor's own lists are sane */
        r[i].size &= (1ULL << 40) - 1;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, size };
    struct dom0_layout_request req = { .host = &host, .kept = kept, .busy = busy };
    const char *wrong;

    pc_map(&host, take(&in, 2));
    req.kept_count = take_regions(&in, kept, 4);
    req.busy_count = take_regions(&in, busy, 4);
    req.mem.given = take(&in, 1) & 1;
    req.mem.nr = (int64_t)(take(&in, 4) << 12) - (1LL << 32);
    req.mem.nr_percent = (int8_t)take(&in, 1);
    req.kernel_start = take(&in, 2) << 12;
    req.kernel_end = req.kernel_start + (take(&in, 2) << 12);
    req.initrd_size = take(&in, 4);
    req.cmdline_size = take(&in, 1) + 1;
    req.acpi_size = take(&in, 2) + 1;
    req.phys_bits = 32 + (unsigned int)take(&in, 1) % 21;
    while (in.left > 4 && host.count < MEMMAP_MAX)
        host.r[host.count++] = take_region(&in);
    memmap_normalise(&host);
    wrong = dom0_layout(&req, &out);
    HOLDS(!wrong || strlen(wrong) > 20);
    if (!wrong)
        check_layout_promises(&host, &req, &out);
    return 0;
}
