/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts dom0 together in memory from the boot modules, before the domain exists: everything that
 * can fail is checked before the first byte of dom0's RAM is written, except for a guest() port
 * that refuses.
 *
 * Boot code only, one CPU, no locks. It does not create the domain, nor map anything: dom0's RAM
 * is written through guest().
 *
 * Where the sources lie: the decompressed kernel (in memory from `scratch`) and the initrd must
 * not be where parts of dom0 are written. With pa_of() that is seen to here, wherever in RAM they
 * are, except that the kernel's own range (16-74 MiB for Debian's) cannot be avoided: move
 * modules out of it first. Without pa_of() the caller guarantees it, by layout.kept or
 * layout.busy. Command line, ACPI tables and the layout's arrays are the caller's, and outside of
 * dom0's RAM.
 */
#ifndef DOM0_BUILD_H
#define DOM0_BUILD_H

#include <dom0/acpi_tables.h>
#include <dom0/image.h>
#include <dom0/layout.h>

struct dom0_build_request {
    const void *kernel;
    size_t kernel_size;
    const void *initrd;                  /* may be NULL */
    size_t initrd_size;
    const char *cmdline;                 /* dom0's, complete (swiotlb=force already appended) */
    struct dom0_layout_request layout;   /* its kernel_* and sizes are set here */
    const struct acpi_info *acpi;
    const struct acpi_memory *acpi_memory;
    unsigned int vcpus;
    struct image_memory scratch;         /* decompressor output and work space */
    /* dom0's RAM, pa == gpa; NULL when it cannot be reached. */
    void *(*guest)(void *ctx, uint64_t pa, size_t size);
    /* The physical address of scratch memory and of the initrd; may be NULL. */
    uint64_t (*pa_of)(void *ctx, const void *p);
    void *ctx;                           /* of both */
};
struct dom0_build_result {
    struct dom0_layout layout;
    uint32_t entry, start_info;          /* EIP and EBX of dom0's first CPU */
    const char *kernel_format;
};
/* NULL, or a sentence for the admin. */
const char *dom0_build(const struct dom0_build_request *req,
                       struct dom0_build_result *out) must_check;

#endif
