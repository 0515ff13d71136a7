/* SPDX-License-Identifier: BSD-2-Clause */
#include <x86/acpi.h>

#include "acpi_image.h"
#include "fake.h"
#include <errno.h>
#include <stdarg.h>
#include <cmocka.h>

static struct acpi_image image;
static struct acpi_info info;
static const struct acpi_memory memory = { acpi_image_map, &image };

static int setup(void **state)
{
    (void)state;
    fake_reset();
    memset(&image, 0, sizeof(image));
    memset(&info, 0xa5, sizeof(info));
    return 0;
}

/* Two CPUs (one more disabled), an IO-APIC, two overrides, an address override. */
static const uint8_t madt[] = {
    0x00, 0x00, 0xe0, 0xfe, 1, 0, 0, 0,
    0, 8, 0, 0, 1, 0, 0, 0,
    0, 8, 1, 2, 1, 0, 0, 0,
    0, 8, 2, 4, 0, 0, 0, 0,
    1, 12, 7, 0, 0x00, 0x00, 0xc0, 0xfe, 0, 0, 0, 0,
    2, 10, 0, 0, 2, 0, 0, 0, 0, 0,
    2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0,
    4, 6, 0xff, 0, 0, 1,
    9, 16, 0, 0, 0x2c, 0x01, 0, 0, 1, 0, 0, 0, 77, 0, 0, 0,
    5, 12, 0, 0, 0x00, 0x00, 0xe1, 0xfe, 0, 0, 0, 0,
};

static uint64_t xsdt_of(const uint64_t *tables, size_t n)
{
    return acpi_image_table(&image, "XSDT", tables, n * 8);
}

static int parse_xsdt(const uint64_t *tables, size_t n)
{
    acpi_image_rsdp(&image, 0, xsdt_of(tables, n));
    return acpi_parse(&memory, NULL, 0, &info);
}

static void level_lines_of_the_elcr_become_overrides_where_the_madt_has_none(void **state)
{
    (void)state;
    memset(&info, 0, sizeof(info));
    info.override_count = 1;
    info.override[0] = (struct acpi_override){ .source = 9, .gsi = 9, .flags = 0xd };
    acpi_add_elcr_overrides(&info, 0x0a00);          /* IRQs 9 and 11 */
    assert_int_equal(info.override_count, 2);
    assert_int_equal(info.override[0].flags, 0xd);
    assert_int_equal(info.override[1].source, 11);
    assert_int_equal(info.override[1].gsi, 11);
    assert_int_equal(info.override[1].flags, 0xf);
    acpi_add_elcr_overrides(&info, 0xffff);          /* nothing answers at those ports */
    assert_int_equal(info.override_count, 2);
}

static void a_madt_yields_cpus_ioapics_and_overrides(void **state)
{
    uint64_t t[] = { acpi_image_table(&image, "APIC", madt, sizeof(madt)) };

    (void)state;
    assert_int_equal(parse_xsdt(t, 1), 0);
    assert_int_equal(info.cpu_count, 3);
    assert_int_equal(info.cpu[1].apic_id, 2);
    assert_int_equal(info.cpu[1].uid, 1);
    assert_int_equal(info.cpu[2].apic_id, 300);
    assert_int_equal(info.cpu[2].uid, 77);
    assert_true(info.cpu[2].x2apic);
    assert_int_equal(info.ioapic_count, 1);
    assert_int_equal(info.ioapic[0].id, 7);
    assert_int_equal(info.ioapic[0].address, 0xfec00000);
    assert_int_equal(info.override_count, 2);
    assert_int_equal(info.override[1].flags, 0x0d);
    assert_int_equal(info.lapic_address, 0xfee10000);
    assert_int_equal(info.table_count, 1);
    assert_memory_equal(info.table[0].header.signature, "APIC", 4);
    assert_int_equal(info.xsdt.v != 0, 1);
    assert_memory_equal(info.oem_id, "TENON ", 6);
}

static void a_fadt_yields_ports_and_the_reset_register(void **state)
{
    uint8_t fadt[240 - 36] = { 0 };
    uint64_t t[1];

    (void)state;
    fadt[40 - 36 + 2] = 0x12;                                   /* DSDT 0x120000 */
    fadt[46 - 36] = 9;
    fadt[56 - 36 + 1] = 0xb0;
    fadt[64 - 36] = 4, fadt[64 - 36 + 1] = 0xb0;
    fadt[76 - 36] = 8, fadt[76 - 36 + 1] = 0xb0;
    fadt[91 - 36] = 4;
    fadt[112 - 36 + 1] = 0x05;                                  /* 32-bit timer, reset register */
    fadt[116 - 36] = 1, fadt[120 - 36] = 0xf9, fadt[121 - 36] = 0x0c, fadt[128 - 36] = 6;
    fadt[208 - 36] = 1, fadt[212 - 36] = 8, fadt[213 - 36] = 0x06; /* X_PM_TMR: port 0x608 */
    t[0] = acpi_image_table(&image, "FACP", fadt, sizeof(fadt));
    assert_int_equal(parse_xsdt(t, 1), 0);
    assert_int_equal(info.dsdt.v, 0x120000);
    assert_int_equal(info.sci_irq, 9);
    assert_int_equal(info.pm1a_evt_port, 0xb000);
    assert_int_equal(info.pm1a_cnt_port, 0xb004);
    assert_int_equal(info.pm_timer_port, 0x608);
    assert_true(info.pm_timer_32bit);
    assert_true(info.reset_supported);
    assert_int_equal(info.reset_address, 0xcf9);
    assert_int_equal(info.reset_value, 6);
}

