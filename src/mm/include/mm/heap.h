/* SPDX-License-Identifier: BSD-2-Clause */
/* Small objects of our own, zeroed. Takes the HEAP lock itself. NULL when memory is short. */
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

#endif
