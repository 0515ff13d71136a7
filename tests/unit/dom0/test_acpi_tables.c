/* SPDX-License-Identifier: BSD-2-Clause */
#include <dom0/acpi_tables.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "acpi_host.h"

#define AT 0x7ff00000ULL

static struct acpi_info host;
static uint8_t buffer[65536];

static int setup(void **state)
{
    (void)state;
    acpi_host_machine(&host);
    memset(buffer, 0xee, sizeof(buffer));
    return 0;
}

static uint64_t get(const uint8_t *p, unsigned int size)
{
    uint64_t v = 0;

    memcpy(&v, p, size);
    return v;
}

static unsigned int sum(const uint8_t *p, size_t size)
{
    unsigned int s = 0;

    while (size--)
        s += *p++;
    return s & 0xff;
}

static const uint8_t *xsdt(void) { return buffer + (get(buffer + 24, 8) - AT); }
static const uint8_t *madt(void) { return buffer + (get(xsdt() + 36, 8) - AT); }

static void build(unsigned int vcpus)
{
    size_t need = dom0_acpi_size(&host, vcpus);

    assert_int_equal(dom0_acpi_build(&host, NULL, vcpus, AT, buffer, need), need);
    assert_int_equal(buffer[need], 0xee);
}

static void the_rsdp_is_of_revision_2_with_both_checksums_and_no_rsdt(void **state)
{
    (void)state;
    build(2);
    assert_memory_equal(buffer, "RSD PTR ", 8);
    assert_int_equal(sum(buffer, 20), 0);
    assert_int_equal(sum(buffer, 36), 0);
    assert_int_equal(buffer[15], 2);
    assert_int_equal(get(buffer + 16, 4), 0);
    assert_int_equal(get(buffer + 20, 4), 36);
    assert_memory_equal(buffer + 9, "TESTER", 6);
}

static void the_xsdt_names_the_madt_and_only_what_is_let_through(void **state)
{
    const uint8_t *x;

    (void)state;
    build(2);
    x = xsdt();
    assert_memory_equal(x, "XSDT", 4);
    assert_int_equal(x[8], 1);
    assert_int_equal(sum(x, get(x + 4, 4)), 0);
    assert_int_equal(get(x + 4, 4), 36 + 5 * 8);
    assert_memory_equal(madt(), "APIC", 4);
    assert_int_equal(get(x + 44, 8), 0x7ffe1000);
    assert_int_equal(get(x + 52, 8), 0x7ffe4000);
    assert_int_equal(get(x + 60, 8), 0x7ffe6000);
    assert_int_equal(get(x + 68, 8), 0x7ffe7000);
}

static const void *map_native(void *ctx, hpa_t a, size_t size)
{
    static struct acpi_header native = { .signature = "RSDT", .revision = 9, .oem_id = "NATIVE" };

    (void)ctx;
    return a.v == 0x1234 && size == sizeof(native) ? &native : NULL;
}

static void the_xsdts_header_is_the_hosts_when_it_has_one(void **state)
{
    struct acpi_memory mem = { map_native, NULL };
    size_t need = dom0_acpi_size(&host, 1);

    (void)state;
    host.xsdt = hpa_of(0x1234);
    assert_int_equal(dom0_acpi_build(&host, &mem, 1, AT, buffer, sizeof(buffer)), need);
    assert_memory_equal(xsdt(), "XSDT", 4);
    assert_memory_equal(xsdt() + 10, "NATIVE", 6);
    assert_int_equal(xsdt()[8], 1);
    assert_int_equal(sum(xsdt(), get(xsdt() + 4, 4)), 0);
    host.xsdt = hpa_of(0x9999);   /* unreadable: somebody else's header */
    assert_int_equal(dom0_acpi_build(&host, &mem, 1, AT, buffer, sizeof(buffer)), need);
    assert_memory_equal(xsdt() + 10, "TESTER", 6);
}

