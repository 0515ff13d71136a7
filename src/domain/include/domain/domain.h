/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The aggregates: a domain and its vCPUs, made of the mechanisms of layer 3. Life cycle, look-up with references, frame ownership.
 * Locks are members, one per mechanism, ranks in x86/lock_ranks.def. A struct domain stays valid while a reference
 * is held (domain_get); vCPUs live as long as their domain.
 */
#ifndef DOMAIN_DOMAIN_H
#define DOMAIN_DOMAIN_H

#include <domain/guest_access.h>
#include <domain/ioreq.h>
#include <domain/logdirty.h>
#include <domain/p2m.h>
#include <domain/platform.h>
#include <hv/vmexit.h>
#include <hvm/cpuid_policy.h>
#include <hvm/io_bus.h>
#include <hvm/msr_policy.h>
#include <hvm/vioapic.h>
#include <hvm/vlapic.h>
#include <hvm/vpci.h>
#include <pvhvm/evtchn.h>
#include <pvhvm/gnttab.h>
#include <pvhvm/guest_time.h>
#include <pvhvm/guest_tsc.h>
#include <pvhvm/hvm_params.h>
#include <pvhvm/viridian.h>
#include <sched/sched.h>
#include <sched/timer.h>
#include <hw/hw.h>
#include <x86/spinlock.h>
#include <xen/domctl.h>

#define DOMAIN_MAX_VCPUS 128U
#define DOMAIN_WATCHDOGS 2U
#define DOMAIN_MAX_VIOAPICS 16U
#define HYPERCALL_STATS 64U
#define HYPERCALL_MAX_POLL 128U

/* Guest memory that the hypervisor writes on its own: a gpa we hold a mapping and a reference of. */
struct guest_area { mfn_t mfn; void *page; uint32_t offset; };

/*
 * The last translations of a vCPU's code and hypercall buffers, with the page-table entries that made them. A translation is
 * used again only if every one of those entries reads the same now, so that no TLB flush of the guest need be seen, and if no
 * RAM has left the guest's physical map since.
 */
#define WALK_CACHE_SETS 8U
#define WALK_CACHE_WAYS 2U             /* code and the buffer that it names may meet in one set */
#define WALK_MAX_STEPS 5U
struct walk_cache_entry {
    uint64_t va_page, cr3, cr0, cr4, efer, ram_generation;
    uint8_t access;                    /* ACCESS_*: another kind of access may be refused */
    uint8_t steps;                     /* 0: unused */
    const uint64_t *pte[WALK_MAX_STEPS];   /* in RAM that stays: guest_access.c */
    uint64_t value[WALK_MAX_STEPS];
    char *page;
};

struct vcpu {
    struct domain *domain;
    uint32_t id;
    struct sched_unit sched;
    struct hw_vcpu hw;
    struct vlapic lapic;
    uint8_t *lapic_page;
    struct timer lapic_timer;          /* vlapic.timer_deadline */
    struct timer singleshot_timer;     /* VCPUOP_set_singleshot_timer / set_timer_op */
    struct timer periodic_timer; ns_t periodic_period;
    struct timer poll_timer;           /* SCHEDOP_poll timeout */
    bool polling; uint32_t poll_count; uint32_t poll_port[HYPERCALL_MAX_POLL];
    struct hv_event pending;           /* exception to inject (ACT_INJECT) */
    bool pending_nmi;                  /* atomic */
    bool upcall_asserted;
    uint8_t upcall_vector;             /* HVMOP_set_evtchn_upcall_vector, 0: none */
    bool sipi_wait, init_pending, sipi_pending; uint8_t sipi_vector;   /* guarded by lock */
    bool being_initialised;            /* guarded by lock: its registers are being written, INIT and SIPI do not bring it up */
    uint32_t pvh_entry, pvh_start_info; /* where it starts, until it has */
    bool initialised;                  /* has a context: may be brought up */
    bool context_new;                  /* given a context since it ran last: its CPU has to follow */
    spinlock_t lock;                   /* rank VCPU */

    struct guest_area info;            /* registered vcpu_info, or inside shared_info */
    bool info_registered;
    gva_t runstate_va; bool runstate_registered;      /* VCPUOP_register_runstate_memory_area */
    gva_t time_va; bool time_registered;              /* register_vcpu_time_memory_area */
    struct guest_area fifo_control;

