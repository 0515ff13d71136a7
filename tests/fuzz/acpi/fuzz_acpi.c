/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI parser on hostile tables. First byte odd: the input is the memory as it is. Even: it is cut
 * into tables that get right checksums and a right XSDT, so that their contents are reached.
 */
#include "acpi_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct acpi_image image;

static void as_memory(const uint8_t *data, size_t size)
{
    memcpy(image.bytes, data, size < ACPI_IMAGE_SIZE ? size : ACPI_IMAGE_SIZE);
}

/* Each piece: signature number, length (two bytes), body. */
static void as_tables(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "APIC", "FACP", "MCFG", "HPET", "DMAR", "SSDT", "RSDT", "XXXX" };
    uint64_t tables[80];
    size_t n = 0;

    while (size >= 3 && n < 80) {
        size_t body = data[1] | (size_t)(data[2] & 7) << 8;
        const char *name = names[data[0] & 7];

        data += 3;
        size -= 3;
        body = body < size ? body : size;
        if (image.used + body + 2000 > ACPI_IMAGE_SIZE)
            break;
        tables[n++] = acpi_image_table(&image, name, data, body);
        data += body;
        size -= body;
    }
    acpi_image_rsdp(&image, 0, acpi_image_table(&image, "XSDT", tables, n * 8));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct acpi_info info;
    const struct acpi_memory memory = { acpi_image_map, &image };

    if (size == 0)
        return 0;
    memset(&image, 0, sizeof(image));
    if (data[0] & 1)
        as_memory(data + 1, size - 1);
    else
        as_tables(data + 1, size - 1);
    (void)!acpi_parse(&memory, NULL, 0, &info);
    (void)!acpi_parse(&memory, data, size, &info);
    return 0;
}
