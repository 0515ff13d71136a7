/* SPDX-License-Identifier: BSD-2-Clause */
/* The devices behind dom0's intercepted ports. Each is a few lines: what is absent, what is shared,
 * what is ours. */
#include <hvm/dom0_ports.h>

#include <hv/compiler.h>
#include <hv/errno.h>
#include <lib/string.h>

enum owner { ABSENT, STILL, RTC, PCI, DEBUG };
struct port_row {
    uint16_t first, last;
    enum owner owner;
};
static const struct port_row rows[] = {
#define PORTS(first, last, owner, what) { (first), (last), (owner) },
#include "dom0_ports.def"
#undef PORTS
};

void dom0_ports_init(struct dom0_ports *p, const struct dom0_port_host *host, struct vpci *pci)
{
    memset(p, 0, sizeof(*p));
    p->host = host;
    p->pci = pci;
}

/* The hole (intercepted range) that ends at or after port and begins first; false: none. */
static bool next_hole(const struct dom0_ports *p, uint32_t port, uint32_t *first, uint32_t *last)
{
    uint32_t best = UINT32_MAX;

    for (size_t i = 0; i < ARRAY_COUNT(rows) + p->extra_count; i++) {
        size_t n = i - ARRAY_COUNT(rows);
        uint32_t a = i < ARRAY_COUNT(rows) ? rows[i].first : p->extra[n].first;
        uint32_t b = i < ARRAY_COUNT(rows) ? rows[i].last : p->extra[n].last;

        if (b < port || a >= best)
            continue;
        best = a;
        *first = a;
        *last = b;
    }
    return best != UINT32_MAX;
}

int dom0_ports_exclude(struct dom0_ports *p, uint16_t first, uint16_t last)
{
    uint32_t a, b;

    if (last < first)
        return -EINVAL;
    if (next_hole(p, first, &a, &b) && a <= last)
        return -EEXIST;
    if (p->extra_count >= DOM0_PORTS_MAX_EXTRA)
        return -ENOSPC;
    p->extra[p->extra_count].first = first;
    p->extra[p->extra_count].last = last;
    p->extra_count++;
    return 0;
}

void dom0_ports_each_direct(const struct dom0_ports *p,
                            void (*fn)(void *ctx, uint16_t first, uint16_t last), void *ctx)
{
    uint32_t port = 0, first, last;

    while (port <= 0xffff && next_hole(p, port, &first, &last)) {
        if (first > port)
            fn(ctx, (uint16_t)port, (uint16_t)(first - 1));
        port = last + 1;
    }
    if (port <= 0xffff)
        fn(ctx, (uint16_t)port, 0xffff);
}

static void access_absent(void *ctx, struct io_req *req)
{
    (void)ctx;
    if (!req->write)
        req->data = io_all_ones(req->size);
}

static void access_still(void *ctx unused_arg, struct io_req *req)
{
    if (!req->write)
        req->data = 0;
}

/* Bytes only: a wider access is a row of byte accesses, as the bus does it. */
static void access_rtc(void *ctx, struct io_req *req)
{
    struct dom0_ports *p = ctx;
    const struct dom0_port_host *h = p->host;
    uint64_t data = 0;

    for (unsigned int i = 0; i < req->size; i++) {
        bool is_index = req->addr + i == 0x70;
        uint8_t byte = (uint8_t)(req->data >> (8 * i)), index = p->cmos_index & 0x7fU;

        if (!req->write)
            data |= (uint64_t)(is_index ? 0xff : h->cmos_read(h->ctx, index)) << (8 * i);
        else if (is_index)
            p->cmos_index = byte; /* bit 7, NMI disable, stays ours */
        else
            h->cmos_write(h->ctx, index, byte);
    }
    if (!req->write)
        req->data = data;
}

/* 0xCF9: bit 2 going up resets; bit 1 says how hard. */
static void access_reset(struct dom0_ports *p, struct io_req *req)
{
    uint8_t value = (uint8_t)req->data;

    if (!req->write) {
        req->data = p->reset;
        return;
    }
    if ((value & 4U) != 0 && (p->reset & 4U) == 0)
        req->effects |= IO_EFFECT_SHUTDOWN;
    p->reset = value & (uint8_t)~4U;
}

static void access_pci(void *ctx, struct io_req *req)
{
    struct dom0_ports *p = ctx;

    if (req->addr == 0xcf9 && req->size == 1)
        access_reset(p, req);
    else if (vpci_port_access(p->pci, req) == IO_UNCLAIMED)
        access_absent(ctx, req);
}

static void access_debug(void *ctx, struct io_req *req)
{
    struct dom0_ports *p = ctx;

    if (!req->write)
        req->data = io_all_ones(req->size); /* 0xE9 would mean that there is a console here */
    else if (p->host->debug_char != NULL)
        p->host->debug_char(p->host->ctx, (char)req->data);
}

int dom0_ports_claim(struct dom0_ports *p, struct io_bus *bus)
{
    static const struct io_device devices[] = {
        [ABSENT] = { access_absent, "absent" },
        [STILL] = { access_still, "still" },
        [RTC] = { access_rtc, "RTC" },
        [PCI] = { access_pci, "PCI configuration" },
        [DEBUG] = { access_debug, "debug port" },
    };

    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        int rc = io_bus_add(bus, IO_PORT, rows[i].first, rows[i].last, &devices[rows[i].owner], p);

        if (rc != 0)
            return rc;
    }
    return 0;
}
