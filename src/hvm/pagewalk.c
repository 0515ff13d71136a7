/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk is one loop over levels for all formats; a format says how wide entries are and how many
 * index bits a level takes. Rights are collected on the way down and judged once at the end (SDM
 * vol. 3A 4.6, 4.7).
 */
#include <hvm/pagewalk.h>

#include <hv/compiler.h>

#define PTE_P 0x1ULL
#define PTE_W 0x2ULL
#define PTE_U 0x4ULL
#define PTE_A 0x20ULL
#define PTE_D 0x40ULL
#define PTE_PS 0x80ULL
#define PTE_NX BIT(63)
#define PTE_ADDR 0x000ffffffffff000ULL
#define PFEC_PK 0x20U
#define PAE_PDPTE_RSVD 0xfff00000000001e6ULL
#define WALK_RETRIES 4

struct step {
    gpa_t at;
    uint64_t entry;
};
struct walk {
    const struct guest_mode *mode;
    unsigned int levels, index_bits, entry_size;
    gpa_t root;
    bool long_format; /* 64-bit entries */
    bool nx;          /* bit 63 means no-execute */
    unsigned int steps, leaf_level;
    struct step step[5];
    uint64_t rights; /* PTE_W, PTE_U common to all levels; PTE_NX of any */
    uint64_t page, page_size;
};
enum outcome { WALK_FOUND, WALK_ABSENT, WALK_RESERVED };

static bool is_canonical(const struct guest_mode *m, uint64_t va)
{
    unsigned int shift = (m->cr4 & CR4_LA57) != 0 ? 7 : 16;

    return (uint64_t)((int64_t)(va << shift) >> shift) == va;
}

/* Chooses the format; false: the PAE page-directory pointer is absent or malformed (*o says which). */
static bool walk_begin(struct walk *w, const struct pagewalk_memory *mem, uint64_t va, enum outcome *o)
{
    const struct guest_mode *m = w->mode;
    uint64_t pdpte;

    w->rights = PTE_W | PTE_U;
    w->index_bits = 9;
    w->entry_size = 8;
    w->long_format = true;
    w->nx = (m->efer & EFER_NXE) != 0;
    if (m->long_mode) {
        w->levels = (m->cr4 & CR4_LA57) != 0 ? 5 : 4;
        w->root = gpa_of(m->cr3 & PTE_ADDR);
        return true;
    }
    if ((m->cr4 & CR4_PAE) == 0) {
        w->levels = 2;
        w->index_bits = 10;
        w->entry_size = 4;
        w->long_format = false;
        w->nx = false;
        w->root = gpa_of(m->cr3 & 0xfffff000ULL);
        return true;
    }
    w->levels = 2;
    pdpte = m->pdpte[(va >> 30) & 3U];
    if (m->pdptes_in_memory &&
        !mem->read(mem->ctx, gpa_of((m->cr3 & 0xffffffe0ULL) + 8 * ((va >> 30) & 3U)), &pdpte, sizeof(pdpte)))
        pdpte = 0;
    w->root = gpa_of(pdpte & PTE_ADDR);
    *o = (pdpte & PTE_P) == 0 ? WALK_ABSENT : WALK_RESERVED;
    return (pdpte & PTE_P) != 0 && (pdpte & PAE_PDPTE_RSVD) == 0;
}

/* May an entry at this level (1 = last) map a page itself? */
static bool is_large(const struct walk *w, unsigned int level, uint64_t entry)
{
    if (level == 1 || (entry & PTE_PS) == 0)
        return false;
    if (!w->long_format)
        return (w->mode->cr4 & CR4_PSE) != 0;
    return level == 2 || (level == 3 && w->mode->long_mode);
}

static bool has_reserved(const struct walk *w, unsigned int level, uint64_t entry, bool large)
{
    uint64_t reserved = 0;

    if (!w->long_format)
        return large && (entry & BIT(21)) != 0;
    if (!w->nx)
        reserved |= PTE_NX;
    if (!w->mode->long_mode)
        reserved |= 0x7ff0000000000000ULL;
    if (level >= 4)
        reserved |= PTE_PS;
    if (large)
        reserved |= (BIT(12 + 9 * (level - 1)) - 1) & ~0x1fffULL;
    return (entry & reserved) != 0;
}

static void found(struct walk *w, unsigned int level, uint64_t entry)
{
    unsigned int shift = 12 + w->index_bits * (level - 1);

    w->leaf_level = level;
    w->page_size = 1ULL << shift;
    if (w->long_format)
        w->page = entry & PTE_ADDR & ~(w->page_size - 1);
    else if (level == 2) /* 4 MiB page with PSE-36 */
        w->page = (entry & 0xffc00000ULL) | (entry & 0x1fe000ULL) << 19;
    else
        w->page = entry & 0xfffff000ULL;
}

static enum outcome walk_down(struct walk *w, const struct pagewalk_memory *mem, uint64_t va)
{
    gpa_t table = w->root;

    w->steps = 0;
    for (unsigned int level = w->levels; level > 0; level--) {
        uint64_t index = (va >> (12 + w->index_bits * (level - 1))) & ((1ULL << w->index_bits) - 1);
        struct step *s = &w->step[w->steps++];
        bool large;

        s->at = gpa_of(table.v + index * w->entry_size);
        s->entry = 0;
        if (!mem->read(mem->ctx, s->at, &s->entry, w->entry_size) || (s->entry & PTE_P) == 0)
            return WALK_ABSENT;
        large = is_large(w, level, s->entry);
        if (has_reserved(w, level, s->entry, large))
            return WALK_RESERVED;
        w->rights &= s->entry | PTE_NX;
        if (w->nx)
            w->rights |= s->entry & PTE_NX;
        if (level == 1 || large) {
            found(w, level, s->entry);
            return WALK_FOUND;
        }
        table = gpa_of(s->entry & (w->long_format ? PTE_ADDR : 0xfffff000ULL));
    }
    return WALK_ABSENT;
}

