/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vCPU's slot: NONE -> READY (we, after all else is written) -> INPROCESS -> RESP_READY (the server) -> NONE (we, after
 * the answer is read). The server may skip INPROCESS from our point of view; going back, or to a state that is none,
 * breaks the protocol. Its byte has other fields beside the state, which are ours as long as a request is out.
 */
#include <devmodel-glue/ioreq.h>

#include <hv/assert.h>
#include <hv/compiler.h>

#define STATE_MASK 0xfU
#define DATA_IS_PTR 0x10U
#define DIR_READ 0x20U
#define STATE_BYTE 30U             /* state:4 data_is_ptr:1 dir:1 df:1 */

_Static_assert(offsetof(struct ioreq, type) == STATE_BYTE + 1, "the state's byte stands before the type");
_Static_assert(offsetof(struct ioreq, vp_eport) == 24, "layout of struct ioreq");

static uint8_t *state_of(struct ioreq *slot)
{
    return (uint8_t *)slot + STATE_BYTE;
}

void ioreq_send(struct ioreq_server *s, uint32_t vcpu, const struct ioreq_request *r)
{
    struct ioreq *slot = &s->page->vcpu_ioreq[vcpu];
    unsigned int flags = (r->read ? DIR_READ : 0) | (r->run ? DATA_IS_PTR : 0);

    ASSERT(s->seen[vcpu] == STATE_IOREQ_NONE);
    slot->addr = r->addr;
    slot->data = r->data;
    slot->count = r->run ? r->run : 1;
    slot->size = r->size;
    slot->vp_eport = s->port[vcpu];
    slot->type = r->type;
    s->seen[vcpu] = STATE_IOREQ_READY;
    __atomic_store_n(state_of(slot), (uint8_t)(STATE_IOREQ_READY | flags), __ATOMIC_RELEASE);
}

static bool may_follow(uint8_t before, uint8_t now)
{
    if (before == STATE_IOREQ_READY)
        return now == STATE_IOREQ_READY || now == STATE_IOREQ_INPROCESS || now == STATE_IORESP_READY;
    return before == STATE_IOREQ_INPROCESS && (now == STATE_IOREQ_INPROCESS || now == STATE_IORESP_READY);
}

enum ioreq_answer ioreq_take(struct ioreq_server *s, uint32_t vcpu, uint64_t *data)
{
    struct ioreq *slot = &s->page->vcpu_ioreq[vcpu];
    uint8_t now = __atomic_load_n(state_of(slot), __ATOMIC_ACQUIRE) & STATE_MASK;

    if (!may_follow(s->seen[vcpu], now))
        return IOREQ_BROKEN;
    s->seen[vcpu] = now;
    if (now != STATE_IORESP_READY)
        return IOREQ_WAITING;
    *data = READ_ONCE(slot->data);
    s->seen[vcpu] = STATE_IOREQ_NONE;
    __atomic_store_n(state_of(slot), STATE_IOREQ_NONE, __ATOMIC_RELEASE);
    return IOREQ_ANSWERED;
}
