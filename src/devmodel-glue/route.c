/* SPDX-License-Identifier: BSD-2-Clause */
/* From an access to the server that shall answer it. */
#include <devmodel-glue/ioreq.h>

#include <hv/compiler.h>

#define CF8 0xcf8U
#define CFC 0xcfcU
#define CF8_ENABLE 0x80000000U
#define CF8_BDF(v) (((v) >> 8) & 0xffffU)
#define CF8_REGISTER(v) ((v) & 0xfcU)

struct ioreq_request ioreq_from_port(struct ioreq_servers *all, uint16_t port, bool read, unsigned int size, uint64_t data)
{
    struct ioreq_request r = { .type = IOREQ_TYPE_PIO, .read = read, .size = (uint8_t)size, .addr = port, .data = data };

    if (port == CF8 && size == 4 && !read)
        all->cf8 = (uint32_t)data;
    if ((port & ~3U) == CFC && (all->cf8 & CF8_ENABLE)) {
        r.type = IOREQ_TYPE_PCI_CONFIG;
        r.addr = (uint64_t)CF8_BDF(all->cf8) << 32 | CF8_REGISTER(all->cf8) | (port & 3U);
    }
    return r;
}

bool ioreq_is_config_port(uint16_t port)
{
    return (port & ~7U) == CF8;
}

struct ioreq_request ioreq_from_memory(uint64_t gpa, bool read, unsigned int size, uint64_t data)
{
    return (struct ioreq_request){ .type = IOREQ_TYPE_COPY, .read = read, .size = (uint8_t)size, .addr = gpa, .data = data };
}

static bool claims(const struct ioreq_server *s, const struct ioreq_request *r)
{
    uint64_t length = r->type == IOREQ_TYPE_COPY && r->run ? (uint64_t)r->run * r->size : r->size;
    uint64_t last = r->addr + length - 1;

    switch (r->type) {
    case IOREQ_TYPE_PIO:
        return ioreq_ranges_contain(&s->ranges[XEN_DMOP_IO_RANGE_PORT], r->addr, last);
    case IOREQ_TYPE_COPY:
        return last >= r->addr && ioreq_ranges_contain(&s->ranges[XEN_DMOP_IO_RANGE_MEMORY], r->addr, last);
    case IOREQ_TYPE_PCI_CONFIG:
        return ioreq_ranges_contain(&s->ranges[XEN_DMOP_IO_RANGE_PCI], r->addr >> 32, r->addr >> 32);
    default:
        return false;
    }
}

struct ioreq_server *ioreq_route(const struct ioreq_servers *all, const struct ioreq_request *r, ioservid_t *id)
{
    if (likely(all->count == 0))
        return NULL;
    for (unsigned int i = IOREQ_MAX_SERVERS; i-- > 0;) {
        struct ioreq_server *s = all->server[i];

        if (!s || !s->enabled || !claims(s, r))
            continue;
        *id = (ioservid_t)i;
        return s;
    }
    return NULL;
}
