/* SPDX-License-Identifier: BSD-2-Clause */
#include <dom0/build.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <xen/arch-x86/hvm/start_info.h>

#include "acpi_host.h"
#include "maps.h"
#include "packers.h"

#define MACHINE_MIB 128ULL
#define INITRD_SIZE 100001U

static struct world {
    struct memmap host;
    struct acpi_info acpi;
    struct arena arena;
    uint8_t *ram, *kernel, *initrd;
    size_t kernel_size;
    struct dom0_build_request req;
    struct dom0_build_result r;
    unsigned int refuse_after;
} w;

static void *guest(void *ctx, uint64_t pa, size_t size)
{
    (void)ctx;
    if (w.refuse_after != 0 && --w.refuse_after == 0)
        return NULL;
    return pa > MACHINE_MIB * M || size > MACHINE_MIB * M - pa ? NULL : w.ram + pa;
}

static int setup(void **state)
{
    uint8_t elf[TINY_SIZE];

    (void)state;
    memset(&w, 0, sizeof(w));
    tiny_elf(elf);
    w.kernel = packed_bzimage(&packers[0], elf, sizeof(elf), &w.kernel_size);
    w.ram = malloc(MACHINE_MIB * M);
    memset(w.ram, 0x77, MACHINE_MIB * M);
    w.initrd = malloc(INITRD_SIZE);
    for (unsigned int i = 0; i < INITRD_SIZE; i++)
        w.initrd[i] = (uint8_t)(i * 31 >> 3);
    acpi_host_machine(&w.acpi);
    pc_map(&w.host, MACHINE_MIB);
    memmap_normalise(&w.host);
    w.arena.left = 64 * M;
    w.req = (struct dom0_build_request){
        .kernel = w.kernel,
        .kernel_size = w.kernel_size,
        .initrd = w.initrd,
        .initrd_size = INITRD_SIZE,
        .cmdline = "placeholder root=/dev/sda1 console=hvc0",
        .layout = { .host = &w.host },
        .acpi = &w.acpi,
        .vcpus = 2,
        .scratch = { arena_alloc, &w.arena },
        .guest = guest,
    };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(w.kernel);
    free(w.ram);
    free(w.initrd);
    arena_free(&w.arena);
    return 0;
}

static void dom0_finds_everything_through_its_start_info(void **state)
{
    const struct hvm_start_info *si;
    const struct hvm_modlist_entry *mod;
    const struct hvm_memmap_table_entry *table;

    (void)state;
    assert_null(dom0_build(&w.req, &w.r));
    assert_int_equal(w.r.entry, TINY_ENTRY);
    assert_string_equal(w.r.kernel_format, "bzImage, XZ");
    si = (const void *)(w.ram + w.r.start_info);
    assert_int_equal(si->magic, 0x336ec578);
    assert_int_equal(si->version, 1);
    assert_int_equal(si->flags, 3);
    assert_int_equal(si->nr_modules, 1);
    mod = (const void *)(w.ram + si->modlist_paddr);
    assert_int_equal(mod->size, INITRD_SIZE);
    assert_memory_equal(w.ram + mod->paddr, w.initrd, INITRD_SIZE);
    assert_string_equal((const char *)w.ram + si->cmdline_paddr, w.req.cmdline);
    assert_memory_equal(w.ram + si->rsdp_paddr, "RSD PTR ", 8);
    table = (const void *)(w.ram + si->memmap_paddr);
    assert_int_equal(si->memmap_entries, w.r.layout.map.count);
    for (unsigned int i = 0; i < si->memmap_entries; i++) {
        assert_int_equal(table[i].addr, w.r.layout.map.r[i].start);
        assert_int_equal(table[i].size, w.r.layout.map.r[i].size);
        assert_int_equal(table[i].type, w.r.layout.map.r[i].type);
        assert_int_equal(table[i].reserved, 0);
    }
}

