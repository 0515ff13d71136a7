/* SPDX-License-Identifier: BSD-2-Clause */
#include <boot/bootinfo.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* An information structure under construction; copied to an exact allocation before it is parsed, so
 * that ASan sees a byte read behind it. */
struct world { uint8_t b[65536]; size_t at; struct bootinfo out; };

static struct world w;

static int setup(void **s)
{
    (void)s;
    memset(&w, 0, sizeof(w));
    w.at = 8;
    return 0;
}

static void put(const void *p, size_t n)
{
    memcpy(w.b + w.at, p, n);
    w.at += n;
}

static void put32(uint32_t v) { put(&v, 4); }
static void put64(uint64_t v) { put(&v, 8); }

static void tag(uint32_t type, size_t body)
{
    w.at = ALIGN_UP(w.at, 8UL);
    put32(type);
    put32((uint32_t)(8 + body));
}

static void finish(void)
{
    uint32_t total;

    tag(0, 0);
    total = (uint32_t)w.at;
    memcpy(w.b, &total, 4);
}

static const char *parse_size_of(size_t n)
{
    uint8_t *exact = malloc(n > 0 ? n : 1);
    const char *r;

    memcpy(exact, w.b, n);
    r = multiboot2_parse(exact, n, &w.out);
    free(exact);
    return r;
}

static const char *parse(void) { return parse_size_of(w.at); }

static void put_mmap(unsigned int entries, uint32_t entry_size)
{
    tag(6, 8 + (size_t)entries * entry_size);
    put32(entry_size);
    put32(0);
    for (unsigned int i = 0; i < entries; i++) {
        size_t next = w.at + entry_size;

        put64(i * 0x100000ULL);
        put64(0x100000);
        put32(1);
        w.at = next;
    }
}

static void put_module(uint32_t start, uint32_t end, const char *text)
{
    tag(3, 8 + strlen(text) + 1);
    put32(start);
    put32(end);
    put(text, strlen(text) + 1);
}

static void everything_grub_gives_is_found(void **s)
{
    uint8_t rsdp1[20] = "RSD PTR 1", rsdp2[36] = "RSD PTR 2";
    (void)s;
    tag(1, 5); put("a b", 4); put("", 1);
    tag(2, 10); put("GRUB 2.06", 10);
    put_module(0x1000, 0x3000, "placeholder root=/dev/sda");
    put_module(0x4000, 0x5000, "");
    put_mmap(3, 24);
    tag(14, 20); put(rsdp1, 20);
    tag(15, 36); put(rsdp2, 36);
    tag(8, 24 + 6);
    put64(0xfd000000); put32(4096); put32(1024); put32(768);
    put("\x20\x01\0\0", 4);
    put("\x10\x08\x08\x08\x00\x08", 6);
    w.at += 2;
    tag(12, 8); put64(0x7fff0000);
    tag(21, 4); put32(0x1fc00000);
    finish();
    assert_null(parse());
    assert_string_equal(w.out.cmdline, "a b");
    assert_string_equal(w.out.loader, "GRUB 2.06");
    assert_int_equal(w.out.module_count, 2);
    assert_int_equal(w.out.module[0].start, 0x1000);
    assert_int_equal(w.out.module[0].end, 0x3000);
    assert_string_equal(w.out.module[0].cmdline, "placeholder root=/dev/sda");
    assert_string_equal(w.out.module[1].cmdline, "");
    assert_int_equal(w.out.mmap_count, 3);
    assert_int_equal(w.out.mmap[2].start, 0x200000);
    assert_int_equal(w.out.rsdp_size, 36);
    assert_memory_equal(w.out.rsdp, rsdp2, 36);
    assert_true(w.out.fb.present);
    assert_false(w.out.fb.text);
    assert_int_equal(w.out.fb.width, 1024);
    assert_int_equal(w.out.fb.red_pos, 16);
    assert_int_equal(w.out.fb.blue_pos, 0);
    assert_int_equal(w.out.efi_system_table, 0x7fff0000);
    assert_true(w.out.has_load_base);
    assert_int_equal(w.out.load_base, 0x1fc00000);
}

static void every_truncation_ends_in_a_sentence_or_a_result(void **s)
{
    size_t full;
    (void)s;
    put_module(0x1000, 0x3000, "placeholder");
    put_mmap(4, 24);
    tag(15, 36); w.at += 36;
    finish();
    full = w.at;
    for (size_t n = 0; n < full; n++)
        assert_non_null(parse_size_of(n));
    assert_null(parse_size_of(full));
}

static void the_newer_rsdp_wins_in_either_order(void **s)
{
    uint8_t old[20] = { 1 }, new[36] = { 2 };
    (void)s;
    put_mmap(1, 24);
    tag(15, 36); put(new, 36);
    tag(14, 20); put(old, 20);
    finish();
    assert_null(parse());
    assert_int_equal(w.out.rsdp_size, 36);
    assert_int_equal(w.out.rsdp[0], 2);
}

