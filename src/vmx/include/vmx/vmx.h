/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intel VMX (SDM volume 3C): capability probing, one VMCS per vCPU, entering the guest and turning the exit into the
 * neutral struct vmexit. Everything VT-x stays behind this header. Knows nothing of domains.
 * All functions that take a struct vmx_vcpu need it loaded (vmx_load) or borrowed on this CPU unless marked
 * otherwise; none takes a lock; none allocates on the exit path.
 * Exceptions that exit: #DB, #AC (both could loop in delivery for ever, a guest's way to hang a CPU) and #MC. The handler
 * gives #DB and #AC back with vmx_inject; for #DB it first ors the qualification into the guest's DR6.
 */
#ifndef VMX_VMX_H
#define VMX_VMX_H

#include <hv/compiler.h>
#include <hv/regs.h>
#include <hv/vmexit.h>

/* Which flavour of virtual APIC hardware shall use: off, xAPIC (access page) or x2APIC mode. */
enum vmx_apic_mode { VMX_APIC_OFF, VMX_APIC_XAPIC, VMX_APIC_X2APIC };

/* What this machine offers and Tenon uses; filled once on the boot CPU, read-only afterwards. */
struct vmx_features {
    bool ept_1g, ept_2m, ept_ad, vpid, invept_single, invvpid_single;
    bool tpr_shadow, apic_access, apic_register_virt, virtual_intr_delivery, x2apic_virt;
    bool tsc_scaling, pml, preempt_timer, pause_loop, vnmi, unrestricted, xsaves, rdtscp, invpcid, mode_based_exec;
    bool spec_ctrl;               /* IA32_SPEC_CTRL exists */
};
extern struct vmx_features vmx_features;

/* Boot CPU: probes and chooses. NULL: usable; else a sentence that says what is missing and what to do. */
const char *vmx_probe(void) must_check;
/* Every CPU: CR4.VMXE, VMXON. NULL or a sentence (feature control locked, a CPU that differs ...). */
const char *vmx_cpu_enable(void) must_check;
void vmx_cpu_disable(void);

struct vmx_vcpu_config {
    uint64_t eptp;
    uint16_t vpid;
    bool virtual_apic;            /* use APIC virtualisation features where present */
    void *apic_page;              /* virtual-APIC page (4 KiB, direct map) */
    hpa_t apic_access_page;       /* 0: no APIC-access page */
    bool rdtsc_exits;             /* emulated TSC */
    const uint8_t *msr_bitmap;    /* 4 KiB, or NULL: all MSR accesses exit */
    const uint8_t *msr_bitmap_x2apic;   /* the one for VMX_APIC_X2APIC (vmx_msr_bitmap_x2apic); NULL: the same, no x2APIC help */
    const uint8_t *io_bitmap;     /* 8 KiB (A then B), or NULL: all ports exit */
    uint64_t *eoi_exit_bitmap;    /* 4 words to start with, only with virtual_intr_delivery; NULL: none */
    uint64_t cr4_allowed;         /* CR4 bits that the guest may set; 0: all that this CPU has and Tenon virtualises */
};
#define VMX_CACHED_FIELDS 10U

struct vmx_vcpu {
    mfn_t vmcs;
    bool launched;
    int loaded_on;                /* CPU on which the VMCS is active (needs vmx_unload there to move), -1: none */
    int host_cpu;                 /* CPU whose host state the VMCS holds */
    bool live;                    /* the swapped MSRs are in the CPU */
    struct guest_regs regs;       /* valid between exits */
    uint64_t ept_generation;      /* of struct ept at the last INVEPT by this vCPU's CPU; UINT64_MAX after a move */
    struct vmx_vcpu_config config;
    uint64_t cr0_shadow_mask, cr4_shadow_mask;
    uint64_t guest_xcr0;          /* the caller's: it switches XCR0 with the vector state */
    uint32_t cpu_based, secondary, pin_based;   /* current controls, cached */
    uint64_t cache[VMX_CACHED_FIELDS];          /* guest fields read since the last exit ... */
    uint32_t cached;                            /* ... one bit each */
    enum vmx_apic_mode apic_mode;
    uint64_t eoi_exit[4];
    uint32_t tpr_threshold;
    bool pdptes_wanted;
    struct hv_event event;        /* queued for the next entry */
    bool triple_fault;            /* that is what the next entry would end in */
    uint64_t kernel_gs_base, star, lstar, cstar, sfmask, tsc_aux;   /* swapped at vmx_load/vmx_unload */
    uint64_t host_rsp_cached;
    uint64_t spec_ctrl;
};

