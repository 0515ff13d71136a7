/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypercall door (xen/xen.h __HYPERVISOR_*): table row -> one fetch of the argument -> check -> commit -> copy out -> RAX.
 * Called by src/vcpu for VMCALL and by the ABI rig for a tool's ioctl. No lock is held on entry or exit.
 */
#ifndef HYPERCALL_HYPERCALL_H
#define HYPERCALL_HYPERCALL_H

#include <hv/types.h>

struct vcpu;

/* nr and args as the ABI's registers say; bits32: a 32-bit caller. Returns the value for RAX; sets v->hc_restart and changes args
 * when the call must be issued again (continuation). CPL has been checked by the caller. */
int64_t hypercall_call(struct vcpu *v, uint64_t nr, uint64_t args[6], bool bits32);

/* What sysctl/platform ops need to know of the machine and boot; set once at boot (and by the rig). */
struct hypercall_environment {
    char cmdline[1024];            /* XENVER_commandline: contains dom0_mem= as given */
    char compile_by[64], compile_date[64], compiler[64];
    void (*debug_key)(uint8_t key);
    void (*reboot)(void); void (*power_off)(void);
    bool noreboot;
    const struct pci_topology *pci;
};
extern struct hypercall_environment hypercall_env;

#endif
