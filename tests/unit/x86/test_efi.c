/* SPDX-License-Identifier: BSD-2-Clause */
/* The system table of a machine of the test: 64 KiB of memory at 1 MiB, of which the middle is the firmware's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <x86/efi.h>

#define BASE 0x100000UL
#define SIZE 0x10000UL
#define CODE (BASE + 0x4000)
#define DATA (BASE + 0x5000)
#define DATA_END (BASE + 0xc000)
#define SYSTEM DATA
#define RUNTIME (DATA + 0x200)
#define VENDOR (DATA + 0x400)
#define CONFIG (DATA + 0x600)

static uint8_t memory[SIZE];
static struct efi_machine m;

/* The firmware's regions alone: a read anywhere else is an error of the parser's. */
static const void *map(void *ctx, hpa_t a, size_t size)
{
    (void)ctx;
    assert_true(a.v >= CODE && a.v < DATA_END && size <= DATA_END - a.v);
    return memory + (a.v - BASE);
}
static const struct acpi_memory window = { map, NULL };

static void put(uint64_t at, uint64_t value, size_t size) { memcpy(memory + (at - BASE), &value, size); }

static void region(uint64_t start, uint64_t end, uint32_t type, uint64_t attributes)
{
    m.region[m.region_count++] = (struct efi_region){ start, end - start, attributes, type };
}

static int setup(void **state)
{
    (void)state;
    memset(memory, 0, sizeof(memory));
    memset(&m, 0, sizeof(m));
    region(BASE, CODE, 7, EFI_ATTR_WB);
    region(CODE, DATA, EFI_RUNTIME_CODE, EFI_ATTR_WB | EFI_ATTR_RUNTIME);
    region(DATA, DATA + 0x3000, EFI_RUNTIME_DATA, EFI_ATTR_WB | EFI_ATTR_RUNTIME);
    region(DATA + 0x3000, DATA_END, EFI_RUNTIME_DATA, EFI_ATTR_WB | EFI_ATTR_RUNTIME);
    region(DATA_END, BASE + SIZE, 4, EFI_ATTR_WB);
    put(SYSTEM, 0x5453595320494249UL, 8);
    put(SYSTEM + 8, 2 << 16 | 70, 4);
    put(SYSTEM + 24, VENDOR, 8);
    put(SYSTEM + 32, 0x10000, 4);
    put(SYSTEM + 88, RUNTIME, 8);
    put(SYSTEM + 104, 3, 8);
    put(SYSTEM + 112, CONFIG, 8);
    put(RUNTIME, 0x56524553544e5552UL, 8);
    put(RUNTIME + 8, 2 << 16 | 70, 4);
    for (unsigned int i = 0; i < EFI_SERVICE_COUNT; i++)
        put(RUNTIME + 24 + 8 * i, CODE + 0x10 * i, 8);
    put(VENDOR, 'E' | 'D' << 16 | (uint64_t)'K' << 32, 8);
    return 0;
}

static void a_good_system_table_is_understood(void **state)
{
    (void)state;
    assert_true(efi_parse(&window, SYSTEM, &m));
    assert_true(m.present && m.runtime);
    assert_int_equal(m.revision, 2 << 16 | 70);
    assert_int_equal(m.firmware_revision, 0x10000);
    assert_int_equal(m.config_table, CONFIG);
    assert_int_equal(m.config_count, 3);
    assert_int_equal(m.service[EFI_GET_VARIABLE], CODE + 0x60);
    assert_int_equal(m.service[EFI_QUERY_VARIABLE_INFO], CODE + 0xd0);
    assert_int_equal(m.vendor[0], 'E');
    assert_int_equal(m.vendor[2], 'K');
    assert_int_equal(m.vendor[3], 0);
}

static void what_points_out_of_the_firmware_is_not_followed(void **state)
{
    (void)state;
    put(SYSTEM + 24, BASE, 8);                       /* the vendor's name in free memory */
    put(SYSTEM + 112, DATA_END - 24, 8);             /* tables that run past the end */
    put(RUNTIME + 24, BASE + 8, 8);                  /* a service in free memory */
    put(RUNTIME + 32, UINT64_MAX, 8);
    assert_true(efi_parse(&window, SYSTEM, &m));
    assert_int_equal(m.vendor[0], 0);
    assert_int_equal(m.config_count, 0);
    assert_int_equal(m.service[EFI_GET_TIME], 0);
    assert_int_equal(m.service[EFI_SET_TIME], 0);
    assert_int_equal(m.service[EFI_GET_VARIABLE], CODE + 0x60);
}

static void a_table_may_lie_across_two_regions(void **state)
{
    (void)state;
    put(SYSTEM + 112, DATA + 0x3000 - 30, 8);
    assert_true(efi_parse(&window, SYSTEM, &m));
    assert_int_equal(m.config_count, 3);
}

static void without_a_system_table_there_is_no_efi(void **state)
{
    (void)state;
    assert_false(efi_parse(&window, SYSTEM + 8, &m));
    assert_false(efi_parse(&window, BASE, &m));
    assert_false(efi_parse(&window, UINT64_MAX - 4, &m));
    assert_false(m.present);
}

static void a_damaged_runtime_table_leaves_the_rest(void **state)
{
    (void)state;
    put(RUNTIME, 0, 8);
    assert_true(efi_parse(&window, SYSTEM, &m));
    assert_true(m.present);
    assert_false(m.runtime);
    assert_int_equal(m.config_count, 3);
}

static void a_vendor_without_end_is_cut_off(void **state)
{
    (void)state;
    memset(memory + (VENDOR - BASE), 'x', 0x200);
    assert_true(efi_parse(&window, SYSTEM, &m));
    assert_int_equal(m.vendor[EFI_VENDOR_MAX - 2], 'x' | 'x' << 8);
    assert_int_equal(m.vendor[EFI_VENDOR_MAX - 1], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_good_system_table_is_understood, setup),
        cmocka_unit_test_setup(what_points_out_of_the_firmware_is_not_followed, setup),
        cmocka_unit_test_setup(a_table_may_lie_across_two_regions, setup),
        cmocka_unit_test_setup(without_a_system_table_there_is_no_efi, setup),
        cmocka_unit_test_setup(a_damaged_runtime_table_leaves_the_rest, setup),
        cmocka_unit_test_setup(a_vendor_without_end_is_cut_off, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