/* Allocates; architectural reset state. Not loaded; needs this CPU enabled. -ENOMEM. */
int vmx_vcpu_init(struct vmx_vcpu *v, const struct vmx_vcpu_config *config) must_check;
void vmx_vcpu_fini(struct vmx_vcpu *v);
void vmx_load(struct vmx_vcpu *v);       /* make current here: VMPTRLD, host state of this CPU, MSRs */
void vmx_unload(struct vmx_vcpu *v);     /* VMCLEAR, so that another CPU may load it */
void vmx_suspend(struct vmx_vcpu *v);    /* saves the MSRs only: cheap, when the vCPU will be loaded here again */
/* Makes a vCPU that runs nowhere current for a few accessor calls, while another one may be loaded here. Returns what
 * vmx_give_back() needs. No exit and no vmx_load between the two. */
struct vmx_vcpu *vmx_borrow(struct vmx_vcpu *v) must_check;
void vmx_give_back(struct vmx_vcpu *v, struct vmx_vcpu *previous);
void vmx_msr_bitmap_allow(uint8_t *bitmap, uint32_t msr, bool read, bool write);   /* pure; start from all ones */
/* For x2APIC mode: lets through what the CPU virtualises (nothing where it does not). */
void vmx_msr_bitmap_x2apic(uint8_t *bitmap);
void vmx_io_bitmap_allow(uint8_t *bitmap, uint16_t first, uint16_t last);

/* Enters the guest with interrupts off and returns with them off after the next exit, decoded. */
void vmx_enter(struct vmx_vcpu *v, struct vmexit *x);
/* The only way RIP moves over an instruction: also clears the STI/MOV-SS shadow, and raises #DB for TF. */
void vmx_skip(struct vmx_vcpu *v, unsigned int length);

/* Guest state. Reads are cached until the next exit, writes go to the VMCS when they change something. Registers are
 * v->regs.gpr[], except RSP, which these two know; exits that name a register have gpr[GPR_RSP] filled. */
uint64_t vmx_get_gpr(struct vmx_vcpu *v, unsigned int n);
void vmx_set_gpr(struct vmx_vcpu *v, unsigned int n, uint64_t value);
uint64_t vmx_get_rip(struct vmx_vcpu *v);
void vmx_set_rip(struct vmx_vcpu *v, uint64_t rip);
uint64_t vmx_get_rsp(struct vmx_vcpu *v);
void vmx_set_rsp(struct vmx_vcpu *v, uint64_t rsp);
uint64_t vmx_get_rflags(struct vmx_vcpu *v);
void vmx_set_rflags(struct vmx_vcpu *v, uint64_t rflags);
void vmx_get_seg(struct vmx_vcpu *v, enum seg s, struct guest_seg *out);
void vmx_set_seg(struct vmx_vcpu *v, enum seg s, const struct guest_seg *in);
void vmx_get_table(struct vmx_vcpu *v, bool idt, struct guest_table *out);
void vmx_set_table(struct vmx_vcpu *v, bool idt, const struct guest_table *in);
uint64_t vmx_get_cr(struct vmx_vcpu *v, unsigned int n);   /* 0, 3, 4 as the guest sees them */
/* false: the value is illegal for the guest (caller injects #GP). Handles EFER.LMA. Guests change most bits of CR0 and
 * CR4 without an exit; those that exit are CR0.NE/CD/NW and CR4.MCE and what cr4_allowed forbids. */
bool vmx_set_cr(struct vmx_vcpu *v, unsigned int n, uint64_t value) must_check;
/* After vmx_set_cr: true when the guest is in PAE paging outside long mode and the change asks for new PDPTEs: the caller reads 32
 * bytes at CR3 & ~31 and hands them over. false: a reserved bit is set (#GP). */
