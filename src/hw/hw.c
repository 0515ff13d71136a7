/* SPDX-License-Identifier: BSD-2-Clause */
#include "vendor.h"

#include <lib/log.h>
#include <x86/cpu.h>

#define CPUID_EXTENDED 0x80000000U
#define VENDOR_AMD_EBX 0x68747541U       /* "Auth"enticAMD */
#define VENDOR_HYGON_EBX 0x6f677948U     /* "Hygo"nGenuine */

struct hw_features hw_features ro_after_init;

static const char *const labels[EXIT_COUNT] = {
#define EXIT(name, hw, handler, what, label) [EXIT_##name] = (label),
#include <hv/exits.def>
#undef EXIT
    [EXIT_UNKNOWN] = "unknown exit reason",
    [EXIT_ENTRY_FAILED] = "VM entry failed",
};

bool hw_is_svm(void)
{
    uint32_t vendor = cpu_cpuid(0, 0).ebx;

    if (cpu_cpuid(1, 0).ecx & BIT(5))    /* VMX */
        return false;
    if (cpu_cpuid(CPUID_EXTENDED, 0).eax > CPUID_EXTENDED && (cpu_cpuid(CPUID_EXTENDED + 1, 0).ecx & BIT(2)))
        return true;
    return vendor == VENDOR_AMD_EBX || vendor == VENDOR_HYGON_EBX;
}

const char *hw_start(void)
{
    const char *problem = hw_probe();

    if (problem != NULL)
        return problem;
    hw_features = *hw_probed_features();
    log_info("Virtualisation: with %s", hw_features.name);
    return NULL;
}

const char *hw_exit_name(const struct vmexit *x)
{
    return (unsigned int)x->reason < EXIT_COUNT ? labels[x->reason] : "?";
}
