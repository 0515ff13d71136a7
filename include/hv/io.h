/* SPDX-License-Identifier: BSD-2-Clause */
/* Vocabulary: one access of a guest to a port or to memory that is not RAM, and what came of it. */
#ifndef HV_IO_H
#define HV_IO_H

#include <hv/types.h>

enum io_space { IO_PORT, IO_MMIO };
enum io_result {
    IO_DONE,        /* a device of ours answered; data is valid for reads */
    IO_UNCLAIMED,   /* nobody here: a device model may have it, else all-ones / dropped */
    IO_PENDING,     /* a device model has been asked: the vCPU waits */
};

/* What a device asks its caller to do afterwards (design: return effects, do not call back). */
#define IO_EFFECT_IRQ 0x1U      /* interrupt state of the device changed: re-evaluate its lines */
#define IO_EFFECT_TIMER 0x2U    /* its next deadline changed: re-arm */
#define IO_EFFECT_SHUTDOWN 0x4U /* the domain asked for power off or reset through it */
                                /* 0x8U: hvm/vpci.h */
#define IO_EFFECT_FORWARD 0x10U /* not this device's after all: unclaimed */

struct io_req {
    enum io_space space;
    bool write;
    uint8_t size;        /* 1, 2, 4 or 8 bytes */
    uint64_t addr;       /* port or guest-physical address */
    uint64_t data;       /* low `size` bytes; zero-extended on reads */
    uint32_t effects;    /* IO_EFFECT_* */
};

/* Of 1 to 8 bytes. */
static inline uint64_t io_all_ones(unsigned int size)
{
    return UINT64_MAX >> ((64 - 8 * size) & 63);
}

#endif
