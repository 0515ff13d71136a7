/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A domain's physical-to-machine map: slat + frame references + flushing, under its P2M lock (taken inside unless the name says _locked).
 */
#ifndef DOMAIN_P2M_H
#define DOMAIN_P2M_H

#include <slat/slat.h>
#include <x86/spinlock.h>

static inline bool p2m_type_is_ram(enum p2m_type t)
{
    return t == P2M_RAM_RW || t == P2M_RAM_RO || t == P2M_RAM_LOGDIRTY;
}
static inline bool p2m_type_is_grant(enum p2m_type t)
{
    return t == P2M_GRANT_RW || t == P2M_GRANT_RO;
}

struct p2m {
    spinlock_t lock;
    struct slat slat;
    domid_t owner;
    uint64_t max_gfn;              /* highest gfn ever mapped */
    uint64_t dirty_cpus[2];        /* CPUs that may hold translations (atomic bitmap) */
    uint64_t identity_limit;       /* dom0: MMIO below is identity mapped when nothing else is there */
};

/* The port through which src/slat gets its table pages: frames of the hypervisor. */
extern const struct slat_pages p2m_table_pages;

int p2m_init(struct p2m *p, domid_t owner) must_check;
void p2m_fini(struct p2m *p);

/* The entry and, for RAM-like types, a reference on its frame (frame_put when done). false: no RAM there. */
bool p2m_get_frame(struct p2m *p, gfn_t g, bool for_write, mfn_t *mfn) must_check;
/* The same of the domain's own RAM alone: nothing that it has of others, or of the hypervisor. */
bool p2m_get_own_frame(struct p2m *p, gfn_t g, bool for_write, mfn_t *mfn) must_check;
/* Reads or writes RAM (buf NULL: zeroes it), within one page. false: no RAM there, or not to be written. */
bool p2m_copy(struct p2m *p, gpa_t a, void *buf, size_t size, bool write) must_check;
struct slat_entry p2m_lookup(struct p2m *p, gfn_t g);

/* Adds pages: takes no new frame reference (the caller's is handed over). Replaces what is there: the frame or mapping found is
 * returned in *old for the caller to drop (p2m_drop). A mapped grant is not replaced: -EBUSY. */
int p2m_set(struct p2m *p, gfn_t g, unsigned int order, mfn_t m, enum p2m_type type, struct slat_entry *old) must_check;
int p2m_clear(struct p2m *p, gfn_t g, struct slat_entry *old) must_check;   /* hole (dom0: back to identity MMIO where it was) */
/* The same where frame m is mapped by a grant; -ENOENT: it is not. */
int p2m_clear_grant(struct p2m *p, gfn_t g, mfn_t m, struct slat_entry *old) must_check;
/* Gives up what an entry held: frame references for RAM and foreign pages. */
void p2m_drop(const struct slat_entry *old);
/* CPUs flush before their next entry; returns when no running vCPU can use old translations. */
void p2m_flush(struct p2m *p);

#endif