    struct msr_store msrs;
    uint64_t tsc_adjust, misc_enable, viridian_assist;
    void *xsave;                       /* vector state while not on a CPU; 64-byte aligned */
    uint64_t dr[4], dr6; bool dr_loaded;

    struct vcpu_io io;                 /* what a device model was asked */

    /* the hypercall in progress */
    bool hc_restart;                   /* leave RIP on the VMCALL: argument registers carry the progress */
    uint64_t exits[EXIT_COUNT];        /* counters: how often */
    uint64_t exit_tsc[EXIT_COUNT];     /* and TSC ticks spent in the hypervisor for them */
    uint64_t exit_max[EXIT_COUNT];
    uint64_t hypercalls[HYPERCALL_STATS], hypercall_tsc[HYPERCALL_STATS];   /* by number */
    struct walk_cache_entry walks[WALK_CACHE_SETS][WALK_CACHE_WAYS];
    char console_line[256]; unsigned int console_used;
};

enum domain_state { DOMAIN_BUILDING, DOMAIN_ALIVE, DOMAIN_SHUTDOWN_STARTED, DOMAIN_SHUTDOWN, DOMAIN_DYING, DOMAIN_DEAD };

struct domain {
    domid_t id;
    uint32_t refs;                     /* atomic */
    bool is_dom0;                      /* privileged */
    struct list link;                  /* in the list of domains, ascending id */
    bool complete;                     /* has its parts: is found there; atomic */
    xen_domain_handle_t handle;
    spinlock_t lock;                   /* rank DOMAIN */
    bool shutting_down, shut_down, dying, dead; uint32_t shutdown_reason;
    uint32_t pause_count;              /* by controllers */
    uint32_t max_vcpus; struct vcpu **vcpu;
    struct xen_domctl_createdomain config;

    struct p2m p2m;                    /* own lock */
    struct logdirty logdirty;          /* DOMCTL lock */
    uint64_t tot_pages, max_pages;     /* atomic */
    uint64_t claim;                    /* mm/frames.h's */
    uint64_t released;                 /* below this gfn a dying domain has given all up; DOMCTL lock */
    /* SCHEDOP_watchdog, under lock */
    struct domain_watchdog { struct timer timer; bool in_use; } watchdog[DOMAIN_WATCHDOGS];

    spinlock_t ioreq_lock; struct ioreq_servers ioreq;
    spinlock_t evtchn_lock; struct evtchn_domain evtchn;
    spinlock_t grant_lock; struct gnttab grants;
    spinlock_t vioapic_lock; unsigned int vioapic_count; struct vioapic *vioapic[DOMAIN_MAX_VIOAPICS];
    spinlock_t vdev_lock; struct platform *platform;   /* NULL: dom0, PVH guests */
    struct hvm_params params;
    mfn_t shared_info_mfn; void *shared_info; gfn_t shared_info_gfn; bool shared_32bit;
    bool has_callback_vector; uint8_t callback_vector;   /* HVM_PARAM_CALLBACK_IRQ type 2 */

    struct cpuid_policy cpuid;
    struct io_bus io_bus;
    struct vpci *vpci;                 /* dom0 only */
    uint8_t *io_bitmap, *msr_bitmap, *msr_bitmap_x2apic;
    struct guest_tsc tsc;
    struct viridian viridian;          /* its vCPUs write it as they like: nothing else depends on it */
    uint64_t vm_assist;
    struct sched_group sched;          /* parameters, cpupool */
    struct xen_memory_map *memory_map;  /* XENMEM_memory_map */
    struct { uint64_t start, size; uint32_t type; } e820[128]; unsigned int e820_count;
    uint64_t paging_mempool;
    bool no_apicv;
    uint64_t run_limit;                /* TSC ticks, 0: none; as in struct hw_vcpu_config */
};

/* HVMPV_*; 0: the domain has no enlightenments. */
static inline uint64_t domain_enlightenments(const struct domain *d) { return d->params.value[HVM_PARAM_VIRIDIAN]; }

