/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a device's interrupt to dom0's virtual APIC, on a fake machine: one PCI function behind ports CF8 and CFC with MSI and
 * MSI-X, and two IO-APICs.
 */
#include "world.h"

#include "fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include <mm/heap.h>
#include <x86/irq.h>
#include <x86/softirq.h>

#define FUNCTION 0x18U
#define MSI_CAP 0x50U
#define MSIX_CAP 0x70U
#define BAR 0xfe000000UL
#define TABLE_PAGE ((BAR + 0x3000) >> PAGE_SHIFT)
#define APIC 0xfee00000U

static uint8_t config[256];
static uint32_t latch;

static uint32_t port_in(uint16_t port, unsigned int size)
{
    uint32_t v = UINT32_MAX;

    if (latch >> 8 == (0x800000 | FUNCTION) && port >= 0xcfc)
        memcpy(&v, config + (latch & 0xfc) + (port - 0xcfc), size);
    return v;
}

static void port_out(uint16_t port, unsigned int size, uint32_t value)
{
    if (port == 0xcf8 && size == 4)
        latch = value;
    else if (latch >> 8 == (0x800000 | FUNCTION))
        memcpy(config + (latch & 0xfc) + (port - 0xcfc), &value, size);
}

static void put(unsigned int reg, uint32_t value) { memcpy(config + reg, &value, 4); }
static uint32_t get(unsigned int reg)
{
    uint32_t v;

    memcpy(&v, config + reg, 4);
    return v;
}

static void enable_apic(struct vcpu *v)
{
    struct vlapic_effect e = { 0 };

    assert_true(vlapic_write(&v->lapic, 0xf0, 0x1ff, 0, &e));
}

static int setup(void **state)
{
    int rc = world_setup(state);

    if (rc != 0)
        return rc;
    fake_cpuid_set(0x80000008, 0, (struct cpuid_regs){ 40, 0, 0, 0 });
    fake_port_hooks(port_in, port_out);
    fake_ioapic_present(2);
    memset(config, 0, sizeof(config));
    put(0, 0x10d38086);
    put(4, 0x00100000);
    put(0x10, BAR);
    put(0x34, MSI_CAP);
    put(MSI_CAP, 0x05 | MSIX_CAP << 8 | 0x80 << 16);
    put(MSIX_CAP, 0x11 | 3 << 16);
    put(MSIX_CAP + 4, 0x3000);
    for (unsigned int i = 0; i < 2; i++) {
        world.dom0->vioapic[i] = heap_new(struct vioapic);         /* the domain's from now on */
        vioapic_init(world.dom0->vioapic[i], 0xfec00000 + i * 0x1000, i * 24, 24, (uint8_t)i);
    }
    world.dom0->vioapic_count = 2;
    enable_apic(world.v0);
    enable_apic(world.v1);
    dom0_irq_init();
    return dom0_pci_init(world.dom0);
}

/* What the machine's own domain does with I/O is vcpu's business; this is its other end. */
static void write_config(unsigned int reg, unsigned int size, uint32_t value)
{
    struct io_req req = { .write = true, .size = (uint8_t)size, .data = value };

    spin_lock(&world.dom0->vdev_lock);
    vpci_config_access(world.dom0->vpci, FUNCTION, reg, &req);
    spin_unlock(&world.dom0->vdev_lock);
    if (req.effects & IO_EFFECT_TRAPS)
        dom0_pci_settle(world.dom0);
}

static void fire(uint8_t vector)
{
    uint64_t flags = cpu_irq_save();

    irq_dispatch(vector);
    cpu_irq_restore(flags);
    softirq_run();
}

static uint64_t table(unsigned int offset, bool write, uint32_t value)
{
    struct io_req req = { .space = IO_MMIO, .write = write, .size = 4, .data = value,
                          .addr = (TABLE_PAGE << PAGE_SHIFT) + offset };

    assert_true(dom0_pci_access(world.dom0, &req));
    return req.data;
}

