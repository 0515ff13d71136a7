/* SPDX-License-Identifier: BSD-2-Clause */
/* Between vpci.c, vpci_function.c, vmsi.c and vmsix.c. */
#ifndef HVM_VPCI_PARTS_H
#define HVM_VPCI_PARTS_H

#include <hvm/vpci.h>

#define PCI_COMMAND 0x04U
#define PCI_COMMAND_MEMORY 0x2U
#define PCI_STATUS 0x06U
#define PCI_STATUS_CAPS 0x10U
#define PCI_HEADER_TYPE 0x0eU
#define PCI_BAR0 0x10U
#define PCI_BUSES 0x18U            /* of a bridge: primary, secondary, subordinate */
#define PCI_CAP_POINTER 0x34U

static inline uint32_t cfg_read(const struct vpci *p, const struct vpci_function *f, unsigned int reg,
                                unsigned int size)
{
    return p->host->read(p->host->ctx, f->sbdf, reg, size) & (uint32_t)io_all_ones(size);
}
static inline void cfg_write(const struct vpci *p, const struct vpci_function *f, unsigned int reg,
                             unsigned int size, uint32_t value)
{
    p->host->write(p->host->ctx, f->sbdf, reg, size, value);
}
/* What a 32-bit register will hold after a narrower write into it. */
static inline uint32_t dword_merge(uint32_t old, unsigned int reg, const struct io_req *req)
{
    unsigned int shift = (reg & 3U) * 8;
    uint32_t mask = (uint32_t)io_all_ones(req->size) << shift;

    return (old & ~mask) | (((uint32_t)req->data << shift) & mask);
}
/* The part of a 32-bit register that a narrower read asks for. */
static inline uint64_t dword_part(uint32_t value, unsigned int reg, const struct io_req *req)
{
    return (value >> ((reg & 3U) * 8)) & io_all_ones(req->size);
}
/* Once per function: its driver does something that cannot be carried out. */
void function_warn(struct vpci_function *f, const char *what, uint64_t value);

/* vpci_function.c. NULL: nothing there, or no room to know it. */
struct vpci_function *function_get(struct vpci *p, uint32_t sbdf);
/* A read of its id: whatever was there before is forgotten if it is another one now. */
void function_check(struct vpci *p, struct vpci_function *f);
/* Decoding or a BAR was written. */
void function_moved(struct vpci *p, struct vpci_function *f, struct io_req *req);
/* All behind a bridge, before and after its bus numbers change. */
void function_forget_behind(struct vpci *p, const struct vpci_function *bridge);

/* vmsi.c */
void vmsi_find(struct vpci *p, struct vpci_function *f, uint8_t cap);
bool vmsi_covers(const struct vpci_function *f, unsigned int reg);
void vmsi_access(struct vpci *p, struct vpci_function *f, unsigned int reg, struct io_req *req);
void vmsi_release(struct vpci *p, struct vpci_function *f);

/* vmsix.c */
void vmsix_find(struct vpci *p, struct vpci_function *f, uint8_t cap);
bool vmsix_covers(const struct vpci_function *f, unsigned int reg);    /* the capability's first register */
void vmsix_control_write(struct vpci *p, struct vpci_function *f, unsigned int reg, const struct io_req *req);
/* The table has a (new) place: the device is told again what its rows hold. */
void vmsix_moved(struct vpci *p, struct vpci_function *f);
bool vmsix_has(const struct vpci_function *f, const struct io_req *req);
void vmsix_table_access(struct vpci *p, struct vpci_function *f, struct io_req *req);
void vmsix_release(struct vpci *p, struct vpci_function *f);
bool vmsix_pages(const struct vpci_function *f, uint64_t *first, uint64_t *last);

#endif