/* Look-up: NULL or a referenced domain. DOMID_SELF is resolved by the caller (hypercall layer). */
struct domain *domain_get(domid_t id);
void domain_put(struct domain *d);
/* First domain with id >= from, referenced. */
struct domain *domain_get_next(domid_t from);
struct domain *domain_dom0(void);            /* not referenced */

/* id DOMID_INVALID: choose. -EEXIST, -ENOMEM, -EINVAL. The new domain is paused by its controller once. */
int domain_create(domid_t id, const struct xen_domctl_createdomain *config, struct domain **out) must_check;
/* MSRs that need no exit; before the vCPUs. domain_free() takes them away. */
int domain_make_msr_bitmaps(struct domain *d) must_check;
void domain_free_msr_bitmaps(struct domain *d);
int domain_add_vcpus(struct domain *d, uint32_t max) must_check;      /* all down */
void domain_pause(struct domain *d);                                  /* controller's count */
int domain_unpause(struct domain *d) must_check;                      /* -EINVAL: not paused */
void domain_shutdown(struct domain *d, uint32_t reason);              /* SHUTDOWN_*; VIRQ_DOM_EXC to dom0 */
/* The guest earned it: one line that says why, then shutdown(crash). dom0: the machine ends as noreboot says. */
void domain_crash(struct domain *d, const char *fmt, ...) printf_like(2, 3);
/* Frees in slices: -ERESTART while there is more to do. */
int domain_destroy(struct domain *d) must_check;

/* Events. Notification of a vCPU after a port became pending (upcall vector or callback, wake, poll). */
void vcpu_notify_event(struct vcpu *v);
void domain_notify(struct domain *d, uint32_t vcpu_or_none);          /* EVTCHN_NOTIFY_NONE: nothing */
void domain_raise_virq(struct domain *d, uint32_t virq);              /* global VIRQ */
void vcpu_raise_virq(struct vcpu *v, uint32_t virq);
void domain_raise_global_virq(uint32_t virq);                         /* to dom0 */
/* Delivers what evtchn_send_lookup() found, to whoever is there: a guest's port, or one of ours. */
void domain_deliver_event(const struct evtchn_target *to);
void domain_send_event(struct domain *d, uint32_t port);              /* from a port of ours */

/* Interrupts into a domain's virtual APICs. */
struct ioapic_msg;
/* False: no vCPU took it. */
bool domain_deliver_msg(struct domain *d, const struct ioapic_msg *m);
void domain_set_gsi(struct domain *d, unsigned int gsi, bool high);   /* locks VIOAPIC */
void vcpu_send_ipi(struct vcpu *from, const struct vlapic_ipi *ipi);
/* VIOAPIC lock held. */
struct vioapic *domain_vioapic_of_gsi(struct domain *d, unsigned int gsi, unsigned int *pin);

/* EOI of a level-triggered vector reached the IO-APICs. */
void domain_ioapic_eoi(struct domain *d, uint8_t vector);
/* dom0: the machine's interrupts and device memory (dom0_irq.c, dom0_mmio.c). */
void dom0_irq_init(void);
void dom0_gsi_changed(struct domain *d, unsigned int gsi, const struct vioapic_effect *e);
void dom0_gsi_ended(struct domain *d, unsigned int gsi);
/* Maps device memory at its own address when dom0 first touches it. -EPERM: not dom0's to have. */
int dom0_map_mmio(struct domain *d, gfn_t g) must_check;
/* Ranges that dom0 must never reach although they are no RAM of the allocator (APICs, IOMMU ...). */
int dom0_deny_mmio(gfn_t first, gfn_t last) must_check;
/* Neither RAM nor denied: a device of dom0's may be there. */
bool dom0_mmio_is_free(uint64_t first_gfn, uint64_t last_gfn);
/* Makes a hole where device memory is mapped; true: it was, the caller flushes. */
bool dom0_unmap_mmio(struct domain *d, gfn_t g);
/* dom0: PCI configuration space, MSI and MSI-X (dom0_pci.c). No locks held. */
int dom0_pci_init(struct domain *d) must_check;
bool dom0_pci_traps(struct domain *d, uint64_t first_gfn, uint64_t last_gfn);
/* An access to memory; false: not trapped for PCI's sake. */
bool dom0_pci_access(struct domain *d, struct io_req *req);
/* After an access with IO_EFFECT_TRAPS among its effects. */
void dom0_pci_settle(struct domain *d);
void dom0_msi_deliver(struct domain *d);