static bool smap_applies(const struct guest_mode *m, uint32_t access)
{
    if ((m->cr4 & CR4_SMAP) == 0)
        return false;
    return (access & ACCESS_IMPLICIT) != 0 || (m->rflags & RFLAGS_AC) == 0;
}

static bool key_forbids(const struct walk *w, uint32_t access)
{
    const struct guest_mode *m = w->mode;
    unsigned int key;
    uint32_t bits;

    if ((m->cr4 & CR4_PKE) == 0 || !m->long_mode || (w->rights & PTE_U) == 0 ||
        (access & ACCESS_FETCH) != 0)
        return false;
    key = (unsigned int)(w->step[w->steps - 1].entry >> 59) & 0xfU;
    bits = (m->pkru >> (2 * key)) & 3U;
    if ((bits & 1U) != 0)
        return true;
    return (bits & 2U) != 0 && (access & ACCESS_WRITE) != 0 &&
           ((access & ACCESS_USER) != 0 || (m->cr0 & CR0_WP) != 0);
}

/* Paging rights alone; protection keys come on top. */
static bool rights_allow(const struct walk *w, uint32_t access)
{
    const struct guest_mode *m = w->mode;
    bool user_page = (w->rights & PTE_U) != 0, writable = (w->rights & PTE_W) != 0;

    if ((access & ACCESS_FETCH) != 0 && (w->rights & PTE_NX) != 0)
        return false;
    if ((access & ACCESS_USER) != 0)
        return user_page && (writable || (access & ACCESS_WRITE) == 0);
    if ((access & ACCESS_FETCH) != 0)
        return !(user_page && (m->cr4 & CR4_SMEP) != 0);
    if (user_page && smap_applies(m, access))
        return false;
    return writable || (access & ACCESS_WRITE) == 0 || (m->cr0 & CR0_WP) == 0;
}

/* false: an entry changed under us, the walk has to be done again. */
static bool set_accessed_dirty(const struct walk *w, const struct pagewalk_memory *mem,
                               uint32_t access)
{
    if (mem->set_bits == NULL)
        return true;
    for (unsigned int i = 0; i < w->steps; i++) {
        const struct step *s = &w->step[i];
        uint64_t bits = PTE_A;

        if (i == w->steps - 1 && (access & ACCESS_WRITE) != 0)
            bits |= PTE_D;
        if ((s->entry & bits) != bits &&
            !mem->set_bits(mem->ctx, s->at, s->entry, bits, w->entry_size))
            return false;
    }
    return true;
}

static uint32_t error_code(const struct guest_mode *m, uint32_t access, uint32_t why)
{
    bool reports_fetch = (m->cr4 & CR4_SMEP) != 0 ||
                         ((m->efer & EFER_NXE) != 0 && (m->long_mode || (m->cr4 & CR4_PAE) != 0));

    if ((access & ACCESS_WRITE) != 0)
        why |= PFEC_W;
    if ((access & ACCESS_USER) != 0)
        why |= PFEC_U;
    if ((access & ACCESS_FETCH) != 0 && reports_fetch)
        why |= PFEC_I;
    return why;
}

/* The error code without access bits, or 0 if the translation stands. *absent tells the two zeros
 * apart. */
static uint32_t walk_once(struct walk *w, const struct pagewalk_memory *mem, uint64_t va,
                          uint32_t access, bool *absent)
{
    enum outcome o = WALK_FOUND;

    if (walk_begin(w, mem, va, &o))
        o = walk_down(w, mem, va);
    *absent = o == WALK_ABSENT;
    if (o == WALK_ABSENT)
        return 0;
    if (o == WALK_RESERVED)
        return PFEC_P | PFEC_RSVD;
    if (!rights_allow(w, access))
        return PFEC_P;
    return key_forbids(w, access) ? PFEC_P | PFEC_PK : 0;
}

bool pagewalk(const struct guest_mode *mode, const struct pagewalk_memory *mem, gva_t va,
              uint32_t access, struct pagewalk_result *out)
{
    struct walk w = { .mode = mode };
    /* Not by CS.L: system structures have 64-bit bases in compatibility mode too. */
    uint64_t linear = mode->long_mode ? va.v : va.v & 0xffffffffULL;

    *out = (struct pagewalk_result){ 0 };
    if ((mode->cr0 & CR0_PG) == 0) {
        *out = (struct pagewalk_result){ .gpa = gpa_of(linear), .page_size = 1ULL << 30 };
        return true;
    }
    if (mode->long_mode && !is_canonical(mode, linear)) {
        out->pfec = error_code(mode, access, 0);
        return false;
    }
    for (int i = 0; i < WALK_RETRIES; i++) {
        bool absent;
        uint32_t why = walk_once(&w, mem, linear, access, &absent);

        if (absent || why != 0) {
            out->pfec = error_code(mode, access, why);
            return false;
        }
        if (set_accessed_dirty(&w, mem, access))
            break;
    }
    out->gpa = gpa_of(w.page | (linear & (w.page_size - 1)));
    out->page_size = w.page_size;
    return true;
}
