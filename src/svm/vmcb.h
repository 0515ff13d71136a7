/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual machine control block (APM volume 2, appendix B) and the bits of its fields. */
#ifndef SVM_VMCB_H
#define SVM_VMCB_H

#include <hv/compiler.h>
#include <hv/types.h>

struct vmcb_seg { uint16_t selector, attr; uint32_t limit; uint64_t base; };

struct vmcb {
    /* Control area (table B-1) */
    uint16_t cr_reads, cr_writes, dr_reads, dr_writes;   /* intercepts, a bit per register */
    uint32_t exceptions;
    uint32_t intercepts1, intercepts2, intercepts3;
    uint8_t reserved_018[0x3c - 0x18];
    uint16_t pause_threshold, pause_count;
    uint64_t iopm, msrpm, tsc_offset;
    uint32_t asid;
    uint8_t tlb_control, reserved_05d[3];
    uint64_t vintr, interrupt_shadow;
    uint64_t exit_code, exit_info1, exit_info2, exit_int_info;
    uint64_t nested_control;
    uint64_t avic_bar, ghcb;
    uint64_t event_inj;
    uint64_t nested_cr3, lbr_control;
    uint32_t clean, reserved_0c4;
    uint64_t next_rip;
    uint8_t insn_count, insn_bytes[15];
    uint8_t reserved_0e0[0x400 - 0xe0];
    /* State save area (table B-2) */
    struct vmcb_seg es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint8_t reserved_4a0[0x4cb - 0x4a0], cpl;
    uint32_t reserved_4cc;
    uint64_t efer;
    uint8_t reserved_4d8[0x548 - 0x4d8];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t reserved_580[0x5d8 - 0x580];
    uint64_t rsp, s_cet, ssp, isst, rax;
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip, cr2;
    uint8_t reserved_648[0x668 - 0x648];
    uint64_t pat, debugctl, br_from, br_to, last_excp_from, last_excp_to;
    uint8_t reserved_698[PAGE_SIZE - 0x698];
};

#define VMCB_AT(member, offset) _Static_assert(offsetof(struct vmcb, member) == (offset), #member)
VMCB_AT(pause_threshold, 0x3c);
VMCB_AT(iopm, 0x40);
VMCB_AT(asid, 0x58);
VMCB_AT(vintr, 0x60);
VMCB_AT(exit_code, 0x70);
VMCB_AT(nested_control, 0x90);
VMCB_AT(event_inj, 0xa8);
VMCB_AT(clean, 0xc0);
VMCB_AT(next_rip, 0xc8);
VMCB_AT(insn_bytes, 0xd1);
VMCB_AT(es, 0x400);
VMCB_AT(tr, 0x490);
VMCB_AT(cpl, 0x4cb);
VMCB_AT(efer, 0x4d0);
VMCB_AT(cr4, 0x548);
VMCB_AT(rip, 0x578);
VMCB_AT(rsp, 0x5d8);
VMCB_AT(rax, 0x5f8);
VMCB_AT(cr2, 0x640);
VMCB_AT(pat, 0x668);
_Static_assert(sizeof(struct vmcb) == PAGE_SIZE, "a VMCB is a page");

/* intercepts1: offset 00Ch */
#define SVM1_INTR BIT(0)
#define SVM1_NMI BIT(1)
#define SVM1_INIT BIT(3)
#define SVM1_VINTR BIT(4)
#define SVM1_CR0_SELECTIVE BIT(5)
#define SVM1_RDTSC BIT(14)
#define SVM1_RDPMC BIT(15)
#define SVM1_CPUID BIT(18)
#define SVM1_IRET BIT(20)
#define SVM1_INVD BIT(22)
#define SVM1_PAUSE BIT(23)
#define SVM1_HLT BIT(24)
#define SVM1_INVLPGA BIT(26)
#define SVM1_IOIO BIT(27)
#define SVM1_MSR BIT(28)
#define SVM1_SHUTDOWN BIT(31)
/* intercepts2: 010h */
#define SVM2_VMRUN BIT(0)
#define SVM2_VMMCALL BIT(1)
#define SVM2_VMLOAD BIT(2)
#define SVM2_VMSAVE BIT(3)
#define SVM2_STGI BIT(4)
#define SVM2_CLGI BIT(5)
#define SVM2_SKINIT BIT(6)
#define SVM2_RDTSCP BIT(7)
#define SVM2_WBINVD BIT(9)
#define SVM2_MONITOR BIT(10)
#define SVM2_MWAIT BIT(11)
#define SVM2_XSETBV BIT(13)
#define SVM2_RDPRU BIT(14)
/* intercepts3: 014h */
#define SVM3_INVLPGB BIT(0)
#define SVM3_INVLPGB_ILLEGAL BIT(1)
#define SVM3_MCOMMIT BIT(3)
#define SVM3_TLBSYNC BIT(4)

