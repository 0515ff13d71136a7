/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses to names, from the table that the build appends to the image (src/boot/symbols.awk). */
#include <x86/panic.h>

#include <lib/log.h>

#include "image.h"

struct symbol { uint32_t address, name; };
extern const uint64_t symbol_count;
extern const struct symbol symbol_table[];
extern const char symbol_names[];

#define IMAGE_HIGH_BITS 0xffffffff00000000UL
#define MAX_FRAMES 24U

char *symbol_format(uint64_t address, char *buf, size_t size)
{
    uint64_t lo = 0, hi = symbol_count;

    if (address < (uint64_t)(uintptr_t)image_start || address >= (uint64_t)(uintptr_t)image_end ||
        symbol_count == 0 || (uint32_t)address < symbol_table[0].address) {
        hv_snprintf(buf, size, "?");
        return buf;
    }
    while (hi - lo > 1) {
        uint64_t middle = lo + (hi - lo) / 2;

        if (symbol_table[middle].address <= (uint32_t)address)
            lo = middle;
        else
            hi = middle;
    }
    hv_snprintf(buf, size, "%s+0x%lx", &symbol_names[symbol_table[lo].name],
                address - (IMAGE_HIGH_BITS | symbol_table[lo].address));
    return buf;
}

static bool is_hypervisor_data(uint64_t a)
{
    return a >= 0xffff800000000000UL && a % 8 == 0;
}

void backtrace_log(uint64_t rip, uint64_t rbp)
{
    char name[96];

    log_err("backtrace:");
    for (unsigned int i = 0; i < MAX_FRAMES; i++) {
        const uint64_t *frame = (const uint64_t *)(uintptr_t)rbp;

        log_err("  [%016lx] %s", rip, symbol_format(rip, name, sizeof(name)));
        /* A frame is the caller's RBP and the return address; frames only go up the stack. */
        if (!is_hypervisor_data(rbp) || frame[1] == 0)
            break;
        rip = frame[1];
        if (frame[0] != 0 && (frame[0] <= rbp || frame[0] - rbp > 0x100000))
            break;
        rbp = frame[0];
    }
}
