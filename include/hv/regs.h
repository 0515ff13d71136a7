/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vocabulary: a guest's general registers as entry code saves them (SDM numbering of the encoding, so
 * that a decoded register number is an index), and segment registers with their hidden part.
 */
#ifndef HV_REGS_H
#define HV_REGS_H

#include <stdbool.h>
#include <stdint.h>

enum gpr { GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI,
           GPR_R8, GPR_R9, GPR_R10, GPR_R11, GPR_R12, GPR_R13, GPR_R14, GPR_R15, GPR_COUNT };

/* RSP, RIP and RFLAGS are filled on every exit and written back before entry when changed through
 * the accessors of the vendor folder; gpr[GPR_RSP] is only a place holder for indexing. */
struct guest_regs {
    union {
        uint64_t gpr[GPR_COUNT];
        struct {
            uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
            uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
        };
    };
    uint64_t cr2;
};

enum seg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR, SEG_COUNT };

/* Access rights in the VMCS's format (SDM 25.4.1): type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13, D/B 14,
 * G 15, unusable 16. */
struct guest_seg {
    uint16_t selector;
    uint32_t limit;
    uint32_t attr;
    uint64_t base;
};
#define SEG_ATTR_UNUSABLE 0x10000U
#define SEG_ATTR_DPL(a) (((a) >> 5) & 3U)
#define SEG_ATTR_L 0x2000U
#define SEG_ATTR_DB 0x4000U

struct guest_table { uint64_t base; uint32_t limit; };   /* GDTR, IDTR */

/* The part of the CPU mode that decides how memory is translated and instructions are read. */
struct guest_mode {
    uint64_t cr0, cr3, cr4, efer, rflags;
    uint8_t cpl;
    bool long_mode;   /* EFER.LMA */
    bool code64;      /* CS.L with LMA */
    bool code32;      /* CS.D */
    uint32_t pkru;
    bool pdptes_in_memory;   /* at CR3, not in pdpte */
    uint64_t pdpte[4];
};

#define CR0_PE 0x1ULL
#define CR0_MP 0x2ULL
#define CR0_EM 0x4ULL
#define CR0_TS 0x8ULL
#define CR0_ET 0x10ULL
#define CR0_NE 0x20ULL
#define CR0_WP 0x10000ULL
#define CR0_AM 0x40000ULL
#define CR0_NW 0x20000000ULL
#define CR0_CD 0x40000000ULL
#define CR0_PG 0x80000000ULL
#define CR4_VME 0x1ULL
#define CR4_PVI 0x2ULL
#define CR4_TSD 0x4ULL
#define CR4_DE 0x8ULL
#define CR4_PSE 0x10ULL
#define CR4_PAE 0x20ULL
#define CR4_MCE 0x40ULL
#define CR4_PGE 0x80ULL
#define CR4_PCE 0x100ULL
#define CR4_OSFXSR 0x200ULL
#define CR4_OSXMMEXCPT 0x400ULL
#define CR4_UMIP 0x800ULL
#define CR4_LA57 0x1000ULL
#define CR4_VMXE 0x2000ULL
#define CR4_SMXE 0x4000ULL
#define CR4_FSGSBASE 0x10000ULL
#define CR4_PCIDE 0x20000ULL
#define CR4_OSXSAVE 0x40000ULL
#define CR4_SMEP 0x100000ULL
#define CR4_SMAP 0x200000ULL
#define CR4_PKE 0x400000ULL
#define EFER_SCE 0x1ULL
#define EFER_LME 0x100ULL
#define EFER_LMA 0x400ULL
#define EFER_NXE 0x800ULL
#define RFLAGS_CF 0x1ULL
#define RFLAGS_PF 0x4ULL
#define RFLAGS_AF 0x10ULL
#define RFLAGS_ZF 0x40ULL
#define RFLAGS_SF 0x80ULL
#define RFLAGS_TF 0x100ULL
#define RFLAGS_IF 0x200ULL
#define RFLAGS_DF 0x400ULL
#define RFLAGS_OF 0x800ULL
#define RFLAGS_RF 0x10000ULL
#define RFLAGS_VM 0x20000ULL
#define RFLAGS_AC 0x40000ULL
#define DR6_BREAKPOINTS 0xfULL
#define DR6_BD 0x2000ULL
#define DR6_BS 0x4000ULL
#define DR6_BT 0x8000ULL
#define DR6_FIXED 0xffff0ff0ULL
#define DEBUGCTL_LBR 0x1ULL             /* IA32_DEBUGCTL: last branch records */
#define DEBUGCTL_BTF 0x2ULL             /* TF steps from branch to branch */

/* Exception vectors (SDM table 6-1). */
enum x86_vector { X86_DE = 0, X86_DB, X86_NMI, X86_BP, X86_OF, X86_BR, X86_UD, X86_NM, X86_DF,
                  X86_TS = 10, X86_NP, X86_SS, X86_GP, X86_PF, X86_MF = 16, X86_AC, X86_MC, X86_XM,
                  X86_VE, X86_CP };

/* Page-fault error code bits. */
#define PFEC_P 0x1U
#define PFEC_W 0x2U
#define PFEC_U 0x4U
#define PFEC_RSVD 0x8U
#define PFEC_I 0x10U

#endif
