/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vocabulary: the vendor-neutral record of one VM exit. A vendor folder's decode step fills it from
 * hardware fields (pure), src/vcpu acts on it; nobody else looks at exit information.
 */
#ifndef HV_VMEXIT_H
#define HV_VMEXIT_H

#include <hv/types.h>

/* Which hardware fields the decoder needs beyond the reason itself. */
#define READ_LEN 0x1U    /* instruction length */
#define READ_QUAL 0x2U   /* exit qualification */
#define READ_INTR 0x4U   /* interruption information and error code */
#define READ_GPA 0x8U    /* guest-physical address */
#define READ_GLA 0x10U   /* guest-linear address */

enum exit_reason {
#define EXIT(reason, hw, handler, reads, label) EXIT_##reason,
#include <hv/exits.def>
#undef EXIT
    EXIT_UNKNOWN,        /* a reason that no table row has */
    EXIT_ENTRY_FAILED,   /* VMLAUNCH/VMRESUME itself failed (VMfailValid/Invalid) */
    EXIT_COUNT
};

/* What the handler wants to happen next; applied by vcpu_finish() alone. */
enum exit_action {
    ACT_ADVANCE,   /* instruction emulated: step over it                */
    ACT_RESUME,    /* handled; RIP is already right (trap-like exits)   */
    ACT_RETRY,     /* cause removed (EPT filled in): run it again       */
    ACT_WAIT_IO,   /* request is with a device model: block this vCPU   */
    ACT_INJECT,    /* v->pending holds the exception to deliver         */
    ACT_CRASH,     /* the guest did what no guest may do                */
};

/* Type field of interruption information (SDM 25.8.3, table 25-17). */
enum hv_event_type { EVENT_EXTINT = 0, EVENT_NMI = 2, EVENT_HW_EXCEPTION = 3, EVENT_SOFT_INT = 4,
                     EVENT_PRIV_SW_EXCEPTION = 5, EVENT_SW_EXCEPTION = 6 };

/* Something to deliver, or that was being delivered when the exit came. */
struct hv_event {
    bool valid;
    uint8_t vector;
    uint8_t type;          /* enum hv_event_type */
    bool has_error;
    uint32_t error;
    uint8_t insn_len;      /* software events only */
    uint64_t cr2;          /* page faults that we inject: the address */
};

struct exit_cr { uint8_t cr; uint8_t gpr; enum { CR_WRITE, CR_READ, CR_CLTS, CR_LMSW } op; uint16_t lmsw;
                 bool undecoded; /* the CPU says which register, not what instruction: op and gpr are a guess */ };
struct exit_dr { uint8_t dr; uint8_t gpr; bool read; };
struct exit_pio { uint16_t port; uint8_t size; bool in, string, rep, imm; gva_t gva; };
struct exit_ept { gpa_t gpa; gva_t gva; bool gva_valid, walk; /* fault in the guest's own page walk */
                  bool read, write, fetch; bool readable, writable, executable; bool nmi_unblock; };
struct exit_exception { struct hv_event event; uint64_t qual; /* #PF: CR2; #DB: DR6 bits */ bool nmi_unblock; };
struct exit_apic { uint16_t offset; bool write, fetch, linear; };
enum task_source { TASK_CALL, TASK_IRET, TASK_JMP, TASK_GATE };
struct exit_task_switch { uint16_t selector; enum task_source source; };

struct vmexit {
    enum exit_reason reason;
    uint8_t insn_len;            /* 0: not due to an instruction, or the CPU does not tell its length */
    uint32_t hw_reason;          /* raw, for the log */
    uint64_t hw_qual;
    struct hv_event cut_short;   /* event whose delivery this exit interrupted */
    union {
        struct exit_exception exc;
        struct exit_cr cr;
        struct exit_dr dr;
        struct exit_pio pio;
        struct exit_ept ept;
        struct exit_apic apic;         /* APIC_ACCESS, APIC_WRITE */
        struct exit_task_switch task;
        uint8_t vector;                /* EXTERNAL_IRQ (0: not acknowledged, the CPU will raise it itself), EOI_INDUCED */
        uint32_t fail_code;            /* ENTRY_FAILED: VM-instruction error; BAD_STATE: qualification */
    };
};

#endif
