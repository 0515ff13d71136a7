/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Size classes of powers of two, each with a list of pages that have room. A page ("slab") starts with
 * its header; objects follow at multiples of their size, so that none is page aligned: a page-aligned
 * pointer is a large allocation, whose page count stands in its first frame.
 */
#include <mm/heap.h>

#include <hv/assert.h>
#include <lib/list.h>
#include <lib/string.h>
#include <mm/frames.h>
#include <x86/paging.h>
#include <x86/spinlock.h>

#define CLASS_MIN_SHIFT 5U
#define CLASS_MAX_SHIFT 10U
#define CLASS_COUNT (CLASS_MAX_SHIFT - CLASS_MIN_SHIFT + 1)
#define SLAB_MAGIC 0x51ab
#define FREED_BYTE 0xdb

struct free_object { struct free_object *next; };

struct slab {
    struct list link;           /* in its class's list while it has room */
    struct free_object *free;
    uint16_t magic;
    uint8_t shift;              /* object size */
    uint8_t used;
};
_Static_assert(sizeof(struct slab) <= 64, "the header takes little of its page");
_Static_assert(PAGE_SIZE >> CLASS_MIN_SHIFT < 256, "slab.used holds every count");

static struct list rooms[CLASS_COUNT];
static spinlock_t heap_lock = SPINLOCK_INIT(LOCK_HEAP);

static struct list *room_of(unsigned int shift)
{
    struct list *l = &rooms[shift - CLASS_MIN_SHIFT];

    if (l->next == NULL)
        list_init(l);
    return l;
}

static struct slab *slab_new(unsigned int shift)
{
    mfn_t m = frame_alloc(0, DOMID_XEN, false);
    size_t size = (size_t)1 << shift;
    struct slab *s;
    char *page;

    if (!mfn_is_valid(m))
        return NULL;
    page = frame_map(m);
    s = (struct slab *)(void *)page;
    *s = (struct slab){ .magic = SLAB_MAGIC, .shift = (uint8_t)shift };
    for (size_t at = PAGE_SIZE - size; at >= ALIGN_UP(sizeof(*s), size); at -= size) {
        struct free_object *o = (struct free_object *)(void *)(page + at);

        o->next = s->free;
        s->free = o;
    }
    list_add(&s->link, room_of(shift));
    return s;
}

static void *small_alloc(unsigned int shift)
{
    struct free_object *o = NULL;
    struct slab *s;

    spin_lock(&heap_lock);
    if (list_is_empty(room_of(shift)))
        s = slab_new(shift);
    else
        s = list_first(room_of(shift), struct slab, link);
    if (s != NULL) {
        o = s->free;
        s->free = o->next;
        s->used++;
        if (s->free == NULL)
            list_del(&s->link);
    }
    spin_unlock(&heap_lock);
    if (o != NULL)
        memset(o, 0, (size_t)1 << shift);
    return o;
}

static void small_free(void *p)
{
    struct slab *s = (struct slab *)((uintptr_t)p & PAGE_MASK);
    struct free_object *o = p;
    struct list *room;

    BUG_ON(s->magic != SLAB_MAGIC || s->used == 0 || !IS_ALIGNED((uintptr_t)p, 1UL << s->shift));
    if (HV_DEBUG)
        memset(p, FREED_BYTE, (size_t)1 << s->shift);
    spin_lock(&heap_lock);
    room = room_of(s->shift);
    if (s->free == NULL)
        list_add(&s->link, room);
    o->next = s->free;
    s->free = o;
    s->used--;
    /* One empty page per class stays, lest a single object going in and out moves a page each time. */
    if (s->used == 0 && room->next != room->prev) {
        list_del(&s->link);
        s->magic = 0;
        frame_free(hpa_to_mfn(virt_to_phys_direct(s)), 0);
    }
    spin_unlock(&heap_lock);
}

static void free_frames(uint64_t mfn, uint64_t count)
{
    while (count > 0) {
        unsigned int order = mfn == 0 ? FRAME_MAX_ORDER : (unsigned int)__builtin_ctzll(mfn);

        order = min_of(order, FRAME_MAX_ORDER);
        while ((1ULL << order) > count)
            order--;
        frame_free(mfn_of(mfn), order);
        mfn += 1ULL << order;
        count -= 1ULL << order;
    }
}

/* The smallest block that holds it, less the pages at its end that are not needed. */
static void *large_alloc(size_t size)
{
    uint64_t pages = ALIGN_UP(size, PAGE_SIZE) >> PAGE_SHIFT;
    unsigned int order = 0;
    mfn_t m;

    while ((1ULL << order) < pages)
        order++;
    m = frame_alloc(order, DOMID_XEN, true);
    if (!mfn_is_valid(m))
        return NULL;
    free_frames(m.v + pages, (1ULL << order) - pages);
    frame_of(m)->next = (uint32_t)pages;
    return frame_map(m);
}

void *heap_alloc(size_t size, size_t align)
{
    size_t need = max_of(size, align);
    unsigned int shift = CLASS_MIN_SHIFT;

    ASSERT(align != 0 && (align & (align - 1)) == 0 && align <= PAGE_SIZE);
    if (size > (PAGE_SIZE << FRAME_MAX_ORDER))
        return NULL;
    if (need > 1UL << CLASS_MAX_SHIFT)
        return large_alloc(need);
    while (((size_t)1 << shift) < need)
        shift++;
    return small_alloc(shift);
}

void *heap_alloc_array(size_t size, size_t align, size_t count)
{
    size_t bytes;

    if (__builtin_mul_overflow(size, count, &bytes))
        return NULL;
    return heap_alloc(bytes, align);
}

void heap_free(void *p)
{
    mfn_t m;
    uint32_t pages;

    if (p == NULL)
        return;
    if (!IS_ALIGNED((uintptr_t)p, PAGE_SIZE)) {
        small_free(p);
        return;
    }
    m = hpa_to_mfn(virt_to_phys_direct(p));
    BUG_ON(frame_of(m) == NULL);
    pages = frame_of(m)->next;
    BUG_ON(pages == 0);
    frame_of(m)->next = 0;
    free_frames(m.v, pages);
}

#ifdef HV_HOST
void heap_forget_all(void)
{
    memset(rooms, 0, sizeof(rooms));
    spin_lock_init(&heap_lock, LOCK_HEAP);
}
#endif

void *heap_alloc_pages(unsigned int order)
{
    mfn_t m = frame_alloc(order, DOMID_XEN, true);

    return mfn_is_valid(m) ? frame_map(m) : NULL;
}

void heap_free_pages(void *p, unsigned int order)
{
    if (p != NULL)
        frame_free(hpa_to_mfn(virt_to_phys_direct(p)), order);
}