bool vmx_pdptes_wanted(const struct vmx_vcpu *v);
bool vmx_set_pdptes(struct vmx_vcpu *v, const uint64_t pdpte[4]) must_check;
uint64_t vmx_get_efer(struct vmx_vcpu *v);
bool vmx_set_efer(struct vmx_vcpu *v, uint64_t value) must_check;
/* MOV DR exits (until the guest's debug registers are on the CPU) or not. */
/* Whether accesses to debug registers exit; they do after vmx_load(). */
void vmx_set_dr_exiting(struct vmx_vcpu *v, bool exits);
bool vmx_is_code64(struct vmx_vcpu *v);      /* CS.L with EFER.LMA */
uint64_t vmx_get_dr7(struct vmx_vcpu *v);
void vmx_set_dr7(struct vmx_vcpu *v, uint64_t value);
void vmx_get_mode(struct vmx_vcpu *v, struct guest_mode *out);
unsigned int vmx_get_cpl(struct vmx_vcpu *v);
/* MSRs that live in the VMCS or are swapped by hardware/us: FS/GS/KGS base, SYSENTER*, STAR..., PAT, EFER,
 * DEBUGCTL, TSC_AUX, SPEC_CTRL. false: not one of them / illegal value. */
bool vmx_get_msr(struct vmx_vcpu *v, uint32_t msr, uint64_t *value);
bool vmx_set_msr(struct vmx_vcpu *v, uint32_t msr, uint64_t value);
void vmx_set_tsc_offset(struct vmx_vcpu *v, uint64_t offset);
/* Guest ticks per host tick as 16.48 fixed point; 1 << 48: off. Only with vmx_features.tsc_scaling. */
void vmx_set_tsc_multiplier(struct vmx_vcpu *v, uint64_t multiplier);
void vmx_set_rdtsc_exits(struct vmx_vcpu *v, bool exits);
void vmx_reset(struct vmx_vcpu *v);                        /* state after power-up or INIT (SDM table 10-1) */
/* PVH: 32-bit flat protected mode, paging off, at eip with ebx (facts: xen/arch-x86/hvm/start_info.h). */
void vmx_set_pvh_entry(struct vmx_vcpu *v, uint32_t eip, uint32_t ebx);
void vmx_set_sipi(struct vmx_vcpu *v, uint8_t vector);     /* real mode at vector<<12 */
void vmx_set_eptp(struct vmx_vcpu *v, uint64_t eptp);

/* Events. */
enum vmx_blocked { VMX_OPEN, VMX_BLOCKED_IF, VMX_BLOCKED_SHADOW, VMX_BLOCKED_NMI, VMX_BLOCKED_EVENT };
enum vmx_blocked vmx_irq_blocked(struct vmx_vcpu *v);      /* may an external interrupt be injected now? */
enum vmx_blocked vmx_nmi_blocked(struct vmx_vcpu *v);
/* For the next entry: a new event, or once more the one that the exit cut short (not after task switches). An
 * exception that meets a queued event becomes what SDM table 6-5 says; a triple fault shows as EXIT_TRIPLE_FAULT of the
 * next vmx_enter(). */
void vmx_inject(struct vmx_vcpu *v, const struct hv_event *e);
bool vmx_event_is_queued(const struct vmx_vcpu *v);
void vmx_open_irq_window(struct vmx_vcpu *v, bool open);
void vmx_open_nmi_window(struct vmx_vcpu *v, bool open);
void vmx_set_tpr_threshold(struct vmx_vcpu *v, unsigned int threshold);
/* Virtual-interrupt delivery: RVI/SVI and EOI exits. Only while vmx_delivers_interrupts(): then interrupts go in by RVI
 * alone, EOIs of vectors without an EOI exit are never seen, and IRR, ISR and PPR in the page are the CPU's. */
bool vmx_delivers_interrupts(const struct vmx_vcpu *v);
uint8_t vmx_get_rvi(struct vmx_vcpu *v);
void vmx_set_rvi(struct vmx_vcpu *v, uint8_t vector);
void vmx_set_svi(struct vmx_vcpu *v, uint8_t vector);
void vmx_set_eoi_exit(struct vmx_vcpu *v, uint8_t vector, bool exits);
/* Switches controls and MSR bitmap to the flavour, as far as the CPU helps and config.virtual_apic wants. */
void vmx_set_apic_mode(struct vmx_vcpu *v, enum vmx_apic_mode mode);

/* Invalidation of cached translations on this CPU. */
void vmx_invept(uint64_t eptp);
void vmx_invvpid(uint16_t vpid);

/* One screen of state into the log, for crashes. */
void vmx_dump(struct vmx_vcpu *v);
const char *vmx_exit_name(const struct vmexit *x);

#endif
