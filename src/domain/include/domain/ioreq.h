/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A domain's ioreq servers: pages, event channels, and the vCPUs that wait for an answer. A vCPU with a request under way is
 * kept off its CPU (sched_set_waiting) from before the server can see the request until all servers asked have answered, so nothing
 * but the answer, or the server's end, lets it run. Functions take the IOREQ lock themselves; the mechanism is
 * devmodel-glue's. A server that breaks the protocol has its domain crash.
 */
#ifndef DOMAIN_IOREQ_H
#define DOMAIN_IOREQ_H

#include <devmodel-glue/ioreq.h>
#include <hv/io.h>
#include <hv/types.h>

struct domain;
struct vcpu;

/* What the current instruction has read and written so far: when it is run again with one more answer, these accesses
 * are not made a second time. */
#define IO_LOG_MAX 8U
struct io_log {
    uint64_t rip, rcx, rsi, rdi;           /* of the instruction (of a REP: the iteration) that it belongs to */
    unsigned int count;
    struct { bool write; uint8_t type, size; uint32_t run; uint64_t addr, data; } done[IO_LOG_MAX];
};

enum io_purpose { IO_NOTHING, IO_FOR_PORT, IO_FOR_INSN, IO_FOR_RUN };
struct vcpu_io {
    uint32_t waiting;                      /* servers that have not answered; IOREQ lock */
    bool answered;                         /* set by whoever takes the last answer; atomic */
    bool invalidate;                       /* servers are to be told that pages have gone; atomic */
    uint8_t purpose;                       /* enum io_purpose: what the answer is for */
    uint8_t insn_len;
    struct ioreq_request request;
    struct io_req logged;                  /* IO_FOR_INSN, IO_FOR_RUN: what goes into the log when it is answered */
    uint64_t data;                         /* the answer */
    struct io_log log;
};

/* mode: HVM_IOREQSRV_BUFIOREQ_*. The server's end of the channels is emulator's. -ENOMEM, -ENOSPC, -EINVAL. */
int domain_ioreq_create(struct domain *d, domid_t emulator, uint8_t mode, ioservid_t *id) must_check;
int domain_ioreq_destroy(struct domain *d, ioservid_t id) must_check;        /* -ENOENT */
void domain_ioreq_destroy_all(struct domain *d);
int domain_ioreq_enable(struct domain *d, ioservid_t id, bool on) must_check;
/* -ENOENT, -EEXIST, -ENOSPC, -EINVAL. */
int domain_ioreq_range(struct domain *d, ioservid_t id, uint32_t space, uint64_t start, uint64_t end, bool add) must_check;
int domain_ioreq_ring_port(struct domain *d, ioservid_t id, uint32_t *port) must_check;
/* The frame of a server's page (XENMEM_resource_ioreq_server_frame_*), with a reference. -ENOENT, -EINVAL. */
int domain_ioreq_frame(struct domain *d, ioservid_t id, uint64_t frame, mfn_t *m) must_check;

/*
 * For the vCPU itself, on its CPU. IO_UNCLAIMED: no server has it. IO_DONE: nobody has to be waited for. IO_PENDING:
 * sent, v->io.purpose is to be set by the caller, who leaves the guest.
 */
enum io_result vcpu_io_request(struct vcpu *v, const struct ioreq_request *r);
enum io_result vcpu_io_port(struct vcpu *v, const struct io_req *req);       /* with the latch of 0xCF8 */
/* Elements between a port and memory, as many as run says, in one request. IO_UNCLAIMED: they have to be made one by one. */
enum io_result vcpu_io_port_run(struct vcpu *v, const struct io_req *req, gpa_t memory, uint32_t run);
/* The same between a device model's memory and other memory, both ascending. */
enum io_result vcpu_io_memory_run(struct vcpu *v, const struct io_req *req, gpa_t memory, uint32_t run);
/* Tells every server that pages have gone (IOREQ_TYPE_INVALIDATE): true if there is somebody to be waited for. */
bool vcpu_io_invalidate(struct vcpu *v);
/* vCPUs of d do so before they next enter the guest: of the current one if it is d's, else all. */
void domain_ioreq_stale(struct domain *d);
/* An event has come in on a port of ours that belongs to a vCPU. */
void domain_io_event(struct domain *d, uint32_t vcpu);

#endif
