/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which pages of a domain were written since somebody asked last, for saving it while it runs. There is no bitmap:
 * the second-level entry says it. RAM of type P2M_RAM_LOGDIRTY is clean and write-protected, P2M_RAM_RW is dirty; so
 * pages that come while it is on are dirty, and nothing needs memory but the split of a large page at its
 * first write (without memory the large page is dirty as a whole).
 *
 * A device model may watch the pages of the screen the same way while the log is off (domain_watch_vram()). It is the log's when that is
 * switched on; write-protected pages that nobody watches any more are plain again after their next write.
 *
 * Callers: one toolstack operation at a time (DOMCTL lock); p2m_mark_dirty() and p2m_dirty_fault() any CPU. The P2M lock is taken
 * inside. What is written by another domain through a mapping of its own is unseen: whoever lets such
 * a mapping go says so.
 */
#ifndef DOMAIN_LOGDIRTY_H
#define DOMAIN_LOGDIRTY_H

#include <domain/p2m.h>

#define LOGDIRTY_BLOCK 512U        /* pages per step: one table's worth */
#define LOGDIRTY_WORDS (LOGDIRTY_BLOCK / 64U)

enum logdirty_mode { LOGDIRTY_OFF, LOGDIRTY_ON };

/* In struct domain. A long operation keeps its place here between its slices: `caller` and what it asked for say whose it is. */
struct logdirty {
    enum logdirty_mode mode;
    const void *caller;            /* NULL: none under way */
    uint32_t op;
    uint64_t cursor;               /* first page not looked at yet */
    uint64_t dirty, faults;        /* since the last clean */
    uint64_t vram_first;           /* P2M lock: the watched screen, in pages */
    uint32_t vram_count;           /* 0: none */
};

/* All RAM in the block that begins at first becomes clean (on) or dirty (off). -ENOMEM: a page larger than the block stays dirty. */
int p2m_block_protect(struct p2m *p, gfn_t first, bool on) must_check;
/* One bit per page: it is RAM and dirty. With clean they become clean: the caller flushes before anybody relies on it. Returns
 * how many. */
unsigned int p2m_block_dirty(struct p2m *p, gfn_t first, bool clean, uint64_t bits[LOGDIRTY_WORDS]);
/* First gfn at or after g that may have RAM; the end of the gfns when there is none. */
uint64_t p2m_next_used(struct p2m *p, uint64_t g);

/* A page was written, or will be. */
void p2m_mark_dirty(struct p2m *p, gfn_t g);
void p2m_mark_dirty_locked(struct p2m *p, gfn_t g);   /* P2M lock held */
/* A write that the tables did not allow: true, it may be tried again. */
bool p2m_dirty_fault(struct p2m *p, gfn_t g) must_check;

struct domain;
/* The log goes on: from here on nobody else makes pages clean. */
void domain_begin_logdirty(struct domain *d);
/* These pages are the screen; count 0: none are. True: they were already, and domain_vram_dirty() says what was written since. */
bool domain_watch_vram(struct domain *d, gfn_t first, uint32_t count);
/* p2m_block_dirty() with clean, of `count` <= LOGDIRTY_BLOCK pages. -ENODATA: the log is on, and all may have been written. */
int domain_vram_dirty(struct domain *d, gfn_t first, unsigned int count, uint64_t bits[LOGDIRTY_WORDS]) must_check;
/* A writable mapping of this grant goes: what was written through it nobody has seen. GRANT lock held. */
void domain_grant_written(struct domain *granter, uint32_t ref);

#endif
