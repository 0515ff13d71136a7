/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of a guest, by guest-linear address through the calling vCPU's page tables, or by guest-physical address. Never by
 * pointer. The ABI rig links its own version of this file (tool memory by process_vm_readv).
 */
#ifndef DOMAIN_GUEST_ACCESS_H
#define DOMAIN_GUEST_ACCESS_H

#include <hv/types.h>

struct vcpu;
struct domain;

/* Linear, as the caller's current privilege would (hypercalls: supervisor, or CPL 3 pages with EFLAGS.AC/SMAP honoured leniently).
 * 0 or -EFAULT; nothing partial is promised. */
int guest_read(struct vcpu *v, void *to, gva_t from, size_t size) must_check;
int guest_write(struct vcpu *v, gva_t to, const void *from, size_t size) must_check;
int guest_clear(struct vcpu *v, gva_t to, size_t size) must_check;
/* Checks that [va, va+size) could be written, without writing: lets a commit come before the copy out. */
int guest_check_write(struct vcpu *v, gva_t va, size_t size) must_check;

int domain_read_phys(struct domain *d, gpa_t from, void *to, size_t size) must_check;
int domain_write_phys(struct domain *d, gpa_t to, const void *from, size_t size) must_check;
/* Guest-linear to guest-physical as the guest's current privilege sees it; false: a page fault with error code *pfec. */
bool guest_translate(struct vcpu *v, gva_t va, bool write, gpa_t *out, uint32_t *pfec) must_check;
/* At most a page, as the CPU accesses its own tables outside long mode: with supervisor rights at any privilege, all of it or
 * nothing. -EFAULT: a page fault at *fault with error code *pfec; -ENXIO: memory that is no RAM. */
int guest_table_access(struct vcpu *v, gva_t va, void *buf, size_t size, bool write, gva_t *fault, uint32_t *pfec) must_check;
/* Instruction bytes at a linear address; returns how many could be read (0..15). */
size_t guest_fetch(struct vcpu *v, gva_t va, uint8_t *to, size_t size);
/* A page of guest RAM kept mapped with a reference (shared areas). */
void *domain_map_page(struct domain *d, gfn_t g, mfn_t *mfn) must_check;
void domain_unmap_page(void *page, mfn_t mfn);

#endif
