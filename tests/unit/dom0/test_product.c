/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The product's own objects (not the host build of the sources) unpack every format: this is what
 * proves that the merged decoders have all they need, run their constructors and keep to their
 * allocator. Runs as an ordinary program; all that freestanding code expects from boot is a stack
 * canary at %gs:0x28.
 */
#include <dom0/image.h>

#include <asm/prctl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "packers.h"

static uint64_t percpu[16];

/* Instead of the product's panic, which wants the whole machine. */
void hv_bug(const char *file, int line, const char *what);
void __stack_chk_fail(void);

void __stack_chk_fail(void)
{
    fprintf(stderr, "stack overwritten\n");
    abort();
}

void hv_bug(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}

static struct kernel_image image;
static uint8_t elf[TINY_SIZE];

/* The freestanding code runs with its own %gs; libc does not use that register. */
static const char *parse(const void *file, size_t size, struct arena *a)
{
    struct image_memory mem = { arena_alloc, a };

    syscall(SYS_arch_prctl, ARCH_SET_GS, percpu);
    return image_parse(file, size, &mem, &image);
}

static void the_products_decoders_unpack_every_format(void **state)
{
    (void)state;
    tiny_elf(elf);
    for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
        struct arena a = { .left = 64UL << 20 };
        size_t total;
        uint8_t *b = packed_bzimage(&packers[i], elf, sizeof(elf), &total);

        assert_null(parse(b, total, &a));
        assert_string_equal(image.format, packers[i].name);
        assert_int_equal(image.elf_size, sizeof(elf));
        assert_memory_equal(image.elf, elf, sizeof(elf));
        arena_free(&a);
        free(b);
    }
}

static void every_integrity_check_of_xz_works_in_the_product(void **state)
{
    static const lzma_check checks[] = { LZMA_CHECK_NONE, LZMA_CHECK_CRC32, LZMA_CHECK_CRC64,
                                         LZMA_CHECK_SHA256 };
    uint8_t packed[PACKED_ROOM(TINY_SIZE)];

    (void)state;
    tiny_elf(elf);
    for (unsigned int i = 0; i < 4; i++) {
        struct arena a = { .left = 64UL << 20 };
        size_t total, n = pack_xz_check(elf, sizeof(elf), packed, checks[i]);
        uint8_t *b = tiny_bzimage(packed, n, &total);

        assert_null(parse(b, total, &a));
        assert_memory_equal(image.elf, elf, sizeof(elf));
        arena_free(&a);
        free(b);
    }
}

static void the_product_refuses_damage(void **state)
{
    size_t total;
    uint8_t *b;

    (void)state;
    tiny_elf(elf);
    for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
        b = packed_bzimage(&packers[i], elf, sizeof(elf), &total);
        for (size_t n = 0; n < total - 16; n += 7) {
            struct arena a = { .left = 4UL << 20 };

            assert_non_null(parse(b, n, &a));
            arena_free(&a);
        }
        free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_products_decoders_unpack_every_format),
        cmocka_unit_test(every_integrity_check_of_xz_works_in_the_product),
        cmocka_unit_test(the_product_refuses_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
