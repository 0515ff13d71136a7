/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration mechanism 1 (PCI Local Bus 3.0, 3.2.2.3.2): only a 32-bit access to 0xCF8 is the
 * latch. */
#include <hvm/vpci.h>

#include <hv/compiler.h>
#include <hv/errno.h>

#define LATCH_PORT 0xcf8U
#define DATA_PORT 0xcfcU
#define LATCH_ENABLE 0x80000000U
#define LATCH_WRITABLE 0x80fffffcU

void vpci_init(struct vpci *p, const struct vpci_host *host) { *p = (struct vpci){ .host = host }; }

int vpci_hide(struct vpci *p, uint32_t sbdf)
{
    if (p->hidden_count >= VPCI_MAX_HIDDEN)
        return -ENOSPC;
    p->hidden[p->hidden_count++] = sbdf;
    return 0;
}

bool vpci_is_hidden(const struct vpci *p, uint32_t sbdf)
{
    for (unsigned int i = 0; i < p->hidden_count; i++)
        if (p->hidden[i] == sbdf)
            return true;
    return false;
}

void vpci_config_access(const struct vpci *p, uint32_t sbdf, unsigned int reg, struct io_req *req)
{
    const struct vpci_host *h = p->host;

    if (vpci_is_hidden(p, sbdf)) {
        if (!req->write)
            req->data = io_all_ones(req->size);
    } else if (req->write) {
        h->write(h->ctx, sbdf, reg, req->size, (uint32_t)req->data);
    } else {
        req->data = h->read(h->ctx, sbdf, reg, req->size) & io_all_ones(req->size);
    }
}

static enum io_result access_data(const struct vpci *p, struct io_req *req)
{
    unsigned int byte = (unsigned int)req->addr & 3U;

    if (byte + req->size > 4 || req->size == 3)
        return IO_UNCLAIMED;
    if ((p->cf8 & LATCH_ENABLE) == 0) {
        if (!req->write)
            req->data = io_all_ones(req->size);
        return IO_DONE;
    }
    vpci_config_access(p, (p->cf8 >> 8) & 0xffffU, (p->cf8 & 0xfcU) | byte, req);
    return IO_DONE;
}

enum io_result vpci_port_access(struct vpci *p, struct io_req *req)
{
    if (req->addr >= DATA_PORT && req->addr < DATA_PORT + 4)
        return access_data(p, req);
    if (req->addr != LATCH_PORT || req->size != 4)
        return IO_UNCLAIMED;
    if (req->write)
        p->cf8 = (uint32_t)req->data & LATCH_WRITABLE;
    else
        req->data = p->cf8;
    return IO_DONE;
}
