/* SPDX-License-Identifier: BSD-2-Clause */
#include <dom0/image.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "packers.h"

#define BUDGET (4UL << 20)

static uint8_t elf[TINY_SIZE];
static struct kernel_image image;

static const char *parse(const void *file, size_t size)
{
    struct arena a = { .left = BUDGET };
    struct image_memory mem = { arena_alloc, &a };
    uint8_t *copy = malloc(size ? size : 1);   /* so that a read past the end is seen */
    const char *wrong;

    memcpy(copy, file, size);
    wrong = image_parse(copy, size, &mem, &image);
    arena_free(&a);
    free(copy);
    return wrong;
}

static int setup(void **state)
{
    (void)state;
    tiny_elf(elf);
    return 0;
}

static void expect_sentence(const char *wrong, const char *part)
{
    assert_non_null(wrong);
    if (!strstr(wrong, part))
        fail_msg("\"%s\" does not say \"%s\"", wrong, part);
}

static void a_plain_elf_kernel_is_understood(void **state)
{
    (void)state;
    assert_null(parse(elf, sizeof(elf)));
    assert_string_equal(image.format, "ELF64");
    assert_true(image.has_phys32_entry);
    assert_int_equal(image.phys32_entry, TINY_ENTRY);
    assert_int_equal(image.load_start, TINY_TEXT);
    assert_int_equal(image.load_end, TINY_DATA + 0x800 + TINY_BSS);
    assert_int_equal(image.segment_count, 2);
}

static uint8_t guest_memory[0x400000];

static void *guest(void *ctx, uint64_t pa, size_t size)
{
    (void)ctx;
    if (pa < TINY_TEXT || pa + size > TINY_TEXT + sizeof(guest_memory))
        return NULL;
    return guest_memory + (pa - TINY_TEXT);
}

static void every_packing_loads_the_same_bytes_and_clears_bss(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
        struct arena a = { .left = BUDGET };
        struct image_memory mem = { arena_alloc, &a };
        size_t total;
        uint8_t *b = packed_bzimage(&packers[i], elf, sizeof(elf), &total);

        assert_null(image_parse(b, total, &mem, &image));
        assert_string_equal(image.format, packers[i].name);
        memset(guest_memory, 0xaa, sizeof(guest_memory));
        assert_null(image_load(&image, guest, NULL));
        assert_memory_equal(guest_memory, elf + TINY_TEXT_AT, 0x1000);
        assert_memory_equal(guest_memory + (TINY_DATA - TINY_TEXT), elf + TINY_DATA_AT, 0x800);
        for (unsigned int j = 0; j < TINY_BSS; j++)
            assert_int_equal(guest_memory[TINY_DATA - TINY_TEXT + 0x800 + j], 0);
        assert_int_equal(guest_memory[0x1000], 0xaa);
        assert_int_equal(guest_memory[TINY_DATA - TINY_TEXT + 0x800 + TINY_BSS], 0xaa);
        free(b);
        arena_free(&a);
    }
}

static void an_elf_payload_that_is_not_compressed_is_taken(void **state)
{
    size_t total;
    uint8_t *b = tiny_bzimage(elf, sizeof(elf), &total);

    (void)state;
    assert_null(parse(b, total));
    assert_string_equal(image.format, "bzImage, not compressed");
    free(b);
}

static void xz_with_any_integrity_check_is_taken(void **state)
{
    static const lzma_check checks[] = { LZMA_CHECK_NONE, LZMA_CHECK_CRC32, LZMA_CHECK_CRC64,
                                         LZMA_CHECK_SHA256 };
    uint8_t packed[PACKED_ROOM(TINY_SIZE)];

    (void)state;
    for (unsigned int i = 0; i < 4; i++) {
        size_t total, n = pack_xz_check(elf, sizeof(elf), packed, checks[i]);
        uint8_t *b = tiny_bzimage(packed, n, &total);

        assert_null(parse(b, total));
        free(b);
    }
}

static void a_file_cut_off_anywhere_is_refused_with_a_sentence(void **state)
{
    (void)state;
    for (size_t n = 0; n < TINY_DATA_AT + 0x800; n++)
        assert_non_null(parse(elf, n));
    for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
        size_t total;
        uint8_t *b = packed_bzimage(&packers[i], elf, sizeof(elf), &total);

        for (size_t n = 0; n < total - 16; n++)
            assert_non_null(parse(b, n));
        assert_null(parse(b, total - 16));
        free(b);
    }
}

