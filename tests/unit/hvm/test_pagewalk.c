/* SPDX-License-Identifier: BSD-2-Clause */
#include <hvm/pagewalk.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define P 1ULL
#define W 2ULL
#define U 4ULL
#define PS 0x80ULL
#define NX (1ULL << 63)
#define RAM 0x10000U

struct world { uint8_t ram[RAM]; struct guest_mode m; struct pagewalk_memory mem; struct pagewalk_result r;
               unsigned int fail_sets; };
static struct world w;

static bool read_ram(void *ctx, gpa_t a, void *to, size_t size)
{
    (void)ctx;
    if (a.v > RAM - size)
        return false;
    memcpy(to, w.ram + a.v, size);
    return true;
}
static bool set_ram(void *ctx, gpa_t a, uint64_t old, uint64_t bits, size_t size)
{
    uint64_t now = 0;

    (void)ctx;
    memcpy(&now, w.ram + a.v, size);
    if (w.fail_sets > 0 && w.fail_sets-- > 0)
        return false;
    if (now != old)
        return false;
    now |= bits;
    memcpy(w.ram + a.v, &now, size);
    return true;
}
static void put64(uint64_t table, unsigned int index, uint64_t v) { memcpy(w.ram + table + 8 * index, &v, 8); }
static uint64_t get64(uint64_t table, unsigned int index)
{
    uint64_t v;

    memcpy(&v, w.ram + table + 8 * index, 8);
    return v;
}
static void put32(uint64_t table, unsigned int index, uint32_t v) { memcpy(w.ram + table + 4 * index, &v, 4); }

/* Long mode, one path for linear 0x...: tables at 0x1000 (root), 0x2000, 0x3000, 0x4000. */
static int setup(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    w.mem = (struct pagewalk_memory){ read_ram, NULL, NULL };
    w.m = (struct guest_mode){ .cr0 = CR0_PE | CR0_PG | CR0_WP, .cr3 = 0x1000, .cr4 = CR4_PAE,
                               .efer = EFER_LME | EFER_LMA | EFER_NXE, .long_mode = true, .code64 = true };
    put64(0x1000, 0, 0x2000 | P | W | U);
    put64(0x2000, 0, 0x3000 | P | W | U);
    put64(0x3000, 0, 0x4000 | P | W | U);
    put64(0x4000, 5, 0x123456000 | P | W | U);
    return 0;
}

static bool walk(uint64_t va, uint32_t access) { return pagewalk(&w.m, &w.mem, gva_of(va), access, &w.r); }
static uint32_t fault(uint64_t va, uint32_t access)
{
    assert_false(walk(va, access));
    return w.r.pfec;
}

static void without_paging_linear_is_physical(void **state)
{
    (void)state;
    w.m = (struct guest_mode){ .cr0 = CR0_PE };
    assert_true(walk(0xdeadbeef, ACCESS_WRITE | ACCESS_USER));
    assert_int_equal(w.r.gpa.v, 0xdeadbeef);
}

static void four_levels_translate_all_page_sizes(void **state)
{
    (void)state;
    assert_true(walk(0x5abc, ACCESS_WRITE | ACCESS_USER));
    assert_true(w.r.gpa.v == 0x123456abc && w.r.page_size == 4096);
    put64(0x3000, 7, 0x40000000 | P | PS);
    assert_true(walk(7 * 0x200000 + 0x12345, ACCESS_READ));
    assert_true(w.r.gpa.v == 0x40012345 && w.r.page_size == 0x200000);
    put64(0x2000, 3, 0x1c0000000 | P | PS);
    assert_true(walk(3 * 0x40000000ULL + 0x1234567, ACCESS_READ));
    assert_true(w.r.gpa.v == 0x1c1234567 && w.r.page_size == 0x40000000);
}