static void mcfg_hpet_and_dmar_are_noticed(void **state)
{
    uint8_t mcfg[8 + 32] = { 0 }, hpet[20] = { 0 };
    uint64_t t[3];

    (void)state;
    mcfg[8 + 3] = 0xb0, mcfg[8 + 11] = 0xff;
    mcfg[24 + 3] = 0xc0, mcfg[24 + 10] = 9, mcfg[24 + 11] = 3;  /* ends before it starts */
    hpet[44 - 36 + 2] = 0xd0, hpet[44 - 36 + 3] = 0xfe;
    t[0] = acpi_image_table(&image, "MCFG", mcfg, sizeof(mcfg));
    t[1] = acpi_image_table(&image, "HPET", hpet, sizeof(hpet));
    t[2] = acpi_image_table(&image, "DMAR", NULL, 0);
    assert_int_equal(parse_xsdt(t, 3), 0);
    assert_int_equal(info.mcfg_count, 1);
    assert_int_equal(info.mcfg[0].base, 0xb0000000);
    assert_int_equal(info.mcfg[0].bus_end, 0xff);
    assert_int_equal(info.hpet.v, 0xfed00000);
    assert_true(info.dmar);
}

static void without_an_rsdp_there_is_no_acpi(void **state)
{
    (void)state;
    assert_int_equal(acpi_parse(&memory, NULL, 0, &info), -ENOENT);
    acpi_image_rsdp(&image, 0, 0);
    image.bytes[8]++;
    assert_int_equal(acpi_parse(&memory, NULL, 0, &info), -ENOENT);
}

static void a_damaged_rsdp_from_the_loader_is_replaced_by_a_search(void **state)
{
    uint64_t t[] = { acpi_image_table(&image, "APIC", madt, sizeof(madt)) };
    uint64_t at = acpi_image_rsdp(&image, 0, xsdt_of(t, 1));
    uint8_t copy[36];

    (void)state;
    memcpy(copy, image.bytes + (at - ACPI_IMAGE_BASE), 36);
    assert_int_equal(acpi_parse(&memory, copy, 36, &info), 0);
    assert_int_equal(info.rsdp.v, 0);
    copy[10]++;
    assert_int_equal(acpi_parse(&memory, copy, 36, &info), 0);
    assert_int_equal(info.rsdp.v, at);
    assert_int_equal(acpi_parse(&memory, copy, 3, &info), 0);
    assert_int_equal(info.cpu_count, 3);
}

static void a_broken_xsdt_falls_back_to_the_rsdt(void **state)
{
    uint32_t entries[1] = { (uint32_t)acpi_image_table(&image, "APIC", madt, sizeof(madt)) };
    uint64_t rsdt = acpi_image_table(&image, "RSDT", entries, sizeof(entries));
    uint64_t xsdt = xsdt_of((uint64_t[]){ 0xe0000 }, 1);

    (void)state;
    acpi_image_rsdp(&image, (uint32_t)rsdt, xsdt);
    image.bytes[xsdt - ACPI_IMAGE_BASE + 20]++;
    assert_int_equal(acpi_parse(&memory, NULL, 0, &info), 0);
    assert_int_equal(info.cpu_count, 3);
    assert_int_equal(info.xsdt.v, 0);
    image.bytes[rsdt - ACPI_IMAGE_BASE + 20]++;
    assert_int_equal(acpi_parse(&memory, NULL, 0, &info), -EINVAL);
}

static void tables_with_errors_are_skipped_and_the_others_kept(void **state)
{
    uint64_t t[5];
    uint32_t huge = 0x7fffffff, tiny = 35;

    (void)state;
    t[0] = acpi_image_table(&image, "DMAR", NULL, 0);
    image.bytes[t[0] - ACPI_IMAGE_BASE + 12]++;
    t[1] = 0x12345678;
    t[2] = acpi_image_table(&image, "SSDT", NULL, 0);
    memcpy(image.bytes + (t[2] - ACPI_IMAGE_BASE) + 4, &huge, 4);
    t[3] = acpi_image_table(&image, "SSDT", NULL, 0);
    memcpy(image.bytes + (t[3] - ACPI_IMAGE_BASE) + 4, &tiny, 4);
    t[4] = acpi_image_table(&image, "APIC", madt, sizeof(madt));
    assert_int_equal(parse_xsdt(t, 5), 0);
    assert_int_equal(info.table_count, 1);
    assert_false(info.dmar);
    assert_int_equal(info.cpu_count, 3);
}

