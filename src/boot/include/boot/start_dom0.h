/* SPDX-License-Identifier: BSD-2-Clause */
/* The last step of the boot: dom0 from the boot modules. Called once, on the boot CPU, all CPUs online. */
#ifndef BOOT_START_DOM0_H
#define BOOT_START_DOM0_H

#include <boot/bootinfo.h>
#include <boot/cmdline.h>
#include <dom0/layout.h>
#include <x86/acpi.h>

struct start_dom0_input {
    const struct bootinfo *boot;
    const struct cmdline *options;
    const struct acpi_info *acpi;
    const struct acpi_memory *acpi_memory;
    const struct memmap *host_map;                          /* normalised */
    const struct mem_region *kept; unsigned int kept_count; /* image, tables, first pool of frames */
};
/* NULL: dom0 is runnable and the CPUs may enter cpu_loop(); else a sentence for the admin. RAM that neither dom0 nor we
 * hold goes to the frame allocator. */
const char *start_dom0(const struct start_dom0_input *in) must_check;

#endif
