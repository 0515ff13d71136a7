/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses that are emulated: a device of ours, a device model, or nobody. An instruction whose access is with a device
 * model is run again when the answer is there; what it has read and written until then stands in its log
 * (v->io.log) and is not done a second time.
 */
#include "exits.h"

#include <lib/log.h>

/* ---- the log of an instruction ---- */

/* A REP commits an iteration in the registers before it begins the next, so these tell one from the other. */
static bool is_logs_own(struct vcpu *v)
{
    const struct guest_regs *r = &v->hw.regs;
    const struct io_log *log = &v->io.log;

    return log->rip == hw_get_rip(&v->hw) && log->rcx == r->rcx && log->rsi == r->rsi && log->rdi == r->rdi;
}

static void accesses_begin(struct vcpu *v)
{
    const struct guest_regs *r = &v->hw.regs;

    v->io.log.count = 0;
    v->io.log.rip = hw_get_rip(&v->hw);
    v->io.log.rcx = r->rcx;
    v->io.log.rsi = r->rsi;
    v->io.log.rdi = r->rdi;
}

static bool accesses_add(struct vcpu *v, uint8_t type, const struct io_req *req, uint32_t run)
{
    struct io_log *log = &v->io.log;

    if (log->count == IO_LOG_MAX)
        return false;
    log->done[log->count].write = req->write;
    log->done[log->count].type = type;
    log->done[log->count].size = req->size;
    log->done[log->count].run = run;
    log->done[log->count].addr = req->addr;
    log->done[log->count].data = req->data;
    log->count++;
    return true;
}

/* The access was made already: its answer. */
static bool accesses_replay(struct vcpu *v, unsigned int *next, uint8_t type, struct io_req *req, uint32_t *run)
{
    struct io_log *log = &v->io.log;

    if (!is_logs_own(v)) {
        accesses_begin(v);
        *next = 0;
        return false;
    }
    if (*next >= log->count)
        return false;
    if (log->done[*next].write != req->write || log->done[*next].type != type || log->done[*next].size != req->size ||
        log->done[*next].addr != req->addr || (log->done[*next].run != 0) != (run != NULL)) {
        /* It is another instruction by now (its bytes or operands were changed meanwhile): from here on it is new. */
        log->count = *next;
        return false;
    }
    if (run)
        *run = min_of(*run, log->done[*next].run);
    else if (!req->write)
        req->data = log->done[*next].data;
    ++*next;
    return true;
}

static uint8_t type_of(const struct io_req *req) { return req->space == IO_PORT ? IOREQ_TYPE_PIO : IOREQ_TYPE_COPY; }

enum emul_result vcpu_emul_access(struct vcpu *v, unsigned int *next, struct io_req *req)
{
    uint8_t type = type_of(req);
    enum io_result r;

    if (accesses_replay(v, next, type, req, NULL))
        return EMUL_DONE;
    r = req->space == IO_PORT ? vcpu_port_access(v, req) : vcpu_mmio_access(v, req);
    if (r == IO_PENDING) {
        v->io.purpose = IO_FOR_INSN;
        v->io.logged = *req;
        return EMUL_RETRY;
    }
    if (!accesses_add(v, type, req, 0))
        return EMUL_UNHANDLED;
    ++*next;
    return EMUL_DONE;
}

enum emul_result vcpu_emul_run(struct vcpu *v, unsigned int *next, struct io_req *req, gpa_t memory, uint32_t *run)
{
    enum io_result r;

    /* They were made one by one when the instruction was first run. */
    if (is_logs_own(v) && *next < v->io.log.count && v->io.log.done[*next].run == 0)
        return EMUL_UNHANDLED;
    if (accesses_replay(v, next, type_of(req), req, run))
        return EMUL_DONE;
    r = req->space == IO_PORT ? vcpu_port_run(v, req, memory, *run) : vcpu_mmio_run(v, req, memory, *run);
    if (r != IO_PENDING)
        return EMUL_UNHANDLED;
    v->io.purpose = IO_FOR_RUN;
    v->io.logged = *req;
    return EMUL_RETRY;
}

void vcpu_emul_done(struct vcpu *v)
{
    v->io.log.count = 0;
    v->io.log.rip = UINT64_MAX;
}

void vcpu_io_forget(struct vcpu *v)
{
    v->io.purpose = IO_NOTHING;
    vcpu_emul_done(v);
}

/* ---- answers ---- */

static bool note_answer(struct vcpu *v, uint32_t run)
{
    if (!v->io.logged.write)
        v->io.logged.data = v->io.data & io_all_ones(v->io.logged.size);
    if (accesses_add(v, type_of(&v->io.logged), &v->io.logged, run))
        return true;
    log_err("d%uv%u: an instruction with more than %u device accesses", v->domain->id, v->id, IO_LOG_MAX);
    return false;
}

/* The same port is no more forbidden than it was. */
static enum exit_action go_on(struct vcpu *v, uint32_t run)
{
    bool port = v->io.logged.space == IO_PORT;

    return note_answer(v, run) ? vcpu_emulate(v, port, "answer of a device model") : ACT_CRASH;
}

/* All servers have answered: what shall happen now, as if the exit had just been handled. */
enum exit_action vcpu_io_complete(struct vcpu *v)
{
    enum io_purpose purpose = (enum io_purpose)v->io.purpose;

    __atomic_store_n(&v->io.answered, false, __ATOMIC_SEQ_CST);
    v->io.purpose = IO_NOTHING;
    switch (purpose) {
    case IO_NOTHING:
        break;
    case IO_FOR_PORT:
        if (v->io.request.read)
            vcpu_port_result(v, v->io.request.size, v->io.data);
        return ACT_ADVANCE;
    case IO_FOR_INSN:
        return go_on(v, 0);
    case IO_FOR_RUN:
        return go_on(v, v->io.request.run);
    }
    return ACT_RESUME;
}
