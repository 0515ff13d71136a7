/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vocabulary: hardware virtualisation of a CPU, whoever made it. struct hw_vcpu is what src/vmx and src/svm have in
 * common about a virtual CPU, with room for what only they know; the operations are the rows of hv/hw_ops.def, called as
 * hw_NAME() (src/hw). Who uses the common members does so while the vCPU is loaded or runs nowhere.
 */
#ifndef HV_HW_H
#define HV_HW_H

#include <hv/compiler.h>
#include <hv/regs.h>
#include <hv/vmexit.h>

/* Which flavour of virtual APIC hardware shall use: off, xAPIC (access page) or x2APIC mode. */
enum hw_apic_mode { HW_APIC_OFF, HW_APIC_XAPIC, HW_APIC_X2APIC };
/* What keeps an interrupt or an NMI from being injected now. */
enum hw_blocked { HW_OPEN, HW_BLOCKED_IF, HW_BLOCKED_SHADOW, HW_BLOCKED_NMI, HW_BLOCKED_EVENT };

/* What this machine offers and Tenon uses, as far as others than the vendor's folder care. */
struct hw_features {
    const char *name;                /* "VMX", "SVM" */
    bool slat_1g, slat_2m, slat_ad;
    bool xsaves, rdtscp, invpcid;    /* guests may use them */
    bool tsc_scaling;
    uint8_t hypercall_insn[3];       /* what a hypercall page is made of */
};

#define HW_MSR_BITMAP_ORDER 1U       /* pages, as a power of two: enough for either vendor */
#define HW_IO_BITMAP_ORDER 2U
#define HW_MSR_BITMAP_BYTES (4096UL << HW_MSR_BITMAP_ORDER)
#define HW_IO_BITMAP_BYTES (4096UL << HW_IO_BITMAP_ORDER)

struct hw_vcpu_config {
    uint64_t slat_root;              /* hw_slat_pointer() */
    uint16_t vpid;
    bool virtual_apic;               /* use register virtualisation and interrupt delivery where present (the TPR shadow in any case) */
    void *apic_page;                 /* virtual-APIC page (4 KiB, direct map) */
    hpa_t apic_access_page;          /* 0: no APIC-access page */
    bool rdtsc_exits;                /* emulated TSC */
    uint64_t run_limit;              /* TSC ticks after which the guest is left at the latest, where hardware can; 0: none */
    const uint8_t *msr_bitmap;       /* all ones but what hw_msr_bitmap_allow() did; NULL: all MSR accesses exit */
    const uint8_t *msr_bitmap_x2apic;   /* the one for HW_APIC_X2APIC (hw_msr_bitmap_x2apic); NULL: the same, no help */
    const uint8_t *io_bitmap;        /* all ones but what hw_io_bitmap_allow() did; NULL: all ports exit */
    uint64_t *eoi_exit_bitmap;       /* 4 words to start with, only with interrupt delivery by hardware; NULL: none */
    uint64_t cr4_allowed;            /* CR4 bits that the guest may set; 0: all that this CPU has and Tenon virtualises */
};

#define HW_VENDOR_WORDS 48U

struct hw_vcpu {
    struct guest_regs regs;          /* valid between exits */
    struct hw_vcpu_config config;
    uint64_t slat_generation;        /* of struct slat at the last flush by this vCPU's CPU; UINT64_MAX after a move */
    uint64_t guest_xcr0;             /* the caller's: it switches XCR0 with the vector state */
    struct hv_event event;           /* queued for the next entry */
    bool triple_fault;               /* that is what the next entry would end in */
    bool irq_window, nmi_window;     /* open: an exit comes as soon as one could be injected */
    bool delivers_interrupts;        /* hardware does (SDM 30.2): by RVI alone, EOIs of vectors without an EOI exit are
                                        never seen, and IRR, ISR and PPR in the page are the CPU's */
    bool uses_tpr_threshold;         /* hw_set_tpr_threshold() means something now */
    bool pdptes_wanted;
    uint32_t tpr_threshold;
    enum hw_apic_mode apic_mode;
    uint64_t eoi_exit[4];
    uint64_t spec_ctrl;
    uint64_t vendor[HW_VENDOR_WORDS];
};

#endif
