/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest fields that several steps between two exits want: read once, written through when changed. The encoding is
 * an immediate wherever the field is a constant.
 */
#ifndef VMX_CACHE_H
#define VMX_CACHE_H

#include "state.h"
#include "vmcs.h"

enum cached {
    CACHED_RIP, CACHED_RSP, CACHED_RFLAGS, CACHED_INTERRUPTIBILITY, CACHED_CS_ATTR, CACHED_SS_ATTR,
    CACHED_CR0, CACHED_CR3, CACHED_CR4, CACHED_EFER, CACHED_COUNT
};
_Static_assert(CACHED_COUNT == VMX_CACHED_FIELDS, "struct vmx_state has room for each");

static inline uint16_t cached_encoding(enum cached c)
{
    switch (c) {
    case CACHED_RIP: return GUEST_RIP.encoding;
    case CACHED_RSP: return GUEST_RSP.encoding;
    case CACHED_RFLAGS: return GUEST_RFLAGS.encoding;
    case CACHED_INTERRUPTIBILITY: return GUEST_INTERRUPTIBILITY.encoding;
    case CACHED_CS_ATTR: return GUEST_CS_ATTR.encoding;
    case CACHED_SS_ATTR: return GUEST_SS_ATTR.encoding;
    case CACHED_CR0: return GUEST_CR0.encoding;
    case CACHED_CR3: return GUEST_CR3.encoding;
    case CACHED_CR4: return GUEST_CR4.encoding;
    case CACHED_EFER: return GUEST_EFER.encoding;
    case CACHED_COUNT: break;
    }
    return 0;
}

static inline uint64_t cache_get(struct hw_vcpu *v, enum cached c)
{
    if (!(vmx(v)->cached & (1U << c))) {
        vmx(v)->cache[c] = vmcs_read(cached_encoding(c));
        vmx(v)->cached |= 1U << c;
    }
    return vmx(v)->cache[c];
}

static inline void cache_set(struct hw_vcpu *v, enum cached c, uint64_t value)
{
    if ((vmx(v)->cached & (1U << c)) && vmx(v)->cache[c] == value)
        return;
    vmcs_write(cached_encoding(c), value);
    vmx(v)->cache[c] = value;
    vmx(v)->cached |= 1U << c;
}

static inline void cache_forget(struct hw_vcpu *v) { vmx(v)->cached = 0; }

#endif
