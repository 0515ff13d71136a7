/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts dom0 together in memory from the boot modules, before the domain exists: everything that can fail is checked first. */
#ifndef DOM0_BUILD_H
#define DOM0_BUILD_H

#include <dom0/acpi_tables.h>
#include <dom0/image.h>
#include <dom0/layout.h>

struct dom0_build_request {
    const void *kernel; size_t kernel_size;
    const void *initrd; size_t initrd_size;    /* may be NULL, 0 */
    const char *cmdline;                       /* dom0's, complete (swiotlb=force already appended) */
    struct dom0_layout_request layout;
    const struct acpi_info *acpi; const struct acpi_memory *acpi_memory;
    unsigned int vcpus;
    struct image_memory scratch;               /* decompressor output */
    void *(*guest)(void *ctx, uint64_t pa, size_t size); void *ctx;   /* dom0 RAM, pa == gpa */
};
struct dom0_build_result { struct dom0_layout layout; uint32_t entry; uint32_t start_info; const char *kernel_format; };
const char *dom0_build(const struct dom0_build_request *req, struct dom0_build_result *out) must_check;

#endif