static uint8_t enable_msi(uint32_t apic_id)
{
    write_config(MSI_CAP + 4, 4, APIC | apic_id << 12);
    write_config(MSI_CAP + 12, 2, 0x4055);
    write_config(MSI_CAP + 2, 2, 0x81);
    assert_true(config[MSI_CAP + 2] & 1);
    assert_int_not_equal(config[MSI_CAP + 12], 0x55);
    return config[MSI_CAP + 12];
}

static void an_msi_arrives_at_the_vcpu_that_dom0_named(void **state)
{
    uint8_t vector = enable_msi(2);                  /* vCPU 1's id */

    (void)state;
    assert_int_equal(get(MSI_CAP + 4) & 0xfff00000, APIC);
    fire(vector);
    assert_int_equal(vlapic_pending(&world.v1->lapic), 0x55);
    assert_int_equal(vlapic_pending(&world.v0->lapic), -1);
    write_config(MSI_CAP + 4, 4, APIC);              /* moved to vCPU 0 while enabled */
    fire(vector);
    assert_int_equal(vlapic_pending(&world.v0->lapic), 0x55);
}

static void an_msi_after_it_was_disabled_is_nobodys(void **state)
{
    uint8_t vector = enable_msi(0);

    (void)state;
    write_config(MSI_CAP + 2, 2, 0x80);
    assert_false(config[MSI_CAP + 2] & 1);
    fire(vector);
    assert_int_equal(vlapic_pending(&world.v0->lapic), -1);
}

static void an_msi_to_a_cpu_that_is_not_there_is_dropped(void **state)
{
    uint8_t vector = enable_msi(0x80);

    (void)state;
    for (unsigned int i = 0; i < 3; i++)
        fire(vector);
    assert_int_equal(vlapic_pending(&world.v0->lapic), -1);
    assert_int_equal(vlapic_pending(&world.v1->lapic), -1);
}

static void the_table_is_taken_out_of_sight_wherever_it_moves(void **state)
{
    struct p2m *p = &world.dom0->p2m;
    gfn_t other = gfn_of(TABLE_PAGE + 1);

    (void)state;
    assert_int_equal(dom0_map_mmio(world.dom0, gfn_of(TABLE_PAGE)), 0);       /* not decoded: any page */
    assert_int_equal(p2m_lookup(p, gfn_of(TABLE_PAGE)).type, P2M_MMIO_DIRECT);
    write_config(4, 2, 2);
    assert_int_equal(p2m_lookup(p, gfn_of(TABLE_PAGE)).type, P2M_HOLE);
    assert_int_equal(p2m_lookup(p, other).type, P2M_MMIO_DIRECT);
    assert_int_equal(dom0_map_mmio(world.dom0, gfn_of(TABLE_PAGE)), -EPERM);
    write_config(0x10, 4, BAR + 0x10000);
    assert_int_equal(dom0_map_mmio(world.dom0, gfn_of(TABLE_PAGE)), 0);
    assert_int_equal(p2m_lookup(p, gfn_of(TABLE_PAGE + 0x10)).type, P2M_HOLE);
    assert_int_equal(dom0_map_mmio(world.dom0, gfn_of(TABLE_PAGE + 0x10)), -EPERM);
    assert_false(dom0_pci_access(world.dom0, &(struct io_req){ .size = 4, .addr = TABLE_PAGE << PAGE_SHIFT }));
}

static void msi_x_rows_lead_to_their_vectors(void **state)
{
    (void)state;
    write_config(4, 2, 2);
    write_config(MSIX_CAP + 2, 2, 0x8000);
    table(16, true, APIC | 2 << 12);
    table(24, true, 0x66);
    table(28, true, 0);
    assert_int_equal(table(16, false, 0), APIC | 2 << 12);
    fire(0x30);                                      /* the first vector there is */
    assert_int_equal(vlapic_pending(&world.v1->lapic), 0x66);
}

/* Bits of pending messages and registers that share the table's page are the device's own; in a page of theirs dom0 has
 * them without us. */
