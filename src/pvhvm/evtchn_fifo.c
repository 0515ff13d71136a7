/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FIFO delivery. An event word per port in pages of the guest (PENDING, MASKED, LINKED, BUSY, LINK
 * = next port), and per vCPU a control block with a head per priority and a bit mask of queues that
 * have something. We append at the tail, the guest takes from the head without asking; where both
 * meet is the tail's word:
 *
 *   LINKED still set   the guest has not come to it: put our port into its LINK, and the guest
 *                      will find it;
 *   LINKED clear       the guest has taken it: the queue is empty, start it anew through head and
 *                      ready.
 *
 * The last word of a queue is remembered on our side (fifo_tail). Every word may be rewritten by
 * the guest at any time: nothing read from one is used as an index here, and every loop has a fixed
 * bound.
 */
#include "evtchn_delivery.h"

#include <hv/compiler.h>
#include <hv/errno.h>
#include <lib/string.h>

#define PENDING (1U << EVTCHN_FIFO_PENDING)
#define MASKED (1U << EVTCHN_FIFO_MASKED)
#define LINKED (1U << EVTCHN_FIFO_LINKED)
#define BUSY (1U << EVTCHN_FIFO_BUSY)
#define LINK_FIELD ((uint32_t)EVTCHN_FIFO_LINK_MASK)

/* With BUSY set a guest that keeps to the ABI can change the word four times: mask, clear pending,
 * mask... and unlink. */
#define APPEND_TRIES 5

static uint32_t *fifo_word(const struct evtchn_domain *d, uint32_t port)
{
    uint32_t page = port / EVTCHN_FIFO_WORDS_PER_PAGE;
    uint32_t count = __atomic_load_n(&d->fifo_page_count, __ATOMIC_ACQUIRE);

    if (page >= count)
        return NULL;
    page = (uint32_t)array_index_nospec(page, count);
    return &d->fifo_page[page][port % EVTCHN_FIFO_WORDS_PER_PAGE];
}

static uint32_t word_or(uint32_t *w, uint32_t bits)
{
    return __atomic_fetch_or(w, bits, __ATOMIC_SEQ_CST);
}

static uint32_t word_and(uint32_t *w, uint32_t bits)
{
    return __atomic_fetch_and(w, bits, __ATOMIC_SEQ_CST);
}

static uint32_t word_read(const uint32_t *w)
{
    return __atomic_load_n(w, __ATOMIC_SEQ_CST);
}