static void the_madt_has_one_x2apic_entry_per_vcpu_with_twice_its_number_as_id(void **state)
{
    static const unsigned int counts[] = { 1, 2, 4, 64, 128 };

    (void)state;
    for (unsigned int c = 0; c < 5; c++) {
        unsigned int cpus = 0, ioapics = 0, overrides = 0;
        const uint8_t *m, *p;

        build(counts[c]);
        memset(buffer + dom0_acpi_size(&host, counts[c]), 0xee, 16);
        m = madt();
        assert_int_equal(sum(m, get(m + 4, 4)), 0);
        assert_int_equal(m[8], 4);
        assert_int_equal(get(m + 36, 4), 0xfee00000);
        assert_int_equal(get(m + 40, 4), 0);
        for (p = m + 44; p < m + get(m + 4, 4); p += p[1]) {
            assert_true(p[1] >= 2);
            switch (p[0]) {
            case 1:
                assert_int_equal(p[1], 12);
                assert_int_equal(p[2], host.ioapic[ioapics].id);
                assert_int_equal(get(p + 4, 4), host.ioapic[ioapics].address);
                assert_int_equal(get(p + 8, 4), host.ioapic[ioapics].gsi_base);
                ioapics++;
                break;
            case 2:
                assert_int_equal(p[1], 10);
                assert_int_equal(p[2], 0);
                assert_int_equal(p[3], host.override[overrides].source);
                assert_int_equal(get(p + 4, 4), host.override[overrides].gsi);
                assert_int_equal(get(p + 8, 2), host.override[overrides].flags);
                overrides++;
                break;
            case 9:
                assert_int_equal(p[1], 16);
                assert_int_equal(get(p + 4, 4), 2 * cpus);
                assert_int_equal(get(p + 8, 4), 1);
                assert_int_equal(get(p + 12, 4), cpus);
                cpus++;
                break;
            default:
                fail_msg("entry of type %u", p[0]);
            }
        }
        assert_ptr_equal(p, m + get(m + 4, 4));
        assert_int_equal(cpus, counts[c]);
        assert_int_equal(ioapics, 2);
        assert_int_equal(overrides, 2);
    }
}

static void every_ioapic_and_override_of_a_large_machine_is_named(void **state)
{
    unsigned int ioapics = 0, overrides = 0;
    const uint8_t *m, *e;

    (void)state;
    for (unsigned int i = 0; i < ACPI_MAX_IOAPICS; i++)
        host.ioapic[i] = (struct acpi_ioapic){ .id = (uint8_t)(i + 8), .address = 0xfec00000 + i * 0x1000,
                                               .gsi_base = i * 24 };
    host.ioapic_count = ACPI_MAX_IOAPICS;
    for (unsigned int i = 0; i < ACPI_MAX_OVERRIDES; i++)
        host.override[i] = (struct acpi_override){ .source = (uint8_t)(i % 16), .gsi = 300 + i, .flags = 15 };
    host.override_count = ACPI_MAX_OVERRIDES;
    build(128);
    m = madt();
    for (e = m + 44; e < m + get(m + 4, 4); e += e[1]) {
        assert_true(e[1] >= 8);
        if (e[0] == 1) {
            assert_int_equal(get(e + 8, 4), ioapics * 24);
            assert_int_equal(get(e + 4, 4), 0xfec00000 + ioapics * 0x1000);
            ioapics++;
        }
        if (e[0] == 2)
            assert_int_equal(get(e + 4, 4), 300 + overrides++);
    }
    assert_int_equal(ioapics, ACPI_MAX_IOAPICS);
    assert_int_equal(overrides, ACPI_MAX_OVERRIDES);
}

static void a_buffer_that_is_too_small_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(dom0_acpi_build(&host, NULL, 2, AT, buffer, dom0_acpi_size(&host, 2) - 1), 0);
    assert_int_equal(buffer[0], 0xee);
}

static void a_host_without_any_table_still_gives_a_valid_set(void **state)
{
    (void)state;
    memset(&host, 0, sizeof(host));
    build(1);
    assert_int_equal(get(xsdt() + 4, 4), 44);
    assert_int_equal(sum(madt(), get(madt() + 4, 4)), 0);
}

static void tables_about_the_hypervisors_devices_are_not_let_through(void **state)
{
    static const char *const no[] = { "DMAR", "IVRS", "HPET", "SRAT", "SLIT", "HEST",
                                      "BERT", "ERST", "EINJ", "APIC", "XXXX", "TPM2" };
    static const char *const yes[] = { "FACP", "SSDT", "MCFG", "FPDT" };

    (void)state;
    for (unsigned int i = 0; i < 12; i++)
        assert_false(dom0_acpi_table_allowed(no[i]));
    for (unsigned int i = 0; i < 4; i++)
        assert_true(dom0_acpi_table_allowed(yes[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_rsdp_is_of_revision_2_with_both_checksums_and_no_rsdt, setup),
        cmocka_unit_test_setup(the_xsdt_names_the_madt_and_only_what_is_let_through, setup),
        cmocka_unit_test_setup(the_xsdts_header_is_the_hosts_when_it_has_one, setup),
        cmocka_unit_test_setup(the_madt_has_one_x2apic_entry_per_vcpu_with_twice_its_number_as_id,
                               setup),
        cmocka_unit_test_setup(every_ioapic_and_override_of_a_large_machine_is_named, setup),
        cmocka_unit_test_setup(a_buffer_that_is_too_small_is_left_alone, setup),
        cmocka_unit_test_setup(a_host_without_any_table_still_gives_a_valid_set, setup),
        cmocka_unit_test_setup(tables_about_the_hypervisors_devices_are_not_let_through, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