/* tlb_control: 05Ch */
#define TLB_KEEP 0U
#define TLB_FLUSH_ALL 1U
#define TLB_FLUSH_ASID 3U

#define SVM_CR8 BIT(8)               /* cr_reads, cr_writes */

/* vintr: 060h */
#define VINTR_TPR 0xfULL             /* V_TPR: the guest's CR8 */
#define VINTR_IRQ BIT(8)
#define VINTR_NMI BIT(11)            /* an NMI waits (vNMI) */
#define VINTR_NMI_MASK BIT(12)       /* NMIs are blocked (vNMI) */
#define VINTR_PRIORITY_MAX (0xfULL << 16)
#define VINTR_IGNORE_TPR BIT(20)
#define VINTR_MASKING BIT(24)        /* the guest's RFLAGS.IF and TPR are its own */
#define VINTR_NMI_ENABLE BIT(26)
#define VINTR_VECTOR_SHIFT 32U
#define VINTR_VECTOR (0xffULL << VINTR_VECTOR_SHIFT)

/* exit_int_info and event_inj: 088h, 0A8h (15.7.2, 15.20) */
#define EVENT_VECTOR 0xffULL
#define EVENT_TYPE_SHIFT 8U
#define EVENT_TYPE 0x7ULL
#define EVENT_HAS_ERROR BIT(11)
#define EVENT_VALID BIT(31)
#define EVENT_ERROR_SHIFT 32U
enum svm_event_type { SVM_EVENT_INTR = 0, SVM_EVENT_NMI = 2, SVM_EVENT_EXCEPTION = 3, SVM_EVENT_SOFT_INT = 4 };

#define NESTED_PAGING BIT(0)
#define SHADOW_ACTIVE BIT(0)

/* clean: 0C0h. A set bit says that the CPU may use what it has cached of these fields. */
#define CLEAN_INTERCEPTS BIT(0)      /* with TSC offset and pause filter */
#define CLEAN_MAPS BIT(1)
#define CLEAN_ASID BIT(2)
#define CLEAN_TPR BIT(3)             /* vintr */
#define CLEAN_NESTED BIT(4)          /* nested CR3, PAT */
#define CLEAN_CR BIT(5)              /* CR0, 3, 4, EFER */
#define CLEAN_DR BIT(6)
#define CLEAN_DT BIT(7)
#define CLEAN_SEG BIT(8)             /* CS, DS, SS, ES, CPL */
#define CLEAN_CR2 BIT(9)
#define CLEAN_LBR BIT(10)
#define CLEAN_ALL 0x7ffU

#define EFER_SVME BIT(12)

/* MSRs by their APM names */
#define MSR_VM_CR 0xc0010114U
#define VM_CR_LOCK BIT(3)
#define VM_CR_SVMDIS BIT(4)
#define MSR_VM_HSAVE_PA 0xc0010117U
#define MSR_TSC_RATIO 0xc0000104U
#define TSC_RATIO_ONE BIT(32)
#define MSR_EFER 0xc0000080U
#define MSR_STAR 0xc0000081U
#define MSR_LSTAR 0xc0000082U
#define MSR_CSTAR 0xc0000083U
#define MSR_SFMASK 0xc0000084U
#define MSR_FS_BASE 0xc0000100U
#define MSR_GS_BASE 0xc0000101U
#define MSR_KERNEL_GS_BASE 0xc0000102U
#define MSR_TSC_AUX 0xc0000103U
#define MSR_SPEC_CTRL 0x48U
#define MSR_SYSENTER_CS 0x174U
#define MSR_SYSENTER_ESP 0x175U
#define MSR_SYSENTER_EIP 0x176U
#define MSR_DEBUGCTL 0x1d9U
#define MSR_PAT 0x277U

#endif