static void a_madt_entry_that_runs_over_the_end_stops_the_walk(void **state)
{
    uint8_t body[] = { 0, 0, 0xe0, 0xfe, 0, 0, 0, 0, 0, 8, 0, 0, 1, 0, 0, 0,
                       1, 4, 0, 0, 0, 9, 1, 3 };
    uint8_t zero[] = { 0, 0, 0xe0, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0 };
    uint64_t t[] = { acpi_image_table(&image, "APIC", body, sizeof(body)) };

    (void)state;
    assert_int_equal(parse_xsdt(t, 1), 0);
    assert_int_equal(info.cpu_count, 1);
    assert_int_equal(info.ioapic_count, 0);
    setup(NULL);
    t[0] = acpi_image_table(&image, "APIC", zero, sizeof(zero));
    assert_int_equal(parse_xsdt(t, 1), 0);
    assert_int_equal(info.cpu_count, 0);
}

static void more_cpus_than_supported_are_left_out_and_doubles_counted_once(void **state)
{
    static uint8_t body[8 + 16 * 400];
    uint64_t t[1];

    (void)state;
    for (unsigned int i = 0; i < 400; i++) {
        uint8_t *e = body + 8 + 16 * i;

        e[0] = 9, e[1] = 16, e[8] = 1;
        e[4] = (uint8_t)(i / 2), e[5] = (uint8_t)(i / 2 >> 8);
        e[12] = (uint8_t)i;
    }
    t[0] = acpi_image_table(&image, "APIC", body, sizeof(body));
    assert_int_equal(parse_xsdt(t, 1), 0);
    assert_int_equal(info.cpu_count, MAX_CPUS);
    assert_int_equal(info.cpu[MAX_CPUS - 1].apic_id, MAX_CPUS - 1);
}

static void too_many_of_anything_is_survived(void **state)
{
    static uint8_t body[8 + 12 * 40 + 10 * 60];
    uint64_t t[80];

    (void)state;
    for (unsigned int i = 0; i < 40; i++) {
        uint8_t *e = body + 8 + 12 * i;

        e[0] = 1, e[1] = 12, e[7] = 0xfe;
    }
    for (unsigned int i = 0; i < 60; i++) {
        uint8_t *e = body + 8 + 12 * 40 + 10 * i;

        e[0] = 2, e[1] = 10;
    }
    for (unsigned int i = 0; i < 79; i++)
        t[i] = acpi_image_table(&image, "SSDT", NULL, 0);
    t[79] = 0;
    for (unsigned int i = 79; i > 0; i--)
        t[i] = t[i - 1];
    t[0] = acpi_image_table(&image, "APIC", body, sizeof(body));
    assert_int_equal(parse_xsdt(t, 80), 0);
    assert_int_equal(info.table_count, ACPI_MAX_TABLES);
    assert_int_equal(info.ioapic_count, ACPI_MAX_IOAPICS);
    assert_int_equal(info.override_count, ACPI_MAX_OVERRIDES);
}

/* Every single byte of a whole set of tables, damaged: nothing worse than a table less. */
static void no_damaged_byte_leads_outside(void **state)
{
    uint64_t t[2];
    uint32_t used;

    (void)state;
    t[0] = acpi_image_table(&image, "APIC", madt, sizeof(madt));
    t[1] = acpi_image_table(&image, "HPET", NULL, 0);
    (void)parse_xsdt(t, 2);
    used = image.used;
    for (uint32_t i = 0; i < used; i++)
        for (unsigned int bit = 0; bit < 8; bit++) {
            image.bytes[i] ^= (uint8_t)(1U << bit);
            (void)!acpi_parse(&memory, NULL, 0, &info);
            image.bytes[i] ^= (uint8_t)(1U << bit);
        }
    assert_int_equal(acpi_parse(&memory, NULL, 0, &info), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(level_lines_of_the_elcr_become_overrides_where_the_madt_has_none, setup),
        cmocka_unit_test_setup(a_madt_yields_cpus_ioapics_and_overrides, setup),
        cmocka_unit_test_setup(a_fadt_yields_ports_and_the_reset_register, setup),
        cmocka_unit_test_setup(mcfg_hpet_and_dmar_are_noticed, setup),
        cmocka_unit_test_setup(without_an_rsdp_there_is_no_acpi, setup),
        cmocka_unit_test_setup(a_damaged_rsdp_from_the_loader_is_replaced_by_a_search, setup),
        cmocka_unit_test_setup(a_broken_xsdt_falls_back_to_the_rsdt, setup),
        cmocka_unit_test_setup(tables_with_errors_are_skipped_and_the_others_kept, setup),
        cmocka_unit_test_setup(a_madt_entry_that_runs_over_the_end_stops_the_walk, setup),
        cmocka_unit_test_setup(more_cpus_than_supported_are_left_out_and_doubles_counted_once, setup),
        cmocka_unit_test_setup(too_many_of_anything_is_survived, setup),
        cmocka_unit_test_setup(no_damaged_byte_leads_outside, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
