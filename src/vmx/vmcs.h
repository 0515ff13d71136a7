/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMCS fields as typed constants: vmread32(GUEST_RIP) does not compile. Every row of vmcs_fields.def
 * is checked against what its encoding says about width and access (SDM table 25-21).
 */
#ifndef VMX_VMCS_H
#define VMX_VMCS_H

#include "insn.h"

#include <hv/compiler.h>
#include <vmx/vmx.h>

struct vmcs_u16 { uint16_t encoding; };
struct vmcs_u32 { uint16_t encoding; };
struct vmcs_u64 { uint16_t encoding; };
struct vmcs_nat { uint16_t encoding; };

#define VMCS_STRUCT_U16 struct vmcs_u16
#define VMCS_STRUCT_U32 struct vmcs_u32
#define VMCS_STRUCT_U64 struct vmcs_u64
#define VMCS_STRUCT_NAT struct vmcs_nat
enum vmcs_width { VMCS_WIDTH_U16, VMCS_WIDTH_U64, VMCS_WIDTH_U32, VMCS_WIDTH_NAT };
enum vmcs_access { VMCS_ACCESS_RW, VMCS_ACCESS_RO };

#define F(width, name, enc, access) \
    static const VMCS_STRUCT_##width name = { enc }; \
    _Static_assert((((enc) >> 13) & 3) == VMCS_WIDTH_##width, #name ": width"); \
    _Static_assert(((((enc) >> 10) & 3) == 1) == (VMCS_ACCESS_##access == VMCS_ACCESS_RO), #name ": access"); \
    _Static_assert(((enc) & 0x9001) == 0, #name ": reserved bits, or the high half");
#include "vmcs_fields.def"
#undef F

struct vmcs_field { uint16_t encoding; uint8_t width, access; const char *name; };
extern const struct vmcs_field vmcs_fields[];
extern const unsigned int vmcs_field_count;
const char *vmcs_field_name(uint16_t encoding);

/* An access to a field failed: no VMCS is loaded, or the CPU has no such field. Either is our mistake. */
noreturn_fn cold_fn void vmcs_access_failed(uint16_t encoding, const char *what);

static inline uint64_t vmcs_read(uint16_t encoding)
{
    uint64_t value;

    if (unlikely(!insn_vmread(encoding, &value)))
        vmcs_access_failed(encoding, "VMREAD");
    return value;
}

static inline void vmcs_write(uint16_t encoding, uint64_t value)
{
    if (unlikely(!insn_vmwrite(encoding, value)))
        vmcs_access_failed(encoding, "VMWRITE");
}

static inline uint16_t vmread16(struct vmcs_u16 f) { return (uint16_t)vmcs_read(f.encoding); }
static inline uint32_t vmread32(struct vmcs_u32 f) { return (uint32_t)vmcs_read(f.encoding); }
static inline uint64_t vmread64(struct vmcs_u64 f) { return vmcs_read(f.encoding); }
static inline uint64_t vmreadn(struct vmcs_nat f) { return vmcs_read(f.encoding); }
static inline void vmwrite16(struct vmcs_u16 f, uint16_t v) { vmcs_write(f.encoding, v); }
static inline void vmwrite32(struct vmcs_u32 f, uint32_t v) { vmcs_write(f.encoding, v); }
static inline void vmwrite64(struct vmcs_u64 f, uint64_t v) { vmcs_write(f.encoding, v); }
static inline void vmwriten(struct vmcs_nat f, uint64_t v) { vmcs_write(f.encoding, v); }

/* Fields of segment register s: those of one kind follow each other in the order of enum seg. */
static inline struct vmcs_u16 seg_selector(enum seg s) { return (struct vmcs_u16){ (uint16_t)(0x0800 + 2 * s) }; }
static inline struct vmcs_u32 seg_limit(enum seg s) { return (struct vmcs_u32){ (uint16_t)(0x4800 + 2 * s) }; }
static inline struct vmcs_u32 seg_attr(enum seg s) { return (struct vmcs_u32){ (uint16_t)(0x4814 + 2 * s) }; }
static inline struct vmcs_nat seg_base(enum seg s) { return (struct vmcs_nat){ (uint16_t)(0x6806 + 2 * s) }; }

/* vmcs.c: writes all fields of a fresh VMCS, which is current, but host and guest state, and the host state of this CPU. */
void vmcs_write_controls(struct hw_vcpu *v);
void vmcs_write_host_cpu(void);

#endif