static void what_shares_the_tables_page_reaches_the_device(void **state)
{
    static const struct { unsigned int offset; uint8_t size; uint64_t value; } rows[] = {
        { 0x800, 8, 0x1122334455667788 }, { 0x900, 4, 0x99aabbcc }, { 0xffe, 2, 0xddee }, { 0xa01, 1, 0x42 },
        { 0x40, 4, 0x77 },                           /* right behind the last row */
    };

    (void)state;
    write_config(4, 2, 2);
    write_config(MSIX_CAP + 2, 2, 0x8000);
    for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++) {
        struct io_req req = { .space = IO_MMIO, .write = true, .size = rows[i].size, .data = rows[i].value,
                              .addr = (TABLE_PAGE << PAGE_SHIFT) + rows[i].offset };

        assert_true(dom0_pci_access(world.dom0, &req));
        req.write = false;
        req.data = 0;
        assert_true(dom0_pci_access(world.dom0, &req));
        assert_true(req.data == rows[i].value);
    }
    assert_int_equal(table(12, false, 0), 1);        /* no row has changed */
    assert_int_equal(dom0_map_mmio(world.dom0, gfn_of(TABLE_PAGE + 1)), 0);
    assert_int_equal(p2m_lookup(&world.dom0->p2m, gfn_of(TABLE_PAGE + 1)).type, P2M_MMIO_DIRECT);
}

static void an_access_that_leaves_the_tables_page_does_nothing(void **state)
{
    struct io_req req = { .space = IO_MMIO, .size = 4, .addr = (TABLE_PAGE << PAGE_SHIFT) + 0xffe };

    (void)state;
    write_config(4, 2, 2);
    assert_true(dom0_pci_access(world.dom0, &req));
    assert_int_equal(req.data, UINT32_MAX);
}

static void a_table_in_ram_is_not_written(void **state)
{
    uint32_t before = 0x12345678, after;

    (void)state;
    world_put_at(world.dom0, 0x203000, &before, 4);
    write_config(0x10, 4, 0x200000);
    write_config(4, 2, 2);
    write_config(MSIX_CAP + 2, 2, 0x8000);
    world_get(world.dom0, 0x203000, &after, 4);
    assert_int_equal(after, before);
    assert_int_equal(p2m_lookup(&world.dom0->p2m, gfn_of(0x203)).type, P2M_RAM_RW);
}

static void bind_gsi(unsigned int gsi, bool level, uint8_t vector)
{
    struct vioapic *io = world.dom0->vioapic[gsi / 24];
    struct vioapic_effect e = { .changed_pin = -1 };

    spin_lock(&world.dom0->vioapic_lock);
    vioapic_write(io, 0, 0x10 + 2 * (gsi % 24), &e);
    vioapic_write(io, 0x10, (level ? 0x8000U : 0) | vector, &e);
    spin_unlock(&world.dom0->vioapic_lock);
    dom0_gsi_changed(world.dom0, gsi, &e);
}

static void lines_of_the_second_ioapic_work_like_the_firsts(void **state)
{
    struct vlapic_effect e = { 0 };

    (void)state;
    bind_gsi(40, true, 0x71);
    assert_true(fake_gsi_fire(40));
    softirq_run();
    assert_int_equal(vlapic_pending(&world.v0->lapic), 0x71);
    assert_false(fake_gsi_fire(40));                 /* masked until dom0 has ended it */
    vlapic_accept(&world.v0->lapic, 0x71);
    vlapic_eoi(&world.v0->lapic, &e);
    domain_ioapic_eoi(world.dom0, 0x71);
    assert_true(fake_gsi_fire(40));
    softirq_run();
    assert_int_equal(vlapic_pending(&world.v0->lapic), 0x71);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_msi_arrives_at_the_vcpu_that_dom0_named),
        TEST(an_msi_after_it_was_disabled_is_nobodys),
        TEST(an_msi_to_a_cpu_that_is_not_there_is_dropped),
        TEST(the_table_is_taken_out_of_sight_wherever_it_moves),
        TEST(msi_x_rows_lead_to_their_vectors),
        TEST(what_shares_the_tables_page_reaches_the_device),
        TEST(an_access_that_leaves_the_tables_page_does_nothing),
        TEST(a_table_in_ram_is_not_written),
        TEST(lines_of_the_second_ioapic_work_like_the_firsts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
