/* SPDX-License-Identifier: BSD-2-Clause */
/* The two ways into configuration space (PCI Local Bus 3.0, 3.2.2.3.2: only a 32-bit access to 0xCF8 is
 * the latch), and what is not passed through. */
#include "vpci_parts.h"

#include <hv/compiler.h>
#include <hv/errno.h>
#include <lib/log.h>

#define LATCH_PORT 0xcf8U
#define DATA_PORT 0xcfcU
#define LATCH_ENABLE 0x80000000U
#define LATCH_WRITABLE 0x80fffffcU
#define ECAM_BUS_SHIFT 20
#define SRIOV_CONTROL 8U
#define SRIOV_ENABLES 0x9U         /* VF enable, VF memory space enable */

void vpci_init(struct vpci *p, const struct vpci_host *host, const struct vpci_msi_host *msi,
               const struct vpci_room *room)
{
    *p = (struct vpci){ .host = host, .msi = msi };
    if (room != NULL && msi != NULL) {
        p->function = room->function;
        p->function_max = room->functions;
        p->entry = room->entry;
        p->entry_max = room->entries;
    }
}

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

/* ---- one access ---- */

static bool is_well_formed(unsigned int reg, const struct io_req *req)
{
    return (req->size == 1 || req->size == 2 || req->size == 4) && reg < VPCI_CONFIG_SIZE &&
           reg % 4 + req->size <= 4;
}

static bool is_aligned(unsigned int reg, const struct io_req *req) { return reg % req->size == 0; }

/* The host's accessors take aligned ones only; the rest (bytes 1-2 of a register) goes byte by byte. */
static void pass_through(struct vpci *p, uint32_t sbdf, unsigned int reg, struct io_req *req)
{
    const struct vpci_host *h = p->host;
    unsigned int step = is_aligned(reg, req) ? req->size : 1;
    uint64_t data = 0;

    for (unsigned int i = 0; i < req->size; i += step)
        if (req->write)
            h->write(h->ctx, sbdf, reg + i, step, (uint32_t)(req->data >> (8 * i) & io_all_ones(step)));
        else
            data |= (h->read(h->ctx, sbdf, reg + i, step) & io_all_ones(step)) << (8 * i);
    if (!req->write)
        req->data = data;
}

static bool meets(unsigned int reg, const struct io_req *req, unsigned int first, unsigned int size)
{
    return reg < first + size && first < reg + req->size;
}

/* A bridge's BARs are two, the others' six. */
static bool moves_bars(const struct vpci_function *f, unsigned int reg, const struct io_req *req)
{
    return meets(reg, req, PCI_COMMAND, 2) || meets(reg, req, PCI_BAR0, f->is_bridge ? 8 : 24);
}

static void function_write(struct vpci *p, struct vpci_function *f, unsigned int reg, struct io_req *req)
{
    if (f->is_bridge && meets(reg, req, PCI_BUSES, 3)) {
        function_forget_behind(p, f);
        pass_through(p, f->sbdf, reg, req);
        function_forget_behind(p, f);
        req->effects |= IO_EFFECT_TRAPS;
        return;
    }
    if (f->sriov != 0 && reg == f->sriov + SRIOV_CONTROL &&
        (req->data & SRIOV_ENABLES) != 0) {
        function_warn(f, "virtual functions are not supported, SR-IOV control", req->data);
        req->data &= ~(uint64_t)SRIOV_ENABLES;
    }
    pass_through(p, f->sbdf, reg, req);
    if (moves_bars(f, reg, req))
        function_moved(p, f, req);
}

void vpci_config_access(struct vpci *p, uint32_t sbdf, unsigned int reg, struct io_req *req)
{
    struct vpci_function *f;

    if (!is_well_formed(reg, req) || vpci_is_hidden(p, sbdf)) {
        if (!req->write)
            req->data = io_all_ones(req->size);
        return;
    }
    f = function_get(p, sbdf);
    if (f != NULL && !req->write && reg < 4)
        function_check(p, f);
    if (f != NULL && vmsi_covers(f, reg))
        vmsi_access(p, f, reg, req);
    else if (f != NULL && req->write && vmsix_covers(f, reg))
        vmsix_control_write(p, f, reg, req);
    else if (f != NULL && req->write)
        function_write(p, f, reg, req);
    else
        pass_through(p, sbdf, reg, req);
}

/* ---- mechanism 1 ---- */

static enum io_result access_data(struct vpci *p, struct io_req *req)
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

/* ---- memory: ECAM and MSI-X tables ---- */

static uint64_t ecam_first(const struct vpci_ecam *e)
{
    return e->base + ((uint64_t)e->bus_first << ECAM_BUS_SHIFT);
}

static uint64_t ecam_last(const struct vpci_ecam *e)
{
    return e->base + ((uint64_t)(e->bus_last + 1U) << ECAM_BUS_SHIFT) - 1;
}

int vpci_add_ecam(struct vpci *p, const struct vpci_ecam *e)
{
    if (p->ecam_count >= VPCI_MAX_ECAM)
        return -ENOSPC;
    if (e->bus_first > e->bus_last || !IS_ALIGNED(e->base, BIT(ECAM_BUS_SHIFT)) ||
        ecam_last(e) < e->base || vpci_traps(p, ecam_first(e), ecam_last(e)))
        return -EINVAL;
    p->ecam[p->ecam_count++] = *e;
    return 0;
}

static const struct vpci_ecam *ecam_of(const struct vpci *p, uint64_t at)
{
    for (unsigned int i = 0; i < p->ecam_count; i++)
        if (at >= ecam_first(&p->ecam[i]) && at <= ecam_last(&p->ecam[i]))
            return &p->ecam[i];
    return NULL;
}

static struct vpci_function *function_of_table(struct vpci *p, const struct io_req *req)
{
    for (unsigned int i = 0; i < p->function_max && p->function[i].used; i++)
        if (vmsix_has(&p->function[i], req))
            return &p->function[i];
    return NULL;
}

enum io_result vpci_memory_access(struct vpci *p, struct io_req *req)
{
    const struct vpci_ecam *e = ecam_of(p, req->addr);
    struct vpci_function *f;

    if (e != NULL) {
        uint64_t offset = req->addr - e->base;
        uint32_t sbdf = (uint32_t)e->segment << 16 | (uint32_t)(offset >> 12 & 0xffff);

        vpci_config_access(p, sbdf, (unsigned int)(offset & (VPCI_CONFIG_SIZE - 1)), req);
        return IO_DONE;
    }
    f = function_of_table(p, req);
    if (f == NULL)
        return IO_UNCLAIMED;
    vmsix_table_access(p, f, req);
    return IO_DONE;
}

bool vpci_traps(const struct vpci *p, uint64_t first, uint64_t last)
{
    uint64_t a, b;

    for (unsigned int i = 0; i < p->ecam_count; i++)
        if (first <= ecam_last(&p->ecam[i]) && last >= ecam_first(&p->ecam[i]))
            return true;
    for (unsigned int i = 0; i < p->function_max && p->function[i].used; i++)
        if (vmsix_pages(&p->function[i], &a, &b) && first <= b && last >= a)
            return true;
    return false;
}

bool vpci_trap(const struct vpci *p, unsigned int index, uint64_t *first, uint64_t *last)
{
    *first = 1;
    *last = 0;
    if (index >= p->function_max || !p->function[index].used)
        return false;
    (void)vmsix_pages(&p->function[index], first, last);
    return true;
}
