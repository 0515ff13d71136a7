/* SPDX-License-Identifier: BSD-2-Clause */
/* Doubly linked circular list with the links embedded in the element. No locks. */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include <hv/compiler.h>
#include <stdbool.h>

struct list { struct list *next, *prev; };

static inline void list_init(struct list *head) { head->next = head->prev = head; }
static inline bool list_is_empty(const struct list *head) { return head->next == head; }

static inline void list_insert_between(struct list *n, struct list *prev, struct list *next)
{
    n->prev = prev;
    n->next = next;
    prev->next = n;
    next->prev = n;
}

static inline void list_add(struct list *n, struct list *head) { list_insert_between(n, head, head->next); }
static inline void list_add_tail(struct list *n, struct list *head) { list_insert_between(n, head->prev, head); }

/* The element may be removed again: it is left pointing at itself. */
static inline void list_del(struct list *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)
#define list_for_each(pos, head, member) \
    for (pos = list_entry((head)->next, __typeof__(*pos), member); &pos->member != (head); \
         pos = list_entry(pos->member.next, __typeof__(*pos), member))
#define list_for_each_safe(pos, tmp, head, member) \
    for (pos = list_entry((head)->next, __typeof__(*pos), member), \
         tmp = list_entry(pos->member.next, __typeof__(*pos), member); &pos->member != (head); \
         pos = tmp, tmp = list_entry(tmp->member.next, __typeof__(*tmp), member))

#endif
