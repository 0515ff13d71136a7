/* SPDX-License-Identifier: BSD-2-Clause */
/* rig_memory DOMID PAGES: the first pages of a guest on standard output, holes as zeroes. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <xenforeignmemory.h>

#define PAGE 4096U
#define AT_ONCE 512U

int main(int argc, char **argv)
{
    static const char zero[PAGE];
    xenforeignmemory_handle *h = xenforeignmemory_open(NULL, 0);
    uint64_t pages = argc == 3 ? strtoull(argv[2], NULL, 0) : 0;

    if (argc != 3 || !h)
        return 2;
    for (uint64_t first = 0; first < pages; first += AT_ONCE) {
        xen_pfn_t gfn[AT_ONCE];
        int error[AT_ONCE];
        char *at;

        for (unsigned int i = 0; i < AT_ONCE; i++)
            gfn[i] = first + i;
        at = xenforeignmemory_map(h, (uint32_t)atoi(argv[1]), PROT_READ, AT_ONCE, gfn, error);
        for (unsigned int i = 0; i < AT_ONCE; i++)
            (void)!fwrite(at && error[i] == 0 ? at + i * PAGE : zero, PAGE, 1, stdout);
        if (at)
            xenforeignmemory_unmap(h, at, AT_ONCE);
    }
    return fflush(stdout) != 0;
}
