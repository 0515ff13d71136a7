/* SPDX-License-Identifier: BSD-2-Clause */
/* A window of memory with ACPI tables in it, built piece by piece with right checksums. Header only. */
#ifndef FAKE_ACPI_IMAGE_H
#define FAKE_ACPI_IMAGE_H

#include <string.h>
#include <x86/acpi.h>

#define ACPI_IMAGE_BASE 0xe0000UL
#define ACPI_IMAGE_SIZE 0x20000UL

struct acpi_image { uint8_t bytes[ACPI_IMAGE_SIZE]; uint32_t used; };

static inline const void *acpi_image_map(void *ctx, hpa_t a, size_t size)
{
    const struct acpi_image *im = ctx;

    if (a.v < ACPI_IMAGE_BASE || a.v - ACPI_IMAGE_BASE > ACPI_IMAGE_SIZE ||
        size > ACPI_IMAGE_SIZE - (a.v - ACPI_IMAGE_BASE))
        return NULL;
    return im->bytes + (a.v - ACPI_IMAGE_BASE);
}

static inline uint8_t acpi_image_sum(const uint8_t *p, size_t n)
{
    uint8_t sum = 0;

    while (n-- > 0)
        sum = (uint8_t)(sum + *p++);
    return (uint8_t)-sum;
}

/* A table of 36 + n bytes; returns its address. */
static inline uint64_t acpi_image_table(struct acpi_image *im, const char *signature,
                                        const void *body, size_t n)
{
    uint8_t *t = im->bytes + im->used;
    uint32_t length = (uint32_t)(36 + n);
    uint64_t at = ACPI_IMAGE_BASE + im->used;

    memset(t, 0, 36);
    memcpy(t, signature, 4);
    memcpy(t + 4, &length, 4);
    if (n != 0)
        memcpy(t + 36, body, n);
    t[9] = acpi_image_sum(t, length);
    im->used += (length + 15) & ~15U;
    return at;
}

/* Revision 2 if xsdt is not 0; the pointer goes to the next 16-byte boundary. */
static inline uint64_t acpi_image_rsdp(struct acpi_image *im, uint32_t rsdt, uint64_t xsdt)
{
    uint8_t *p = im->bytes + im->used;
    uint64_t at = ACPI_IMAGE_BASE + im->used;
    uint32_t length = 36;

    memset(p, 0, 36);
    memcpy(p, "RSD PTR ", 8);
    memcpy(p + 9, "TENON ", 6);
    p[15] = xsdt != 0 ? 2 : 0;
    memcpy(p + 16, &rsdt, 4);
    if (xsdt != 0) {
        memcpy(p + 20, &length, 4);
        memcpy(p + 24, &xsdt, 8);
    }
    p[8] = acpi_image_sum(p, 20);
    p[32] = acpi_image_sum(p, 36);
    im->used += 48;
    return at;
}

#endif
