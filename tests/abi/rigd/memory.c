/* SPDX-License-Identifier: BSD-2-Clause */
/* rig_memory DOMID PAGES: the first pages of a guest on standard output, holes as zeroes. All are mapped at once. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <xenforeignmemory.h>

#define PAGE 4096U

int main(int argc, char **argv)
{
    static const char zero[PAGE];
    xenforeignmemory_handle *h = xenforeignmemory_open(NULL, 0);
    size_t pages = argc == 3 ? strtoull(argv[2], NULL, 0) : 0;
    xen_pfn_t *gfn = calloc(pages + 1, sizeof(*gfn));
    int *error = calloc(pages + 1, sizeof(*error));
    char *at;

    if (argc != 3 || !h || !gfn || !error)
        return 2;
    for (size_t i = 0; i < pages; i++)
        gfn[i] = i;
    at = xenforeignmemory_map(h, (uint32_t)atoi(argv[1]), PROT_READ, pages, gfn, error);
    if (!at)
        return 1;
    for (size_t i = 0; i < pages; i++)
        (void)!fwrite(error[i] == 0 ? at + i * PAGE : zero, PAGE, 1, stdout);
    xenforeignmemory_unmap(h, at, pages);
    return fflush(stdout) != 0;
}
