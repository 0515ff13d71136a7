/* SPDX-License-Identifier: BSD-2-Clause */
#include <domain/guest_access.h>

#include <domain/domain.h>
#include <hv/assert.h>
#include <hv/errno.h>
#include <hvm/pagewalk.h>
#include <lib/string.h>
#include <mm/frames.h>

#include "copy.h"

/*
 * dom0's own RAM needs neither lock nor reference: an identity frame is never given to anyone else, and a look-up sees
 * each entry either old or new. Of other domains the map's lock has to be held meanwhile. NULL: go the long way.
 */
static char *plain_page(struct domain *d, gfn_t g)
{
    struct slat_entry e = slat_lookup(&d->p2m.slat, g);
    const struct frame *f = e.type == P2M_RAM_RW ? frame_of(e.mfn) : NULL;

    return f && (!d->is_dom0 || (f->flags & FRAME_IDENTITY)) ? frame_map(e.mfn) : NULL;
}

/* One page's worth of guest-physical memory. */
static bool copy_page(struct domain *d, gpa_t a, void *buf, size_t size, bool write)
{
    char *page = d->is_dom0 ? plain_page(d, gpa_to_gfn(a)) : NULL;

    if (!page)
        return p2m_copy(&d->p2m, a, buf, size, write);
    copy_bytes(page + (a.v & ~PAGE_MASK), buf, size, write);
    return true;
}

static int copy_phys(struct domain *d, gpa_t a, char *buf, size_t size, bool write)
{
    while (size > 0) {
        size_t n = min_of(size, PAGE_SIZE - (a.v & ~PAGE_MASK));

        if (!copy_page(d, a, buf, n, write))
            return -EFAULT;
        a.v += n;
        size -= n;
        if (buf)
            buf += n;
    }
    return 0;
}

int domain_read_phys(struct domain *d, gpa_t from, void *to, size_t size)
{
    return copy_phys(d, from, to, size, false);
}

int domain_write_phys(struct domain *d, gpa_t to, const void *from, size_t size)
{
    return copy_phys(d, to, (char *)(uintptr_t)from, size, true);
}

static bool walk_read(void *ctx, gpa_t a, void *to, size_t size)
{
    return copy_page(ctx, a, to, size, false);
}