/* Links port behind the tail's word if the guest has not taken that one yet. False: it has. */
static bool fifo_append(uint32_t *tail, uint32_t port)
{
    uint32_t w = word_read(tail);
    unsigned int i;

    for (i = 0; i < APPEND_TRIES; i++) {
        if ((w & LINKED) == 0)
            break;
        if (__atomic_compare_exchange_n(tail, &w, (w & ~(LINK_FIELD | BUSY)) | port, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return true;
        if (i == 0)
            w = word_or(tail, BUSY) | BUSY; /* keeps the guest from unmasking until we are done */
    }
    /*
     * Out of tries means that the guest breaks the rules; a queue started anew is all it can get.
     */
    if (i > 0)
        (void)word_and(tail, ~BUSY);
    return false;
}

static uint32_t fifo_link(struct evtchn_domain *d, struct evtchn *e, uint32_t port, uint32_t *word)
{
    struct evtchn_vcpu *v = &d->vcpu[e->notify_vcpu], *last = &d->vcpu[e->last_vcpu];
    struct evtchn_fifo_control_block *control = v->fifo_control;
    uint32_t prio = e->priority, tail;
    bool linked;

    if (control == NULL)                        /* linked when the control block comes */
        return EVTCHN_NOTIFY_NONE;
    if (word_or(word, LINKED) & LINKED)
        return EVTCHN_NOTIFY_NONE;
    /* Our word looks linked from now on; a queue that still ends in it is empty and must not go on
     * behind it. */
    if (last->fifo_tail[e->last_priority] == port)
        last->fifo_tail[e->last_priority] = 0;
    e->last_vcpu = e->notify_vcpu;
    e->last_priority = (uint8_t)prio;

    tail = v->fifo_tail[prio];
    linked = tail != 0 && fifo_append(fifo_word(d, tail), port);
    v->fifo_tail[prio] = port;
    if (linked)
        return EVTCHN_NOTIFY_NONE; /* the guest is, or will be, on its way through this queue */
    __atomic_store_n(&control->head[prio], port, __ATOMIC_SEQ_CST);
    if (word_or(&control->ready, 1U << prio) & (1U << prio))
        return EVTCHN_NOTIFY_NONE;
    return evtchn_mark_upcall(d, e->notify_vcpu);
}

uint32_t evtchn_fifo_set_pending(struct evtchn_domain *d, struct evtchn *e, uint32_t port)
{
    uint32_t *word = fifo_word(d, port);

    if (word == NULL) {
        e->pending = true;                      /* raised when the page comes */
        return EVTCHN_NOTIFY_NONE;
    }
    /*
     * A linked word will be visited, and a masked one looked at by whoever unmasks it, after this.
     */
    if (word_or(word, PENDING) & (MASKED | LINKED))
        return EVTCHN_NOTIFY_NONE;
    return fifo_link(d, e, port, word);
}

uint32_t evtchn_fifo_unmask(struct evtchn_domain *d, struct evtchn *e, uint32_t port)
{
    uint32_t *word = fifo_word(d, port);

    if (word == NULL || (word_and(word, ~MASKED) & PENDING) == 0 || e->state <= EVT_RESERVED)
        return EVTCHN_NOTIFY_NONE;
    return evtchn_fifo_set_pending(d, e, port);
}

void evtchn_fifo_clear_pending(struct evtchn_domain *d, struct evtchn *e, uint32_t port)
{
    uint32_t *word = fifo_word(d, port);

    e->pending = false;
    if (word != NULL)
        (void)word_and(word, ~PENDING);         /* the guest unlinks it, and ignores it */
}

bool evtchn_fifo_is_pending(const struct evtchn_domain *d, const struct evtchn *e, uint32_t port)
{
    const uint32_t *word = fifo_word(d, port);

    return word != NULL ? (word_read(word) & PENDING) != 0 : e->pending;
}

bool evtchn_fifo_is_masked(const struct evtchn_domain *d, uint32_t port)
{
    const uint32_t *word = fifo_word(d, port);

    return word == NULL || (word_read(word) & MASKED) != 0;
}

bool evtchn_fifo_is_busy(const struct evtchn_domain *d, uint32_t port)
{
    const uint32_t *word = fifo_word(d, port);

    return word != NULL && (word_read(word) & LINKED) != 0;
}

/* Events that became pending while their vCPU had no control block. */
static void fifo_link_waiting(struct evtchn_domain *d, uint32_t vcpu)
{
    uint32_t p, limit = min_of(d->port_limit, d->fifo_page_count * EVTCHN_FIFO_WORDS_PER_PAGE);
    struct evtchn *e;

    for (p = 1; p < limit; p++) {
        e = evtchn_port(d, p);
        if (e->state > EVT_RESERVED && !e->xen_consumer && e->notify_vcpu == vcpu &&
            (word_read(fifo_word(d, p)) & (PENDING | MASKED | LINKED)) == PENDING)
            (void)fifo_link(d, e, p, fifo_word(d, p));
    }
}

/* The switch from two levels: what is pending there is raised again as the event words come. */
static void fifo_take_over(struct evtchn_domain *d)
{
    uint32_t p;

    for (p = 1; p < d->port_limit; p++) {
        struct evtchn *e = evtchn_port(d, p);

        if (e->state > EVT_RESERVED && !e->xen_consumer && evtchn_2l_is_pending(d, p))
            e->pending = true;
        e->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
    }
    d->fifo = true;
}

int evtchn_fifo_init_control(struct evtchn_domain *d, uint32_t vcpu, void *control_block)
{
    if (vcpu >= d->vcpu_count)
        return -ENOENT;
    vcpu = (uint32_t)array_index_nospec(vcpu, d->vcpu_count);
    if (d->vcpu[vcpu].fifo_control != NULL)
        return -EINVAL;
    if (!d->fifo)
        fifo_take_over(d);
    d->vcpu[vcpu].fifo_control = control_block;
    fifo_link_waiting(d, vcpu);
    return 0;
}

int evtchn_fifo_expand(struct evtchn_domain *d, uint32_t *array_page)
{
    uint32_t p, limit;

    if (!d->fifo)
        return -EOPNOTSUPP;
    if (d->fifo_page_count == ARRAY_COUNT(d->fifo_page))
        return -ENOSPC;
    p = d->fifo_page_count * EVTCHN_FIFO_WORDS_PER_PAGE;
    d->fifo_page[d->fifo_page_count] = array_page;
    __atomic_store_n(&d->fifo_page_count, d->fifo_page_count + 1, __ATOMIC_RELEASE);
    limit = min_of(d->port_limit, p + EVTCHN_FIFO_WORDS_PER_PAGE);
    for (; p < limit; p++) {
        struct evtchn *e = evtchn_port(d, p);

        if (!e->pending)
            continue;
        e->pending = false;
        (void)evtchn_fifo_set_pending(d, e, p);
    }
    return 0;
}

void evtchn_fifo_drop(struct evtchn_domain *d)
{
    uint32_t v;

    for (v = 0; v < d->vcpu_count; v++) {
        d->vcpu[v].fifo_control = NULL;
        memset(d->vcpu[v].fifo_tail, 0, sizeof(d->vcpu[v].fifo_tail));
    }
    d->fifo_page_count = 0;
    d->fifo = false;
}