static void five_levels_are_one_more(void **state)
{
    (void)state;
    w.m.cr4 |= CR4_LA57;
    w.m.cr3 = 0x5000;
    put64(0x5000, 0, 0x1000 | P | W | U);
    assert_true(walk(0x5abc, ACCESS_READ));
    assert_int_equal(fault(1ULL << 56, ACCESS_READ), 0);
    w.m.cr4 &= ~CR4_LA57;
}

static void absent_entries_and_odd_addresses_fault(void **state)
{
    (void)state;
    assert_int_equal(fault(0x6000, ACCESS_WRITE), PFEC_W);
    assert_int_equal(fault(1ULL << 39, ACCESS_USER), PFEC_U);
    assert_int_equal(fault(1ULL << 47, ACCESS_READ), 0);
    put64(0x4000, 6, 0);
    put64(0x3000, 1, 0x90000000 | P);               /* a table outside memory */
    assert_int_equal(fault(0x200000, ACCESS_READ), 0);
}

static void reserved_bits_fault_as_such(void **state)
{
    (void)state;
    put64(0x1000, 1, 0x2000 | P | PS);
    assert_int_equal(fault(1ULL << 39, ACCESS_READ), PFEC_P | PFEC_RSVD);
    put64(0x3000, 7, 0x40002000 | P | PS);
    assert_int_equal(fault(7 * 0x200000, ACCESS_READ), PFEC_P | PFEC_RSVD);
    put64(0x4000, 5, 0x123456000 | P | NX);
    assert_true(walk(0x5000, ACCESS_READ));
    w.m.efer &= ~EFER_NXE;
    assert_int_equal(fault(0x5000, ACCESS_READ), PFEC_P | PFEC_RSVD);
}

static void user_needs_u_at_every_level(void **state)
{
    (void)state;
    put64(0x2000, 0, 0x3000 | P | W);
    assert_int_equal(fault(0x5000, ACCESS_USER), PFEC_P | PFEC_U);
    assert_true(walk(0x5000, ACCESS_WRITE));
}

static void write_protection_depends_on_cr0_wp_for_supervisors(void **state)
{
    (void)state;
    put64(0x3000, 0, 0x4000 | P | U);
    assert_int_equal(fault(0x5000, ACCESS_WRITE), PFEC_P | PFEC_W);
    w.m.cr0 &= ~CR0_WP;
    assert_true(walk(0x5000, ACCESS_WRITE));
    assert_int_equal(fault(0x5000, ACCESS_WRITE | ACCESS_USER), PFEC_P | PFEC_W | PFEC_U);
}

static void no_execute_and_smep_stop_fetches(void **state)
{
    (void)state;
    assert_true(walk(0x5000, ACCESS_FETCH));
    w.m.cr4 |= CR4_SMEP;
    assert_int_equal(fault(0x5000, ACCESS_FETCH), PFEC_P | PFEC_I);
    assert_true(walk(0x5000, ACCESS_FETCH | ACCESS_USER));
    put64(0x3000, 0, 0x4000 | P | W | U | NX);
    assert_int_equal(fault(0x5000, ACCESS_FETCH | ACCESS_USER), PFEC_P | PFEC_I | PFEC_U);
    assert_true(walk(0x5000, ACCESS_USER));
}

static void smap_stops_supervisor_data_unless_ac(void **state)
{
    (void)state;
    w.m.cr4 |= CR4_SMAP;
    assert_int_equal(fault(0x5000, ACCESS_READ), PFEC_P);
    assert_true(walk(0x5000, ACCESS_USER));
    w.m.rflags |= RFLAGS_AC;
    assert_true(walk(0x5000, ACCESS_WRITE));
    assert_int_equal(fault(0x5000, ACCESS_READ | ACCESS_IMPLICIT), PFEC_P);
}

