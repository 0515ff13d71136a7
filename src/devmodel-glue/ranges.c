/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of numbers: what a server has claimed. Few ranges, seldom changed, looked up often. */
#include <devmodel-glue/ioreq.h>

#include <hv/compiler.h>
#include <hv/errno.h>

/* Index of the first range that ends at or after n; count if there is none. */
static unsigned int lower_bound(const struct ioreq_ranges *s, uint64_t n)
{
    unsigned int low = 0, high = s->count;

    while (low < high) {
        unsigned int mid = (low + high) / 2;

        if (s->range[mid].end < n)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void insert(struct ioreq_ranges *s, unsigned int at, uint64_t start, uint64_t end)
{
    for (unsigned int i = s->count; i > at; i--)
        s->range[i] = s->range[i - 1];
    s->range[at] = (struct ioreq_range){ start, end };
    s->count++;
}

static void erase(struct ioreq_ranges *s, unsigned int at)
{
    s->count--;
    for (unsigned int i = at; i < s->count; i++)
        s->range[i] = s->range[i + 1];
}

int ioreq_ranges_add(struct ioreq_ranges *s, uint64_t start, uint64_t end)
{
    unsigned int at = lower_bound(s, start);
    bool after, before;

    if (end < start)
        return -EINVAL;
    if (at < s->count && s->range[at].start <= end)
        return -EEXIST;
    after = at > 0 && s->range[at - 1].end + 1 == start;
    before = at < s->count && s->range[at].start - 1 == end;
    if (after && before) {
        s->range[at - 1].end = s->range[at].end;
        erase(s, at);
    } else if (after) {
        s->range[at - 1].end = end;
    } else if (before) {
        s->range[at].start = start;
    } else if (s->count == IOREQ_MAX_RANGES) {
        return -ENOSPC;
    } else {
        insert(s, at, start, end);
    }
    return 0;
}

int ioreq_ranges_remove(struct ioreq_ranges *s, uint64_t start, uint64_t end)
{
    unsigned int at = lower_bound(s, start);
    struct ioreq_range *r = &s->range[at];
    struct ioreq_range was;

    if (end < start)
        return -EINVAL;
    if (!ioreq_ranges_contain(s, start, end))
        return -ENOENT;
    was = *r;
    if (was.start == start && was.end == end) {
        erase(s, at);
    } else if (was.start == start) {
        r->start = end + 1;
    } else if (was.end == end) {
        r->end = start - 1;
    } else if (s->count == IOREQ_MAX_RANGES) {
        return -ENOSPC;
    } else {
        r->end = start - 1;
        insert(s, at + 1, end + 1, was.end);
    }
    return 0;
}

bool ioreq_ranges_contain(const struct ioreq_ranges *s, uint64_t start, uint64_t end)
{
    unsigned int at = lower_bound(s, start);

    if (at >= s->count)
        return false;
    at = (unsigned int)array_index_nospec(at, IOREQ_MAX_RANGES);
    return s->range[at].start <= start && end <= s->range[at].end;
}