/* Sets accessed and dirty bits as the CPU would, unless the entry changed meanwhile. */
static bool walk_set_bits(void *ctx, gpa_t a, uint64_t old, uint64_t bits, size_t size)
{
    struct domain *d = ctx;
    bool done;
    char *page;
    mfn_t m;

    if (!p2m_get_frame(&d->p2m, gpa_to_gfn(a), true, &m))
        return false;
    page = frame_map(m);
    if (size == 8) {
        uint64_t want = old;

        done = __atomic_compare_exchange_n((uint64_t *)(void *)(page + (a.v & ~PAGE_MASK)), &want,
                                           old | bits, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
    } else {
        uint32_t want = (uint32_t)old;

        done = __atomic_compare_exchange_n((uint32_t *)(void *)(page + (a.v & ~PAGE_MASK)), &want,
                                           (uint32_t)(old | bits), false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_RELAXED);
    }
    frame_unmap(page);
    (void)frame_put(m);
    return done;
}

/*
 * Hypercall buffers belong to the calling task: accesses are made as the kernel would make them with
 * SMAP opened (Linux does STAC around the ioctl, but a multicall's inner pointers may be either).
 */
static bool translate(struct vcpu *v, const struct guest_mode *mode, gva_t va, uint32_t access,
                      gpa_t *out)
{
    struct pagewalk_memory mem = { walk_read, walk_set_bits, v->domain };
    struct guest_mode as_kernel = *mode;
    struct pagewalk_result r;

    as_kernel.cr4 &= ~CR4_SMAP;
    if (!pagewalk(&as_kernel, &mem, va, access, &r))
        return false;
    *out = r.gpa;
    return true;
}

/* ---- translations, remembered ---- */

struct walk_record { struct domain *d; struct walk_cache_entry *e; };

static bool record_read(void *ctx, gpa_t a, void *to, size_t size)
{
    struct walk_record *r = ctx;
    char *page = plain_page(r->d, gpa_to_gfn(a));

    if (!page || size != sizeof(uint64_t) || r->e->steps == WALK_MAX_STEPS) {
        r->e = NULL;
        return false;
    }
    r->e->pte[r->e->steps] = (const uint64_t *)(const void *)(page + (a.v & ~PAGE_MASK));
    r->e->value[r->e->steps] = READ_ONCE(*r->e->pte[r->e->steps]);
    __builtin_memcpy(to, &r->e->value[r->e->steps], sizeof(uint64_t));
    r->e->steps++;
    return true;
}

static bool entry_holds(const struct walk_cache_entry *e, const struct guest_mode *m, uint64_t va_page,
                        uint32_t access, uint64_t generation)
{
    if (e->steps == 0 || e->va_page != va_page || e->cr3 != m->cr3 || e->access != access ||
        e->ram_generation != generation || e->cr0 != m->cr0 || e->cr4 != m->cr4 || e->efer != m->efer)
        return false;
    for (unsigned int i = 0; i < e->steps; i++)
        if (READ_ONCE(*e->pte[i]) != e->value[i])
            return false;
    return true;
}

#define PTE_ACCESSED 0x20ULL
#define PTE_DIRTY 0x40ULL

/* A walk worth remembering: every entry read is accessed already (and dirty, to write), as it stays then. */
static bool record_walk(struct vcpu *v, const struct guest_mode *mode, gva_t va, uint32_t access,
                        struct walk_cache_entry *e)
{
    struct walk_record r = { v->domain, e };
    struct pagewalk_memory mem = { record_read, NULL, &r };
    struct guest_mode as_kernel = *mode;
    struct pagewalk_result out;

    as_kernel.cr4 &= ~CR4_SMAP;
    if (!pagewalk(&as_kernel, &mem, va, access, &out) || !r.e || e->steps == 0)
        return false;
    for (unsigned int i = 0; i < e->steps; i++) {
        uint64_t want = PTE_ACCESSED | (i + 1U == e->steps && (access & ACCESS_WRITE) ? PTE_DIRTY : 0);

        if ((e->value[i] & want) != want)
            return false;
    }
    e->page = plain_page(v->domain, gpa_to_gfn(out.gpa));
    return e->page != NULL;
}

/* Where a page of the guest's memory is, or NULL: go the long way. The last one recorded comes first. */
static char *remembered_page(struct vcpu *v, const struct guest_mode *mode, gva_t va, uint32_t access)
{
    uint64_t va_page = va.v & PAGE_MASK, generation = READ_ONCE(v->domain->p2m.slat.ram_generation);
    struct walk_cache_entry *set = v->walks[((va_page >> PAGE_SHIFT) ^ access) % WALK_CACHE_SETS];

    for (unsigned int i = 0; i < WALK_CACHE_WAYS; i++)
        if (entry_holds(&set[i], mode, va_page, access, generation))
            return set[i].page;
    for (unsigned int i = WALK_CACHE_WAYS - 1; i > 0; i--)
        set[i] = set[i - 1];
    set[0] = (struct walk_cache_entry){ .va_page = va_page, .cr3 = mode->cr3, .cr0 = mode->cr0, .cr4 = mode->cr4,
                                        .efer = mode->efer, .ram_generation = generation, .access = (uint8_t)access };
    if (!record_walk(v, mode, va, access, &set[0]))
        set[0].steps = 0;
    return NULL;
}

/*
 * Through a remembered translation, if there is one. While the map's lock is held and its generation of RAM is the entry's, no page
 * of that walk has left the map, and so none has been given back. (dom0's never are.)
 */
static bool remembered_copy(struct vcpu *v, const struct guest_mode *mode, gva_t va, uint32_t access, void *buf, size_t size)
{
    struct p2m *p = v->domain->is_dom0 ? NULL : &v->domain->p2m;
    char *page;

    if (v != current_vcpu() || !mode->long_mode)
        return false;
    if (p)
        spin_lock(&p->lock);
    page = remembered_page(v, mode, va, access);
    if (page)
        copy_bytes(page + (va.v & ~PAGE_MASK), buf, size, access & ACCESS_WRITE);
    if (p)
        spin_unlock(&p->lock);
    return page;
}

/* Within one page. */
static bool copy_within(struct vcpu *v, const struct guest_mode *mode, gva_t va, void *buf, size_t size,
                        bool write)
{
    uint32_t access = write ? ACCESS_WRITE : ACCESS_READ;
    gpa_t a;

    return remembered_copy(v, mode, va, access, buf, size) ||
           (translate(v, mode, va, access, &a) && copy_page(v->domain, a, buf, size, write));
}

/* A translation for writing that is remembered says so, too. */
static bool is_writable(struct vcpu *v, const struct guest_mode *mode, gva_t va)
{
    gpa_t a;
    mfn_t m;

    if (remembered_copy(v, mode, va, ACCESS_WRITE, NULL, 0))
        return true;
    if (!translate(v, mode, va, ACCESS_WRITE, &a) ||
        !p2m_get_frame(&v->domain->p2m, gpa_to_gfn(a), true, &m))
        return false;
    (void)frame_put(m);
    return true;
}

static int copy_linear(struct vcpu *v, gva_t va, char *buf, size_t size, bool write, bool check_only)
{
    struct guest_mode mode;

    hw_get_mode(&v->hw, &mode);
    if (!mode.code64)
        va.v &= UINT32_MAX;
    while (size > 0) {
        size_t n = min_of(size, PAGE_SIZE - (va.v & ~PAGE_MASK));

        if (check_only ? !is_writable(v, &mode, va) : !copy_within(v, &mode, va, buf, n, write))
            return -EFAULT;
        va.v += n;
        size -= n;
        if (buf)
            buf += n;
    }
    return 0;
}

int guest_read(struct vcpu *v, void *to, gva_t from, size_t size)
{
    return copy_linear(v, from, to, size, false, false);
}

int guest_write(struct vcpu *v, gva_t to, const void *from, size_t size)
{
    return copy_linear(v, to, (char *)(uintptr_t)from, size, true, false);
}

int guest_clear(struct vcpu *v, gva_t to, size_t size)
{
    return copy_linear(v, to, NULL, size, true, false);
}

int guest_check_write(struct vcpu *v, gva_t va, size_t size)
{
    return copy_linear(v, va, NULL, size, true, true);
}

bool guest_translate(struct vcpu *v, gva_t va, bool write, gpa_t *out, uint32_t *pfec)
{
    struct pagewalk_memory mem = { walk_read, walk_set_bits, v->domain };
    struct pagewalk_result r;
    struct guest_mode mode;

    hw_get_mode(&v->hw, &mode);
    if (!pagewalk(&mode, &mem, va, (write ? ACCESS_WRITE : ACCESS_READ) | (mode.cpl == 3 ? ACCESS_USER : 0), &r)) {
        *pfec = r.pfec;
        return false;
    }
    *out = r.gpa;
    return true;
}

int guest_table_access(struct vcpu *v, gva_t va, void *buf, size_t size, bool write, gva_t *fault, uint32_t *pfec)
{
    struct pagewalk_memory mem = { walk_read, walk_set_bits, v->domain };
    size_t n[2] = { min_of(size, PAGE_SIZE - (va.v & ~PAGE_MASK)) };
    struct pagewalk_result r[2];
    struct guest_mode mode;

    ASSERT(size <= PAGE_SIZE);
    n[1] = size - n[0];
    hw_get_mode(&v->hw, &mode);
    for (unsigned int i = 0; i < 2 && n[i] > 0; i++) {
        *fault = gva_of((uint32_t)(va.v + (i ? n[0] : 0)));
        if (!pagewalk(&mode, &mem, *fault, (write ? ACCESS_WRITE : ACCESS_READ) | ACCESS_IMPLICIT, &r[i])) {
            *pfec = r[i].pfec;
            return -EFAULT;
        }
    }
    for (unsigned int i = 0; i < 2 && n[i] > 0; i++)
        if (!copy_page(v->domain, r[i].gpa, (char *)buf + (i ? n[0] : 0), n[i], write))
            return -ENXIO;
    return 0;
}

/* Within one page. */
static bool fetch_within(struct vcpu *v, const struct guest_mode *mode, gva_t va, uint8_t *to, size_t size)
{
    struct pagewalk_memory mem = { walk_read, NULL, v->domain };
    uint32_t access = ACCESS_FETCH | (mode->cpl == 3 ? ACCESS_USER : 0);
    struct pagewalk_result r;

    return remembered_copy(v, mode, va, access, to, size) ||
           (pagewalk(mode, &mem, va, access, &r) && copy_page(v->domain, r.gpa, to, size, false));
}

size_t guest_fetch(struct vcpu *v, gva_t va, uint8_t *to, size_t size)
{
    struct guest_mode mode;
    size_t got = 0;

    hw_get_mode(&v->hw, &mode);
    while (got < size) {
        size_t n = min_of(size - got, PAGE_SIZE - ((va.v + got) & ~PAGE_MASK));

        if (!fetch_within(v, &mode, gva_of(va.v + got), to + got, n))
            break;
        got += n;
    }
    return got;
}

void *domain_map_page(struct domain *d, gfn_t g, mfn_t *mfn)
{
    if (!p2m_get_frame(&d->p2m, g, true, mfn))
        return NULL;
    return frame_map(*mfn);
}

void domain_unmap_page(void *page, mfn_t mfn)
{
    if (!page)
        return;
    frame_unmap(page);
    (void)frame_put(mfn);
}
