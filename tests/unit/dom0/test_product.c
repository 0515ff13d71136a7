/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The product's decoders (the merged freestanding object, not the host build of its sources) unpack
 * every format: this is what proves that they have all they need, run their constructors and keep
 * to their allocator. All that freestanding code expects from boot is a stack canary at %gs:0x28.
 */
#include "image_parts.h"

#include <asm/prctl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "packers.h"

typedef const char *unpack_fn(struct bytes in, uint8_t *out, size_t out_size,
                              const struct image_memory *mem);

static unpack_fn *const unpackers[] = { unpack_xz, unpack_gzip, unpack_lz4, unpack_zstd };
static uint64_t percpu[16];
static uint8_t elf[TINY_SIZE], packed[PACKED_ROOM(TINY_SIZE)], out[TINY_SIZE];

static int setup(void **state)
{
    (void)state;
    tiny_elf(elf);
    memset(out, 0, sizeof(out));
    /* The freestanding code has its own %gs; libc does not use that register. */
    return (int)syscall(SYS_arch_prctl, ARCH_SET_GS, percpu);
}

static const char *unpack(size_t format, size_t size)
{
    struct arena a = { .left = 64UL << 20 };
    struct image_memory mem = { arena_alloc, &a };
    const char *wrong = unpackers[format]((struct bytes){ packed, size }, out, sizeof(out), &mem);

    arena_free(&a);
    return wrong;
}

static void the_products_decoders_unpack_every_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        memset(out, 0, sizeof(out));
        assert_null(unpack(i, packers[i].pack(elf, sizeof(elf), packed)));
        assert_memory_equal(out, elf, sizeof(elf));
    }
}

static void every_integrity_check_of_xz_works_in_the_product(void **state)
{
    static const lzma_check checks[] = { LZMA_CHECK_NONE, LZMA_CHECK_CRC32, LZMA_CHECK_CRC64,
                                         LZMA_CHECK_SHA256 };

    (void)state;
    for (unsigned int i = 0; i < 4; i++) {
        memset(out, 0, sizeof(out));
        assert_null(unpack(0, pack_xz_check(elf, sizeof(elf), packed, checks[i])));
        assert_memory_equal(out, elf, sizeof(elf));
    }
}

static void the_product_refuses_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        size_t size = packers[i].pack(elf, sizeof(elf), packed);

        for (size_t n = 8; n < size - 4; n += 3)   /* the recorded size is not looked at here */
            assert_non_null(unpack(i, n));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_products_decoders_unpack_every_format, setup),
        cmocka_unit_test_setup(every_integrity_check_of_xz_works_in_the_product, setup),
        cmocka_unit_test_setup(the_product_refuses_damage, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