/* vcpu_info and shared_info placement; update of time areas. */
void vcpu_update_time(struct vcpu *v);                                /* pvclock in vcpu_info (+ registered area) */
void domain_update_wallclock(struct domain *d);
/* Which layout of shared_info the domain reads (xen/xen.h): that of the mode in which it sets up its callback or hypercall page. */
void domain_set_shared_layout(struct domain *d, bool bits32);
struct vcpu_time_info *vcpu_time_area(struct vcpu *v);
void vcpu_write_runstate(struct vcpu *v);                             /* on its own CPU */
void vcpu_place_info_default(struct vcpu *v);                         /* vcpu_info inside shared_info */
void vcpu_online(struct vcpu *v);
void vcpu_offline(struct vcpu *v);                                    /* unless INIT or SIPI is under way */
/* After sched_block_prepare() and a look at the events: sleeps, unless INIT or SIPI is under way. */
void vcpu_block(struct vcpu *v);

int vcpu_create(struct domain *d, uint32_t id) must_check;
void vcpu_destroy(struct vcpu *v);                                    /* NULL is fine; off every CPU */
/* This CPU takes over the vCPU's registers / gives them up; IRQs on. */
void vcpu_load(struct vcpu *v);
void vcpu_unload(struct vcpu *v);
/* A vector register of the current vCPU: 16 bytes, then AVX's where the machine has it (else zero). */
#define VECTOR_BYTES 32U
void vcpu_vector_get(struct vcpu *v, unsigned int n, uint8_t to[VECTOR_BYTES]);
void vcpu_vector_set(struct vcpu *v, unsigned int n, const uint8_t from[VECTOR_BYTES], unsigned int bytes);
/* The vCPU's TSC, now, and when it will stand there (NS_NEVER: not in a lifetime; in the past: now). */
uint64_t vcpu_tsc(const struct vcpu *v);
ns_t vcpu_tsc_deadline(const struct vcpu *v, uint64_t tsc);
/* IA32_TSC_ADJUST changes and the TSC with it. The vCPU is loaded. */
void vcpu_set_tsc_adjust(struct vcpu *v, uint64_t adjust);
void vcpu_apply_tsc(struct vcpu *v);                                  /* loaded: its CPU keeps this TSC */
void vcpu_load_debug(struct vcpu *v);                                 /* DR0-3, DR6 onto the CPU */
/* A #DB exit leaves DR6 alone: its causes, as in the exit qualification (SDM table 28-1), go there before the
 * exception is injected. */
void vcpu_note_debug(struct vcpu *v, uint64_t causes);
/* hw_set_cr() and, for PAE paging outside long mode, PDPTEs out of the guest's memory. The vCPU is loaded or borrowed.
 * false: the guest may not (#GP), and nothing has changed. */
bool vcpu_set_cr(struct vcpu *v, unsigned int n, uint64_t value) must_check;
uint64_t host_xcr0(void);
void domain_unlist(struct domain *d);

/* What the end of dom0 means is the machine's business; set once at boot. */
struct domain_hooks { void (*dom0_shutdown)(uint32_t reason); };
void domain_set_hooks(const struct domain_hooks *h);

static inline struct vcpu *vcpu_of_unit(struct sched_unit *u) { return container_of(u, struct vcpu, sched); }
static inline struct vcpu *domain_vcpu(const struct domain *d, uint32_t id)
{
    return id < d->max_vcpus ? d->vcpu[array_index_nospec(id, d->max_vcpus)] : NULL;
}
/* Any context; asked at every entry, mostly of vCPUs whose domain has no PIC, or one that is quiet. */
static inline bool vcpu_wants_extint(const struct vcpu *v)
{
    const struct platform *p = v->domain->platform;

    return p != NULL && unlikely(vpic_output(&p->pic)) && vcpu_extint_pending(v);
}
static inline struct vcpu *current_vcpu(void) { return this_cpu()->current; }

#endif
