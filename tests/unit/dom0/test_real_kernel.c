/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Debian's own kernel, loaded byte for byte as its ELF file says. TENON_TEST_KERNEL names the
 * vmlinuz and TENON_TEST_VMLINUX the same kernel's ELF file, unpacked by other means;
 * tests/unit/dom0/fetch-kernel puts both into ~/.cache/tenon/kernel, where they are looked for
 * without these variables. Without a kernel the test is skipped.
 */
#include <dom0/image.h>

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "synthetic.h"

#define RAM (256UL << 20)
#define SKIPPED 77

static struct {
    uint8_t *vmlinuz;
    size_t size;
    uint8_t *vmlinux;
    size_t elf_size;
    uint8_t *ram;
} world;

static uint8_t *slurp(const char *path, size_t *size)
{
    FILE *f = path ? fopen(path, "rb") : NULL;
    uint8_t *data;

    if (!f)
        return NULL;
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    data = malloc(*size);
    if (fread(data, 1, *size, f) != *size)
        abort();
    fclose(f);
    return data;
}

static void *guest(void *ctx, uint64_t pa, size_t size)
{
    (void)ctx;
    return pa > RAM || size > RAM - pa ? NULL : world.ram + pa;
}

static uint64_t field(const uint8_t *p, unsigned int size)
{
    uint64_t v = 0;

    memcpy(&v, p, size);
    return v;
}

static void debians_kernel_is_loaded_as_its_elf_file_says(void **state)
{
    struct arena a = { .left = 128UL << 20 };
    struct image_memory mem = { arena_alloc, &a };
    static struct kernel_image k;
    const uint8_t *ph = world.vmlinux + field(world.vmlinux + 32, 8);
    uint8_t *expected = malloc(RAM);

    (void)state;
    memset(world.ram, 0x5a, RAM);
    memset(expected, 0x5a, RAM);
    assert_null(image_parse(world.vmlinuz, world.size, &mem, &k));
    printf("%s, %zu bytes, entry %#x, %u segments, %lu MiB of decoder memory\n", k.format,
           k.elf_size, k.phys32_entry, k.segment_count, ((128UL << 20) - a.left) >> 20);
    assert_true(k.elf_size >= world.elf_size);
    assert_memory_equal(k.elf, world.vmlinux, world.elf_size);
    assert_null(image_load(&k, guest, NULL));
    for (unsigned int i = 0; i < field(world.vmlinux + 56, 2); i++, ph += 56) {
        if (field(ph, 4) != 1)
            continue;
        memcpy(expected + field(ph + 24, 8), world.vmlinux + field(ph + 8, 8), field(ph + 32, 8));
        memset(expected + field(ph + 24, 8) + field(ph + 32, 8), 0,
               field(ph + 40, 8) - field(ph + 32, 8));
    }
    assert_int_equal(memcmp(expected, world.ram, RAM), 0);
    assert_true(k.phys32_entry >= k.load_start && k.phys32_entry < k.load_end);
    free(expected);
    arena_free(&a);
}

static void debians_kernel_cut_off_or_damaged_is_refused(void **state)
{
    static struct kernel_image k;
    uint64_t seed = 88172645463325252ULL;

    (void)state;
    for (unsigned int i = 0; i < 12; i++) {
        struct arena a = { .left = 128UL << 20 };
        struct image_memory mem = { arena_alloc, &a };
        size_t at;

        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        at = 0x4000 + seed % (world.size / 8);   /* early, so that the test is quick */
        if (i % 2) {
            assert_non_null(image_parse(world.vmlinuz, at, &mem, &k));
        } else {
            world.vmlinuz[at] ^= (uint8_t)(1U << (seed >> 40) % 8);
            if (!image_parse(world.vmlinuz, world.size, &mem, &k))
                assert_memory_equal(k.elf, world.vmlinux,
                                    world.elf_size); /* outside of the payload */
            world.vmlinuz[at] ^= (uint8_t)(1U << (seed >> 40) % 8);
        }
        arena_free(&a);
    }
}

/* The file that the variable names, else the last of that name in the cache. */
static uint8_t *find(const char *variable, const char *name, size_t *size)
{
    char pattern[512];
    uint8_t *data;
    glob_t found;

    if (getenv(variable))
        return slurp(getenv(variable), size);
    snprintf(pattern, sizeof(pattern), "%s/.cache/tenon/kernel/*/%s",
             getenv("HOME") ? getenv("HOME") : "", name);
    if (glob(pattern, 0, NULL, &found) != 0)
        return NULL;
    data = slurp(found.gl_pathv[found.gl_pathc - 1], size);
    globfree(&found);
    return data;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(debians_kernel_is_loaded_as_its_elf_file_says),
        cmocka_unit_test(debians_kernel_cut_off_or_damaged_is_refused),
    };
    int rc;

    world.vmlinuz = find("TENON_TEST_KERNEL", "vmlinuz", &world.size);
    world.vmlinux = find("TENON_TEST_VMLINUX", "vmlinux", &world.elf_size);
    if (!world.vmlinuz || !world.vmlinux) {
        printf("skipped: no kernel to test with; tests/unit/dom0/fetch-kernel gets one\n");
        return SKIPPED;
    }
    world.ram = malloc(RAM);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    free(world.vmlinuz);
    free(world.vmlinux);
    free(world.ram);
    return rc;
}