static void a_payload_cut_off_with_its_length_field_agreeing_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
        uint8_t *packed = malloc(PACKED_ROOM(TINY_SIZE));
        size_t size = packers[i].pack(elf, sizeof(elf), packed);

        for (size_t n = 0; n < size; n++) {
            size_t total;
            uint8_t *b = tiny_bzimage(packed, n, &total);
            const char *wrong = parse(b, total);

            if (!wrong)
                fail_msg("%s cut off at %zu of %zu is taken", packers[i].name, n, size);
            free(b);
        }
        free(packed);
    }
}

/* The container and the decoders must never do worse than refuse; with a checksum in the format
 * they always notice. */
static void a_flipped_bit_in_the_payload_is_refused_or_does_no_harm(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
        size_t total, taken = 0;
        uint8_t *b = packed_bzimage(&packers[i], elf, sizeof(elf), &total);

        for (size_t bit = TINY_PAYLOAD_AT * 8; bit < (total - 16) * 8; bit += 3) {
            b[bit / 8] ^= (uint8_t)(1U << bit % 8);
            taken += parse(b, total) == NULL;
            b[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        printf("%s: %zu flips of %zu taken\n", packers[i].name, taken,
               (total - 16 - TINY_PAYLOAD_AT) * 8 / 3);
        if (packers[i].pack == pack_xz || packers[i].pack == pack_zstd)
            assert_in_range(taken, 0, 16);   /* reserved header bits and the like */
        free(b);
    }
}

static void flipped_bits_in_headers_and_notes_never_do_worse_than_refuse(void **state)
{
    uint8_t damaged[TINY_SIZE];
    size_t total;
    uint8_t *b;

    (void)state;
    for (size_t bit = 0; bit < 0x300 * 8; bit++) {
        memcpy(damaged, elf, sizeof(elf));
        damaged[bit / 8] ^= (uint8_t)(1U << bit % 8);
        (void)!parse(damaged, sizeof(damaged));
    }
    b = packed_bzimage(&packers[0], elf, sizeof(elf), &total);
    for (size_t bit = 0; bit < 0x260 * 8; bit++) {
        b[bit / 8] ^= (uint8_t)(1U << bit % 8);
        (void)!parse(b, total);
        b[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    free(b);
}

static void a_kernel_without_the_pvh_note_is_told_to_enable_config_pvh(void **state)
{
    (void)state;
    put32(elf + TINY_NOTE_AT + 24 + 8, 17);
    expect_sentence(parse(elf, sizeof(elf)), "CONFIG_PVH");
    tiny_elf(elf);
    memcpy(elf + TINY_NOTE_AT + 24 + 12, "GNU", 4);
    expect_sentence(parse(elf, sizeof(elf)), "CONFIG_PVH");
    tiny_elf(elf);
    put32(elf + 64 + 112, 6);
    expect_sentence(parse(elf, sizeof(elf)), "CONFIG_PVH");
}

static void a_four_byte_entry_note_is_taken_too(void **state)
{
    (void)state;
    put_note(elf + TINY_NOTE_AT + 24, "Xen", 18, 4, TINY_ENTRY);
    put64(elf + 64 + 112 + 32, 24 + 20);
    assert_null(parse(elf, sizeof(elf)));
    assert_int_equal(image.phys32_entry, TINY_ENTRY);
}

static void an_entry_point_outside_of_the_code_is_refused(void **state)
{
    (void)state;
    put64(elf + TINY_NOTE_AT + 24 + 16, TINY_TEXT - 1);
    expect_sentence(parse(elf, sizeof(elf)), "entry point outside");
    put64(elf + TINY_NOTE_AT + 24 + 16, 1ULL << 32 | TINY_ENTRY);
    expect_sentence(parse(elf, sizeof(elf)), "above 4 GiB");
}

static void segments_that_overlap_or_leave_4_gib_are_refused(void **state)
{
    (void)state;
    put64(elf + 64 + 56 + 24, TINY_TEXT + 0xfff);
    expect_sentence(parse(elf, sizeof(elf)), "overlapping");
    put64(elf + 64 + 56 + 24, (1ULL << 32) - 0x1000);
    expect_sentence(parse(elf, sizeof(elf)), "impossible addresses");
    put64(elf + 64 + 56 + 24, UINT64_MAX - 0x100);
    expect_sentence(parse(elf, sizeof(elf)), "impossible addresses");
    tiny_elf(elf);
    put64(elf + 64 + 56 + 40, UINT64_MAX);
    expect_sentence(parse(elf, sizeof(elf)), "impossible addresses");
    tiny_elf(elf);
    put64(elf + 64 + 56 + 40, 0x7ff);
    expect_sentence(parse(elf, sizeof(elf)), "impossible addresses");
}

static void what_is_no_kernel_is_called_so(void **state)
{
    static const char text[] =
        "#!/bin/sh\necho not a kernel, but long enough to have fields where a kernel has them\n";
    uint8_t cpio[4096] = "070701";

    (void)state;
    expect_sentence(parse(text, sizeof(text)), "no kernel");
    expect_sentence(parse(cpio, sizeof(cpio)), "no kernel");
    expect_sentence(parse("", 0), "empty");
}

static void kernels_that_tenon_cannot_run_are_told_why(void **state)
{
    size_t total;
    uint8_t *b = packed_bzimage(&packers[0], elf, sizeof(elf), &total);

    (void)state;
    put16(b + 0x206, 0x0207);
    expect_sentence(parse(b, total), "older than 2.08");
    put16(b + 0x206, 0x020f);
    put16(b + 0x236, 0);
    expect_sentence(parse(b, total), "32-bit");
    put16(b + 0x236, 1);
    b[0x211] = 0;
    expect_sentence(parse(b, total), "zImage");
    b[0x211] = 1;
    memcpy(b + TINY_PAYLOAD_AT, "BZh9", 4);
    expect_sentence(parse(b, total), "bzip2");
    memcpy(b + TINY_PAYLOAD_AT, "\x89LZO", 4);
    expect_sentence(parse(b, total), "LZO");
    memcpy(b + TINY_PAYLOAD_AT, "\x5d\0\0\0", 4);
    expect_sentence(parse(b, total), "LZMA");
    memcpy(b + TINY_PAYLOAD_AT, "\1\2\3\4", 4);
    expect_sentence(parse(b, total), "unknown format");
    free(b);
    put16(elf + 18, 3);
    expect_sentence(parse(elf, sizeof(elf)), "64-bit");
}

static void running_out_of_memory_is_a_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
        size_t total;
        uint8_t *b = packed_bzimage(&packers[i], elf, sizeof(elf), &total);

        for (size_t budget = 0; budget < TINY_SIZE + 0x8000; budget += 0x400) {
            struct arena a = { .left = budget };
            struct image_memory mem = { arena_alloc, &a };
            const char *wrong = image_parse(b, total, &mem, &image);

            if (wrong)
                expect_sentence(wrong, "memory");
            arena_free(&a);
        }
        free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_plain_elf_kernel_is_understood, setup),
        cmocka_unit_test_setup(every_packing_loads_the_same_bytes_and_clears_bss, setup),
        cmocka_unit_test_setup(an_elf_payload_that_is_not_compressed_is_taken, setup),
        cmocka_unit_test_setup(xz_with_any_integrity_check_is_taken, setup),
        cmocka_unit_test_setup(a_file_cut_off_anywhere_is_refused_with_a_sentence, setup),
        cmocka_unit_test_setup(a_payload_cut_off_with_its_length_field_agreeing_is_refused, setup),
        cmocka_unit_test_setup(a_flipped_bit_in_the_payload_is_refused_or_does_no_harm, setup),
        cmocka_unit_test_setup(flipped_bits_in_headers_and_notes_never_do_worse_than_refuse, setup),
        cmocka_unit_test_setup(a_kernel_without_the_pvh_note_is_told_to_enable_config_pvh, setup),
        cmocka_unit_test_setup(a_four_byte_entry_note_is_taken_too, setup),
        cmocka_unit_test_setup(an_entry_point_outside_of_the_code_is_refused, setup),
        cmocka_unit_test_setup(segments_that_overlap_or_leave_4_gib_are_refused, setup),
        cmocka_unit_test_setup(what_is_no_kernel_is_called_so, setup),
        cmocka_unit_test_setup(kernels_that_tenon_cannot_run_are_told_why, setup),
        cmocka_unit_test_setup(running_out_of_memory_is_a_sentence, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
