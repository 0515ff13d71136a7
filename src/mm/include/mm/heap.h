/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects of our own, zeroed, of any size and alignment up to a page. Takes the HEAP lock itself; IRQs
 * on. NULL when memory is short. Objects up to 1 KiB share pages with others of their size class and
 * are aligned to that class; larger ones are whole pages. Nothing here is a guest's to see.
 */
#ifndef MM_HEAP_H
#define MM_HEAP_H

#include <hv/compiler.h>

void *heap_alloc(size_t size, size_t align) must_check;
void heap_free(void *p);            /* NULL is fine */
#define heap_new(type) ((type *)heap_alloc(sizeof(type), _Alignof(type)))
#define heap_new_array(type, n) ((type *)heap_alloc_array(sizeof(type), _Alignof(type), (n)))
void *heap_alloc_array(size_t size, size_t align, size_t count) must_check;   /* overflow -> NULL */
/* Whole pages, zeroed (2^order), for shared pages and tables. */
void *heap_alloc_pages(unsigned int order) must_check;
void heap_free_pages(void *p, unsigned int order);

#ifdef HV_HOST
void heap_forget_all(void);         /* tests: the memory below is about to be replaced */
#endif

#endif
