/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vocabulary: address spaces and units as types. A frame number of a guest (gfn_t), of the machine
 * (mfn_t), a guest-physical (gpa_t), host-physical (hpa_t) and guest-linear (gva_t) address cannot be
 * mixed up; one-word structs travel in registers, so this costs nothing. domid_t is Xen's
 * (xen/xen.h). Times are nanoseconds since boot (ns_t) unless a name says otherwise.
 */
#ifndef HV_TYPES_H
#define HV_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hv/compiler.h>
#include <xen/xen.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096UL
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PAGE_ORDER_4K 0U
#define PAGE_ORDER_2M 9U
#define PAGE_ORDER_1G 18U

typedef struct { uint64_t v; } gfn_t;
typedef struct { uint64_t v; } mfn_t;
typedef struct { uint64_t v; } gpa_t;
typedef struct { uint64_t v; } hpa_t;
typedef struct { uint64_t v; } gva_t;
typedef int64_t ns_t;

#define NS_PER_SEC 1000000000LL
#define NS_PER_MS 1000000LL
#define NS_PER_US 1000LL
#define NS_NEVER INT64_MAX

#define INVALID_FRAME UINT64_MAX

static inline gfn_t gfn_of(uint64_t v) { return (gfn_t){ v }; }
static inline mfn_t mfn_of(uint64_t v) { return (mfn_t){ v }; }
static inline gpa_t gpa_of(uint64_t v) { return (gpa_t){ v }; }
static inline hpa_t hpa_of(uint64_t v) { return (hpa_t){ v }; }
static inline gva_t gva_of(uint64_t v) { return (gva_t){ v }; }

static inline gfn_t gfn_add(gfn_t g, uint64_t n) { return (gfn_t){ g.v + n }; }
static inline mfn_t mfn_add(mfn_t m, uint64_t n) { return (mfn_t){ m.v + n }; }
static inline gfn_t gpa_to_gfn(gpa_t a) { return (gfn_t){ a.v >> PAGE_SHIFT }; }
static inline gpa_t gfn_to_gpa(gfn_t g) { return (gpa_t){ g.v << PAGE_SHIFT }; }
static inline mfn_t hpa_to_mfn(hpa_t a) { return (mfn_t){ a.v >> PAGE_SHIFT }; }
static inline hpa_t mfn_to_hpa(mfn_t m) { return (hpa_t){ m.v << PAGE_SHIFT }; }

static inline mfn_t mfn_invalid(void) { return (mfn_t){ INVALID_FRAME }; }
static inline gfn_t gfn_invalid(void) { return (gfn_t){ INVALID_FRAME }; }
static inline bool mfn_is_valid(mfn_t m) { return m.v != INVALID_FRAME; }
static inline bool gfn_is_valid(gfn_t g) { return g.v != INVALID_FRAME; }

#endif
