/* SPDX-License-Identifier: BSD-2-Clause */
/* UEFI runtime services that a test answers itself. */
#include "fake.h"
#include "fake_private.h"

static struct efi_machine host;
static uint64_t (*services)(enum efi_service s, const uint64_t arg[5]);

const struct efi_machine *efi_host(void) { return &host; }
void efi_set_host(const struct efi_machine *m) { host = *m; }
void fake_efi_services(uint64_t (*fn)(enum efi_service s, const uint64_t arg[5])) { services = fn; }

uint64_t efi_call(enum efi_service s, const uint64_t arg[5])
{
    return host.runtime && services != NULL ? services(s, arg) : EFI_UNSUPPORTED;
}

void fake_efi_reset(void)
{
    static const struct efi_machine none;

    host = none;
    services = NULL;
}
