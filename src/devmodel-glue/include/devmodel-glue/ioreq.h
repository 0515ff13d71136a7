/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ioreq servers (xen/hvm/ioreq.h, xen/hvm/dm_op.h): programs in dom0 that play devices for a domain. Which server an
 * access goes to, the page that requests and answers go through, the ring of buffered writes. Pure over the shared
 * pages, which are given as pointers and whose content is a peer's word: it is read once and believed in nothing but
 * the data of an answer. A server that breaks the protocol makes its own domain's vCPU see IOREQ_BROKEN.
 *
 * The caller holds the domain's IOREQ lock around every call, owns the pages and the event channels, pauses the vCPU that
 * waits and sends the events. Nothing here blocks or allocates.
 */
#ifndef DEVMODEL_GLUE_IOREQ_H
#define DEVMODEL_GLUE_IOREQ_H

#include <hv/types.h>
#include <xen/hvm/dm_op.h>
#include <xen/hvm/ioreq.h>

#define IOREQ_MAX_SERVERS 8U
#define IOREQ_MAX_RANGES 256U       /* of each kind, per server */
#define IOREQ_MAX_VCPUS 128U        /* slots in a page */
#define IOREQ_SPACES 3U             /* XEN_DMOP_IO_RANGE_PORT, _MEMORY, _PCI */

/* A set of numbers as sorted, disjoint, non-adjacent ranges. */
struct ioreq_range { uint64_t start, end; };
struct ioreq_ranges { unsigned int count; struct ioreq_range range[IOREQ_MAX_RANGES]; };

/* -EINVAL: end before start; -EEXIST: some of it is there already; -ENOSPC. */
int ioreq_ranges_add(struct ioreq_ranges *s, uint64_t start, uint64_t end) must_check;
/* -ENOENT: not all of it is there; -ENOSPC: a range would have to be split. */
int ioreq_ranges_remove(struct ioreq_ranges *s, uint64_t start, uint64_t end) must_check;
bool ioreq_ranges_contain(const struct ioreq_ranges *s, uint64_t start, uint64_t end);

struct ioreq_server {
    bool enabled, buffered;
    struct shared_iopage *page;         /* a slot per vCPU; shared with the server */
    struct buffered_iopage *ring;       /* NULL unless buffered; shared */
    uint32_t ring_port;
    uint32_t port[IOREQ_MAX_VCPUS];     /* of the domain, told to the server in vp_eport */
    uint8_t seen[IOREQ_MAX_VCPUS];      /* state of the slot when we looked last */
    struct ioreq_ranges ranges[IOREQ_SPACES];
};

struct ioreq_servers {
    struct ioreq_server *server[IOREQ_MAX_SERVERS];   /* by id; NULL: free */
    unsigned int count;
    uint32_t cf8;                       /* address latch of PCI configuration mechanism 1 */
};

/* Takes the first free id. -ENOSPC. s is zeroed but for page (zeroed, too), ring, buffered and the ports. */
int ioreq_add(struct ioreq_servers *all, struct ioreq_server *s, ioservid_t *id) must_check;
void ioreq_remove(struct ioreq_servers *all, ioservid_t id);
struct ioreq_server *ioreq_find(const struct ioreq_servers *all, ioservid_t id);   /* NULL: there is none */
/* Tells the server the port of a vCPU, which it may have overwritten. */
void ioreq_publish_port(struct ioreq_server *s, uint32_t vcpu);

/* One access on its way. run: so many elements, between the port, or memory that ascends with it, and guest-physical memory
 * that begins at data and ascends; 0: data is the value. */
struct ioreq_request { uint8_t type;    /* IOREQ_TYPE_* */ bool read; uint8_t size; uint32_t run; uint64_t addr, data; };

/* What is to be sent for an access to a port or to memory: ports 0xCFC-0xCFF become configuration accesses when the latch
 * is on. Also keeps the latch: to be called for every port access that none of our own devices has. */
struct ioreq_request ioreq_from_port(struct ioreq_servers *all, uint16_t port, bool read, unsigned int size, uint64_t data);
bool ioreq_is_config_port(uint16_t port);
struct ioreq_request ioreq_from_memory(uint64_t gpa, bool read, unsigned int size, uint64_t data);
/* The enabled server that claims all of it, the one made last first; NULL: nobody. */
struct ioreq_server *ioreq_route(const struct ioreq_servers *all, const struct ioreq_request *r, ioservid_t *id);

/* The slot of a vCPU. ioreq_send: it must be idle (nothing sent that was not taken). */
void ioreq_send(struct ioreq_server *s, uint32_t vcpu, const struct ioreq_request *r);
enum ioreq_answer { IOREQ_WAITING, IOREQ_ANSWERED, IOREQ_BROKEN };
/* IOREQ_ANSWERED takes the answer and makes the slot idle; it is said once. */
enum ioreq_answer ioreq_take(struct ioreq_server *s, uint32_t vcpu, uint64_t *data);

/* Puts a write into the ring, where the server finds it later. False: it has to be sent (no ring, no room, or of a form that
 * the ring cannot hold: only writes below 1 MiB of 1, 2, 4 or 8 bytes). */
bool ioreq_push(struct ioreq_server *s, const struct ioreq_request *r);

#endif
