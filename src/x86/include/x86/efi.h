/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UEFI as it stands after the boot loader has left the boot services: what the system table says,
 * the memory map, and calls of runtime services on behalf of dom0.
 *
 * Runtime services run in a second set of page tables, where the runtime regions stand at their
 * physical addresses and the hypervisor's own half of the address space is as always:
 * SetVirtualAddressMap() is never called, so nothing of ours is known to the firmware. Calls come one at
 * a time (EFI lock), with interrupts on, and never from an interrupt handler. Everything is read once at
 * boot and read-only afterwards. (UEFI specification 2.10, chapters 4.3, 7.2 and 8.)
 */
#ifndef X86_EFI_H
#define X86_EFI_H

#include <hv/types.h>
#include <x86/acpi.h>

#define EFI_MAX_REGIONS 256U
#define EFI_VENDOR_MAX 64U         /* UTF-16 units, the closing zero included */

#define EFI_RUNTIME_CODE 5U
#define EFI_RUNTIME_DATA 6U
#define EFI_ATTR_UC BIT(0)
#define EFI_ATTR_WB BIT(3)
#define EFI_ATTR_RUNTIME BIT(63)   /* the firmware's own, as long as the machine is on */

#define EFI_ERROR(n) (BIT(63) | (n))
#define EFI_SUCCESS 0ULL
#define EFI_INVALID_PARAMETER EFI_ERROR(2)
#define EFI_UNSUPPORTED EFI_ERROR(3)
#define EFI_BUFFER_TOO_SMALL EFI_ERROR(5)
#define EFI_OUT_OF_RESOURCES EFI_ERROR(9)
#define EFI_NOT_FOUND EFI_ERROR(14)

/* Services, in the order of their table; the numbers are its slots. */
enum efi_service {
    EFI_GET_TIME = 0, EFI_SET_TIME = 1, EFI_GET_WAKEUP_TIME = 2, EFI_SET_WAKEUP_TIME = 3,
    EFI_GET_VARIABLE = 6, EFI_GET_NEXT_VARIABLE_NAME = 7, EFI_SET_VARIABLE = 8,
    EFI_GET_NEXT_HIGH_MONOTONIC_COUNT = 9, EFI_QUERY_VARIABLE_INFO = 13, EFI_SERVICE_COUNT = 14,
};

struct efi_region { uint64_t start, size, attributes; uint32_t type; };

struct efi_machine {
    bool present;                  /* booted by UEFI, and its system table is good */
    bool runtime;                  /* efi_call() works */
    uint32_t revision, firmware_revision, runtime_revision;
    uint64_t config_table;         /* physical */
    uint32_t config_count;
    uint16_t vendor[EFI_VENDOR_MAX];
    uint64_t service[EFI_SERVICE_COUNT];
    unsigned int region_count;
    struct efi_region region[EFI_MAX_REGIONS];
};

/*
 * Reads the tables through mem; out->region is set already. Everything that firmware points to must lie
 * in regions that are its own at runtime. False (with a line in the log): out->present stays false. Pure.
 */
bool efi_parse(const struct acpi_memory *mem, uint64_t system_table, struct efi_machine *out);
/* The region that an address lies in, or NULL. */
const struct efi_region *efi_region_of(const struct efi_machine *m, uint64_t address);

/* The machine's; present is false on one that booted by BIOS. */
const struct efi_machine *efi_host(void);
/* Boot CPU, once the device area is in use: takes over what efi_parse() found and makes the page tables for calls. */
void efi_set_host(const struct efi_machine *m);

/*
 * One call; unused arguments are ignored. Pointers among them are the hypervisor's own virtual addresses.
 * Returns the service's EFI_STATUS; EFI_UNSUPPORTED where there are no runtime services.
 */
uint64_t efi_call(enum efi_service s, const uint64_t arg[5]);

#endif
