/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guests of a test guest that is dom0 and was told so ("children" on its command line): copies of this very image, made by
 * the toolstack's hypercalls (xen/domctl.h), with a command line of their own. Memory has to be left for them: dom0_mem=.
 */
#ifndef GUEST_CHILD_H
#define GUEST_CHILD_H

#include "guest.h"

struct child { uint16_t id; };

void child_keep_image(void);           /* before anything of it is written to */
/* Paused. False: it could not be made, and it was said why. */
bool child_make(struct child *c, const char *command_line, unsigned int vcpus);
bool child_schedule(const struct child *c, uint16_t weight, uint16_t cap);       /* credit2's parameters */
bool child_start(const struct child *c);
/* Its pages that hold size bytes at address, in our address space, until the end. NULL: not to be had. */
void *child_memory(const struct child *c, uint64_t address, size_t size);
uint64_t child_time(const struct child *c);                                      /* nanoseconds that its vCPUs have run */
bool child_destroy(const struct child *c);

#endif