static void protection_keys_guard_user_pages(void **state)
{
    (void)state;
    w.m.cr4 |= CR4_PKE;
    w.m.pkru = 1u << (2 * 3);
    put64(0x4000, 5, 0x123456000 | P | W | U | 3ULL << 59);
    assert_int_equal(fault(0x5000, ACCESS_USER), PFEC_P | PFEC_U | 0x20);
    w.m.pkru = 2u << (2 * 3);
    assert_true(walk(0x5000, ACCESS_USER));
    assert_int_equal(fault(0x5000, ACCESS_USER | ACCESS_WRITE), PFEC_P | PFEC_U | PFEC_W | 0x20);
    assert_true(walk(0x5000, ACCESS_USER | ACCESS_FETCH));
}

static void accessed_and_dirty_are_set_on_request(void **state)
{
    (void)state;
    assert_true(walk(0x5000, ACCESS_WRITE));
    assert_int_equal(get64(0x4000, 5) & 0x60, 0);
    w.mem.set_bits = set_ram;
    w.fail_sets = 1;                                  /* a race: the walk is done again */
    assert_true(walk(0x5000, ACCESS_READ));
    assert_int_equal(get64(0x4000, 5) & 0x60, 0x20);
    assert_int_equal(get64(0x1000, 0) & 0x60, 0x20);
    assert_true(walk(0x5000, ACCESS_WRITE));
    assert_int_equal(get64(0x4000, 5) & 0x60, 0x60);
    assert_int_equal(get64(0x3000, 0) & 0x60, 0x20);
}

static void two_level_paging_knows_large_pages_with_36_bits(void **state)
{
    (void)state;
    w.m = (struct guest_mode){ .cr0 = CR0_PE | CR0_PG, .cr3 = 0x1000, .cr4 = CR4_PSE };
    memset(w.ram, 0, RAM);
    put32(0x1000, 1, 0x2000 | P | W);
    put32(0x2000, 2, 0x7654000 | P);
    assert_true(walk(0x402abc, ACCESS_WRITE));
    assert_int_equal(w.r.gpa.v, 0x7654abc);
    put32(0x1000, 3, 0x00c00000 | 0x6000 | PS | P | W);
    assert_true(walk(0xc12345, ACCESS_READ));
    assert_true(w.r.gpa.v == 0x300c12345 && w.r.page_size == 0x400000);
    assert_true(walk(0xffffffff00c12345, ACCESS_READ));           /* linear addresses have 32 bits */
    put32(0x1000, 3, 0x00c00000 | 1u << 21 | PS | P | W);
    assert_int_equal(fault(0xc12345, ACCESS_READ), PFEC_P | PFEC_RSVD);
    assert_int_equal(fault(0xc12345, ACCESS_FETCH), PFEC_P | PFEC_RSVD);
    w.m.cr4 = 0;
    put32(0x0, 0x12, 0);
    assert_int_equal(fault(0x00012000, ACCESS_USER), PFEC_U);
}

static void pae_starts_from_its_four_pointers(void **state)
{
    (void)state;
    w.m = (struct guest_mode){ .cr0 = CR0_PE | CR0_PG, .cr4 = CR4_PAE, .efer = EFER_NXE };
    w.m.pdpte[2] = 0x3000 | P;
    w.m.pdpte[3] = 0x3000 | P | W;
    assert_true(walk(0x80005abc, ACCESS_WRITE));
    assert_true(w.r.gpa.v == 0x123456abc);
    assert_int_equal(fault(0xc0005abc, ACCESS_READ), PFEC_P | PFEC_RSVD);
    assert_int_equal(fault(0x00005abc, ACCESS_FETCH), PFEC_I);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        T(without_paging_linear_is_physical), T(four_levels_translate_all_page_sizes), T(five_levels_are_one_more),
        T(absent_entries_and_odd_addresses_fault), T(reserved_bits_fault_as_such), T(user_needs_u_at_every_level),
        T(write_protection_depends_on_cr0_wp_for_supervisors), T(no_execute_and_smep_stop_fetches),
        T(smap_stops_supervisor_data_unless_ac), T(protection_keys_guard_user_pages),
        T(accessed_and_dirty_are_set_on_request), T(two_level_paging_knows_large_pages_with_36_bits),
        T(pae_starts_from_its_four_pointers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
