/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trace: a ring per CPU of records in the format of xen/trace.h, which stock xentrace maps and reads.
 * Anybody from layer 3 up may put a record, in any context but NMI and #MC, with any locks held; none is taken and
 * nothing is allocated. While the trace is off, TRACE() costs one test of a word that is never written. SOFTIRQ_TRACE is
 * raised when a ring becomes half full: its handler, which boot sets, tells the reader.
 *
 * A ring is written by its CPU alone, with interrupts off. A record that does not fit is counted, not
 * torn: the next one that fits is preceded by a TRC_LOST_RECORDS. The reader may write anything into
 * the rings: only its `cons` is read back, and one that makes no sense counts as a full ring.
 * Memory: once given by trace_set_size() the rings stay. Sources: xen/trace.h, xen/sysctl.h (tbuf_op).
 */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include <hv/compiler.h>
#include <hv/types.h>
#include <x86/percpu.h>
#include <xen/trace.h>

#define TRACE_MAX_WORDS ((uint32_t)TRACE_EXTRA_MAX)

/* TRC_* classes and subclasses that are wanted; 0: the trace is off. Changed by trace_enable() and the like alone. */
extern uint32_t trace_mask;
/* A plain read, which is a comparison with memory: nobody asks in a loop without calls or barriers. */
static inline bool trace_is_on(void) { return unlikely(trace_mask != 0); }

/* Puts a record with a time stamp into this CPU's ring, if its class and this CPU are wanted. */
void trace_put(uint32_t event, unsigned int words, const uint32_t *data);
#define TRACE(event, ...)                                                                  \
    do {                                                                                   \
        if (trace_is_on()) {                                                               \
            const uint32_t trace_words_[] = { __VA_ARGS__ };                               \
            trace_put((event), (unsigned int)ARRAY_COUNT(trace_words_), trace_words_);     \
        }                                                                                  \
    } while (0)
/* As the format wants a vCPU in one word. */
static inline uint32_t trace_vcpu(domid_t domid, uint32_t vcpu) { return (uint32_t)domid << 16 | (vcpu & 0xffff); }

/* ---- for the one who controls it, toolstack operations one at a time (DOMCTL lock) ---- */

struct trace_info { uint64_t mfn; uint32_t bytes, event_mask; };

/* Rings of so many pages for each CPU. -EINVAL: none, or there are rings of another size; -EBUSY: they are there;
 * -ENOMEM. */
int trace_set_size(uint32_t pages) must_check;
int trace_enable(void) must_check;              /* -EINVAL: no rings */
void trace_disable(void);                       /* no record is put any more when it returns. IRQs on */
void trace_set_event_mask(uint32_t mask);
void trace_set_cpus(const uint64_t cpus[MAX_CPUS / 64]);
struct trace_info trace_get_info(void);         /* mfn 0: no rings */
/* Is m a page of the rings or of their description? Takes a reference then. */
bool trace_get_frame(mfn_t m) must_check;

#ifdef HV_HOST
void trace_forget_all(void);                    /* tests: the memory below is about to be replaced */
#endif

#endif
