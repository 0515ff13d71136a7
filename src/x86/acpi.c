/* SPDX-License-Identifier: BSD-2-Clause */
#include <x86/acpi.h>

static const struct acpi_info *host;

const struct acpi_info *acpi_host(void) { return host; }
void acpi_set_host(const struct acpi_info *info) { host = info; }
