/* SPDX-License-Identifier: BSD-2-Clause */
/* Two fake CPUs that do and are told the same things, each in its own fields: for tests that hold for both vendors. */
#ifndef TESTS_HW_VENDORS_H
#define TESTS_HW_VENDORS_H

#include <hv/hw.h>

enum act_kind {
    DO_CPUID, DO_HLT, DO_HYPERCALL, DO_RDMSR, DO_WRMSR, DO_XSETBV, DO_WBINVD, DO_PAUSE, DO_RDTSC, DO_INVD,
    DO_MONITOR, DO_MWAIT, DO_RDPMC, DO_TRIPLE_FAULT, DO_IRQ_WINDOW, DO_INIT, DO_HOST_IRQ,
    DO_PIO, DO_CR, DO_DR, DO_EXCEPTION, DO_SLAT_FAULT
};

/* What the guest does until its next exit. */
struct act {
    enum act_kind kind;
    uint8_t length;                  /* of the instruction */
    struct exit_pio pio;
    struct exit_cr cr;
    struct exit_dr dr;
    struct exit_exception exc;
    struct exit_ept ept;
    struct hv_event cut_short;       /* the event whose delivery needed the missing page */
    bool shadow;                     /* the last instruction before the exit was STI or MOV SS */
};

/* What an entry asks the CPU to deliver, and the address that the guest will find on its stack. */
struct told { bool valid, has_error; uint8_t type, vector; uint32_t error; uint64_t pushed_rip; };

struct vendor {
    const char *name;
    bool tells_lengths;              /* saves the next RIP (Intel always) */
    bool repeats_software_events;    /* an INT that was cut short runs once more, nothing has to be injected again */
    struct hw_vcpu *(*up)(void);
    void (*down)(void);
    void (*does)(const struct act *act);
    struct told (*told)(void);       /* at the last entry */
    bool (*waits_for_irq)(void);     /* will the CPU exit when an interrupt could be taken? */
    /* The guest's IRET from an NMI's handler; faults: it needs a page that is missing. Runs until NMIs are unblocked or the fault
     * is there. */
    void (*iret)(bool faults, struct vmexit *last);
};

extern const struct vendor vendor_vmx, vendor_svm, vendor_svm_plain;

#endif
