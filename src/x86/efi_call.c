/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls into the firmware. It finds its regions at their physical addresses, our half of the address space
 * (stack, arguments, interrupt handlers) as always, the floating-point unit in its initial state, and
 * interrupts on. What the unit held is the guest's and is put back. Compiled code of ours uses no SSE
 * register, so the unit's legacy part is all that firmware changes.
 */
#include <x86/efi.h>

#include <lib/log.h>
#include <x86/cpu.h>
#include <x86/paging.h>
#include <x86/spinlock.h>

typedef uint64_t (__attribute__((ms_abi)) *efi_function)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

static struct efi_machine host ro_after_init;
static hpa_t tables ro_after_init;
static spinlock_t efi_lock = SPINLOCK_INIT(LOCK_EFI);
static uint8_t fpu_image[512] aligned_to(16);       /* under the lock */

const struct efi_machine *efi_host(void) { return &host; }

static init_text bool map_regions(void)
{
    tables = paging_second_root();
    if (tables.v == 0)
        return false;
    for (unsigned int i = 0; i < host.region_count; i++) {
        const struct efi_region *r = &host.region[i];
        struct paging_range range = { r->start, r->start + r->size };

        if ((r->attributes & EFI_ATTR_RUNTIME) &&
            !paging_map_identity(tables, range, r->type == EFI_RUNTIME_CODE,
                                 r->attributes & EFI_ATTR_WB ? MAP_WB : MAP_UC))
            return false;
    }
    return true;
}

init_text void efi_set_host(const struct efi_machine *m)
{
    host = *m;
    if (host.runtime && !map_regions()) {
        log_warn("UEFI: the runtime regions cannot be mapped, doing without runtime services");
        host.runtime = false;
    }
}

uint64_t efi_call(enum efi_service s, const uint64_t arg[5])
{
    efi_function fn = (efi_function)(uintptr_t)(host.runtime ? host.service[s] : 0);
    uint64_t status;

    if (fn == NULL)
        return EFI_UNSUPPORTED;
    spin_lock(&efi_lock);
    paging_enter_second_root(tables);
    cpu_fpu_borrow(fpu_image);
    status = fn(arg[0], arg[1], arg[2], arg[3], arg[4]);
    cpu_fpu_give_back(fpu_image);
    paging_leave_second_root();
    spin_unlock(&efi_lock);
    return status;
}
