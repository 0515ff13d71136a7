/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypercall door (xen/xen.h __HYPERVISOR_*): table row -> one fetch of the argument -> check ->
 * commit -> copy out -> RAX. Called by src/vcpu for VMCALL and by the ABI rig for a tool's ioctl.
 * No lock is held on entry or exit. It never trusts a guest's pointer (domain/guest_access.h),
 * never keeps state between calls outside struct domain/vcpu, and never blocks: a vCPU that shall
 * sleep is only marked so.
 */
#ifndef HYPERCALL_HYPERCALL_H
#define HYPERCALL_HYPERCALL_H

#include <hv/types.h>

struct vcpu;

/*
 * nr and args as the ABI's registers say; bits32: a 32-bit caller. Returns the value for RAX. When
 * v->hc_restart is set on return, the call must be issued again with the changed args: the caller
 * leaves RIP on the VMCALL and RAX as it was, and writes args back to the argument registers. CPL
 * has been checked by the caller.
 */
int64_t hypercall_call(struct vcpu *v, uint64_t nr, uint64_t args[6], bool bits32);

struct hypercall_range { uint64_t start, size; uint32_t type; };

/* What sysctl and platform ops need to know of the machine and boot; set once at boot (and by the
 * rig). */
struct hypercall_environment {
    char cmdline[1024];            /* XENVER_commandline: contains dom0_mem= as given */
    char compile_by[64], compile_date[64], compiler[64];
    void (*debug_key)(uint8_t key);
    void (*reboot)(void);
    void (*power_off)(void);
    bool noreboot;
    const struct pci_topology *pci;
    /* Instead of what is typed on the serial line for dom0; NULL: that. Returns how many. */
    size_t (*console_read)(char *to, size_t size);
    const struct hypercall_range *memory_map;   /* the machine's, for XENMEM_machine_memory_map */
    unsigned int memory_map_count;
    const void *dom0_console;      /* struct dom0_vga_console_info, or NULL */
    size_t dom0_console_size;
};
extern struct hypercall_environment hypercall_env;

#endif