static void nothing_but_the_parts_is_written_and_no_old_bytes_show_in_their_pages(void **state)
{
    const struct dom0_layout *l = &w.r.layout;
    uint64_t written = 0;

    (void)state;
    assert_null(dom0_build(&w.req, &w.r));
    memset(w.ram + TINY_TEXT, 0x77, 0x1000);
    memset(w.ram + TINY_DATA, 0x77, 0x800 + TINY_BSS);
    for (uint64_t i = 0; i < INITRD_SIZE; i++)
        assert_int_equal(w.ram[l->initrd + i], w.initrd[i]);
    memset(w.ram + l->initrd, 0, INITRD_SIZE);
    for (uint64_t i = l->initrd; i < l->initrd + 25 * 4096; i++)
        assert_int_equal(w.ram[i], 0);
    memset(w.ram + l->initrd, 0x77, 25 * 4096);
    memset(w.ram + l->start_info, 0x77, l->info_size);
    memset(w.ram + l->acpi_start, 0x77, l->acpi_size);
    for (uint64_t i = 0; i < MACHINE_MIB * M; i++)
        written += w.ram[i] != 0x77;
    assert_int_equal(written, 0);
}

static uint64_t pa_of(void *ctx, const void *p)
{
    (void)ctx;
    return (const uint8_t *)p >= w.ram && (const uint8_t *)p < w.ram + MACHINE_MIB * M
               ? (uint64_t)((const uint8_t *)p - w.ram) : 64 * G;
}

static void *ram_alloc(void *ctx, size_t size)
{
    uint64_t *next = ctx;
    void *p = w.ram + *next;

    *next += (size + 15) / 16 * 16;
    return p;
}

static void sources_in_the_way_of_the_parts_are_not_written_over(void **state)
{
    uint64_t next = 0x1204000;   /* just behind the kernel, where start info and initrd would go */
    uint8_t *initrd;

    (void)state;
    initrd = w.ram + 0x1200000 + 5 * M - 77;
    memcpy(initrd, w.initrd, INITRD_SIZE);
    w.req.initrd = initrd;
    w.req.scratch = (struct image_memory){ ram_alloc, &next };
    w.req.pa_of = pa_of;
    assert_null(dom0_build(&w.req, &w.r));
    assert_true(next > 0x1204000 + TINY_SIZE);
    assert_memory_equal(w.ram + w.r.layout.initrd, w.initrd, INITRD_SIZE);
    assert_memory_equal(initrd, w.initrd, INITRD_SIZE);
    assert_memory_equal(w.ram + 0x1204000, "\177ELF", 4);
}

static void without_an_initrd_there_is_no_module(void **state)
{
    const struct hvm_start_info *si;

    (void)state;
    w.req.initrd = NULL;
    assert_null(dom0_build(&w.req, &w.r));
    si = (const void *)(w.ram + w.r.start_info);
    assert_int_equal(si->nr_modules, 0);
    assert_int_equal(si->modlist_paddr, 0);
}

static void what_cannot_work_is_refused_before_anything_is_written(void **state)
{
    char long_line[3000];

    (void)state;
    memset(long_line, 'x', sizeof(long_line));
    long_line[2999] = 0;
    w.req.cmdline = long_line;
    assert_non_null(strstr(dom0_build(&w.req, &w.r), "command line is too long"));
    w.req.cmdline = "";
    w.req.vcpus = 0;
    assert_non_null(strstr(dom0_build(&w.req, &w.r), "dom0_max_vcpus"));
    w.req.vcpus = 1;
    w.req.kernel = NULL;
    assert_non_null(strstr(dom0_build(&w.req, &w.r), "no dom0 kernel"));
    w.req.kernel = w.kernel;
    w.req.layout.mem = (struct dom0_mem){ .given = true, .nr = 8 * M };
    assert_non_null(strstr(dom0_build(&w.req, &w.r), "dom0_mem=8M is too small"));
    for (uint64_t i = 0; i < MACHINE_MIB * M; i++)
        assert_int_equal(w.ram[i], 0x77);
}

static void memory_that_cannot_be_reached_is_an_error_not_a_crash(void **state)
{
    (void)state;
    for (unsigned int n = 1; n <= 5; n++) {
        w.refuse_after = n;
        assert_non_null(strstr(dom0_build(&w.req, &w.r), "outside of dom0's RAM"));
        arena_free(&w.arena);
    }
    w.refuse_after = 6;
    assert_null(dom0_build(&w.req, &w.r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(dom0_finds_everything_through_its_start_info, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            nothing_but_the_parts_is_written_and_no_old_bytes_show_in_their_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(sources_in_the_way_of_the_parts_are_not_written_over, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_an_initrd_there_is_no_module, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_work_is_refused_before_anything_is_written,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(memory_that_cannot_be_reached_is_an_error_not_a_crash,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