static void a_missing_memory_map_is_named(void **s)
{
    (void)s;
    finish();
    assert_non_null(strstr(parse(), "memory map"));
}

static void a_tag_of_impossible_size_is_an_error(void **s)
{
    (void)s;
    put_mmap(1, 24);
    tag(1, (size_t)-4);          /* size 4: smaller than its own header */
    finish();
    assert_non_null(parse());
    setup(NULL);
    tag(1, 100000);
    finish();
    assert_non_null(parse());
}

static void strange_map_entries_are_passed_over(void **s)
{
    (void)s;
    put_mmap(2, 40);             /* larger entries of a future version */
    tag(6, 4); put32(24);        /* too short for its own head */
    tag(6, 8); put32(0); put32(0);   /* entries of size 0 would never end */
    tag(6, 8 + 48); put32(24); put32(0);
    put64(0x1000); put64(0); put32(1); put32(0);                /* empty */
    put64(UINT64_MAX - 0xfff); put64(0x2000); put32(1); put32(0);   /* wraps */
    finish();
    assert_null(parse());
    assert_int_equal(w.out.mmap_count, 3);
    assert_true(w.out.mmap[2].size == 0x1000);
}

static void too_many_entries_and_modules_are_cut_off(void **s)
{
    (void)s;
    put_mmap(BOOT_MAX_MMAP + 5, 24);
    for (unsigned int i = 0; i < BOOT_MAX_MODULES + 3; i++)
        put_module(i * 0x1000, i * 0x1000 + 1, "m");
    put_module(5, 5, "empty");
    finish();
    assert_null(parse());
    assert_int_equal(w.out.mmap_count, BOOT_MAX_MMAP);
    assert_true(w.out.mmap_truncated);
    assert_int_equal(w.out.module_count, BOOT_MAX_MODULES);
}

static void a_string_without_end_is_terminated(void **s)
{
    char long_text[3000];
    (void)s;
    memset(long_text, 'x', sizeof(long_text));
    put_mmap(1, 24);
    tag(1, sizeof(long_text)); put(long_text, sizeof(long_text));
    tag(2, 3); put("abc", 3);
    finish();
    assert_null(parse());
    assert_int_equal(strlen(w.out.cmdline), BOOT_CMDLINE_MAX - 1);
    assert_string_equal(w.out.loader, "abc");
}

static void the_efi_map_is_taken_without_what_makes_no_sense(void **s)
{
    (void)s;
    put_mmap(1, 24);
    tag(12, 8); put64(0x7fee018);
    tag(17, 8 + 4 * 48);
    put32(48); put32(1);
    for (unsigned int i = 0; i < 4; i++) {
        put32(5 + i); put32(0);
        put64(0x100000 * i); put64(0);
        put64(i == 1 ? 0 : i == 2 ? UINT64_MAX / 2 : 16);        /* none, too many */
        put64(0x800000000000000fUL); put64(0);
    }
    finish();
    assert_null(parse());
    assert_true(w.out.efi_64);
    assert_int_equal(w.out.efi_system_table, 0x7fee018);
    assert_int_equal(w.out.efi_mmap_count, 2);
    assert_int_equal(w.out.efi_mmap[1].type, 8);
    assert_int_equal(w.out.efi_mmap[1].start, 0x300000);
    assert_int_equal(w.out.efi_mmap[1].size, 0x10000);
}

static void an_efi_map_of_strange_steps_is_left_alone(void **s)
{
    (void)s;
    put_mmap(1, 24);
    tag(17, 8 + 40); put32(8); put32(1); for (unsigned int i = 0; i < 5; i++) put64(1);
    tag(17, 8 + 40); put32(0xffffffff); put32(1); for (unsigned int i = 0; i < 5; i++) put64(1);
    tag(17, 4); put32(40);
    tag(11, 4); put32(0x1000);
    finish();
    assert_null(parse());
    assert_int_equal(w.out.efi_mmap_count, 0);
    assert_false(w.out.efi_64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(everything_grub_gives_is_found, setup),
        cmocka_unit_test_setup(every_truncation_ends_in_a_sentence_or_a_result, setup),
        cmocka_unit_test_setup(the_newer_rsdp_wins_in_either_order, setup),
        cmocka_unit_test_setup(a_missing_memory_map_is_named, setup),
        cmocka_unit_test_setup(a_tag_of_impossible_size_is_an_error, setup),
        cmocka_unit_test_setup(strange_map_entries_are_passed_over, setup),
        cmocka_unit_test_setup(too_many_entries_and_modules_are_cut_off, setup),
        cmocka_unit_test_setup(the_efi_map_is_taken_without_what_makes_no_sense, setup),
        cmocka_unit_test_setup(an_efi_map_of_strange_steps_is_left_alone, setup),
        cmocka_unit_test_setup(a_string_without_end_is_terminated, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
