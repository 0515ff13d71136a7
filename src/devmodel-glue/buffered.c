/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring of writes that need no answer. We move write_pointer, the server read_pointer; both only ever grow, and a slot
 * is their value modulo the number of slots. A server that moves the pointers about loses its own writes: an index
 * is always reduced, and one that makes the ring look full only has everything sent the long way.
 */
#include <devmodel-glue/ioreq.h>

#include <hv/compiler.h>

_Static_assert(offsetof(struct buffered_iopage, read_pointer) == 0 &&
               offsetof(struct buffered_iopage, write_pointer) == 4, "the pointers are one aligned word");

#define BUFFERED_LIMIT (1UL << 20)     /* addresses have 20 bits */

static bool size_code(unsigned int size, uint8_t *code)
{
    switch (size) {
    case 1: *code = 0; return true;
    case 2: *code = 1; return true;
    case 4: *code = 2; return true;
    case 8: *code = 3; return true;
    default: return false;
    }
}

static void put(struct buffered_iopage *ring, uint32_t at, const struct ioreq_request *r, uint8_t code, uint32_t data)
{
    struct buf_ioreq b = { .type = r->type, .dir = IOREQ_WRITE, .size = code & 3U, .addr = r->addr & (BUFFERED_LIMIT - 1),
                           .data = data };

    ring->buf_ioreq[array_index_nospec(at % IOREQ_BUFFER_SLOT_NUM, IOREQ_BUFFER_SLOT_NUM)] = b;
}

/* Both pointers go down together before they could overflow, for 511 does not divide 2^32. The server adds to its own
 * atomically (HVM_IOREQSRV_BUFIOREQ_ATOMIC); one that comes in between is tried again at the next write. */
static void keep_small(struct buffered_iopage *ring)
{
    struct { uint32_t read, write; } p = { READ_ONCE(ring->read_pointer), READ_ONCE(ring->write_pointer) };
    uint64_t before, after;

    if (p.read < IOREQ_BUFFER_SLOT_NUM || p.write < IOREQ_BUFFER_SLOT_NUM)
        return;
    __builtin_memcpy(&before, &p, sizeof(before));
    p.read -= IOREQ_BUFFER_SLOT_NUM;
    p.write -= IOREQ_BUFFER_SLOT_NUM;
    __builtin_memcpy(&after, &p, sizeof(after));
    (void)__atomic_compare_exchange_n((uint64_t *)(void *)ring, &before, after, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

bool ioreq_push(struct ioreq_server *s, const struct ioreq_request *r)
{
    uint32_t write, slots = r->size == 8 ? 2 : 1;   /* the upper half of eight bytes has a slot of its own */
    uint8_t code;

    if (!s->ring || r->read || r->run || r->addr + r->size > BUFFERED_LIMIT || !size_code(r->size, &code))
        return false;
    keep_small(s->ring);
    write = READ_ONCE(s->ring->write_pointer);
    if (write - READ_ONCE(s->ring->read_pointer) > IOREQ_BUFFER_SLOT_NUM - slots)
        return false;
    put(s->ring, write, r, code, (uint32_t)r->data);
    if (slots == 2)
        put(s->ring, write + 1, r, code, (uint32_t)(r->data >> 32));
    __atomic_store_n(&s->ring->write_pointer, write + slots, __ATOMIC_RELEASE);
    return true;
}
