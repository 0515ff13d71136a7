/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dom0 and its PCI functions, with a host made of register files: what reaches a device is never what dom0 wrote as
 * a message, always a vector that was bound for it; what dom0 reads back is what it wrote.
 */
#include <hvm/vpci.h>
#include <lib/log.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NIC 0x0018U                /* 00:03.0: MSI-X in BAR 4 (64 bits), MSI, SR-IOV */
#define DISK 0x0020U               /* 00:04.0: MSI with 8 messages, 32 bits, no masking */
#define BRIDGE 0x0008U             /* 00:01.0, secondary bus 5 */
#define BEHIND 0x0500U             /* 05:00.0: as the NIC */
#define MSI_CAP 0x50U
#define MSIX_CAP 0x70U
#define SRIOV_CAP 0x100U
#define ROWS 5U
#define TABLE_OFFSET 0x2000U
#define BAR_AT 0x4fe00000UL
#define TABLE_AT (BAR_AT + TABLE_OFFSET)
#define ECAM 0xb0000000UL
#define APIC 0xfee00000U
#define HOST_FIRST 0x40

struct device { uint32_t sbdf; uint8_t config[4096]; };
static struct device device[4];
static struct { uint64_t at; uint32_t word[64]; } table;
static struct { bool bound, routed; struct ioapic_msg to; } vector[256];
static unsigned int vectors_left;
static struct vpci pci;
static struct vpci_function functions[8];
static struct vpci_entry rows[64];

static struct device *find(uint32_t sbdf)
{
    for (unsigned int i = 0; i < 4; i++)
        if (device[i].sbdf == sbdf)
            return &device[i];
    return NULL;
}

static uint32_t host_read(void *ctx, uint32_t sbdf, unsigned int reg, unsigned int size)
{
    struct device *d = find(sbdf);
    uint32_t v = UINT32_MAX;

    (void)ctx;
    assert_true(reg % size == 0 && reg + size <= 4096);
    if (d != NULL) {
        v = 0;
        memcpy(&v, d->config + reg, size);
    }
    return v;
}

static void host_write(void *ctx, uint32_t sbdf, unsigned int reg, unsigned int size, uint32_t value)
{
    struct device *d = find(sbdf);

    (void)ctx;
    assert_true(reg % size == 0 && reg + size <= 4096);
    if (d != NULL)
        memcpy(d->config + reg, &value, size);
}

static int bind(void *ctx, unsigned int count, struct vpci_message *msg)
{
    unsigned int v = HOST_FIRST;

    (void)ctx;
    if (count > vectors_left)
        return -ENOSPC;
    while (vector[v].bound)
        v += 32;
    for (unsigned int i = 0; i < count; i++)
        vector[v + i].bound = true;
    vectors_left -= count;
    *msg = (struct vpci_message){ APIC | 1 << 12, v };
    return (int)v;
}

static void route(void *ctx, uint8_t v, const struct ioapic_msg *to)
{
    (void)ctx;
    assert_true(vector[v].bound);
    vector[v].routed = to != NULL;
    if (to != NULL)
        vector[v].to = *to;
}

static void unbind(void *ctx, uint8_t v, unsigned int count)
{
    (void)ctx;
    for (unsigned int i = 0; i < count; i++) {
        assert_true(vector[v + i].bound);
        vector[v + i].bound = vector[v + i].routed = false;
    }
    vectors_left += count;
}

/* The invariant: a row that is not masked at the device holds a bound vector of the host. */
static void table_write(void *ctx, uint64_t at, uint32_t value)
{
    (void)ctx;
    assert_true(at >= table.at && at < table.at + ROWS * 16 && at % 4 == 0);
    table.word[(at - table.at) / 4] = value;
    for (unsigned int i = 0; i < ROWS; i++)
        if ((table.word[4 * i + 3] & 1) == 0) {
            assert_int_equal(table.word[4 * i], APIC | 1 << 12);
            assert_true(vector[table.word[4 * i + 2]].bound);
        }
}

static void set(uint32_t sbdf, unsigned int reg, uint32_t value, unsigned int size)
{
    memcpy(find(sbdf)->config + reg, &value, size);
}
static uint32_t get(uint32_t sbdf, unsigned int reg, unsigned int size)
{
    uint32_t v = 0;

    memcpy(&v, find(sbdf)->config + reg, size);
    return v;
}

static void make_nic(uint32_t sbdf)
{
    set(sbdf, 0, 0x10d38086, 4);
    set(sbdf, 6, 0x10, 2);
    set(sbdf, 0x34, MSI_CAP, 1);
    set(sbdf, MSI_CAP, 0x05 | MSIX_CAP << 8 | 0x180 << 16, 4);        /* 64 bits, maskable */
    set(sbdf, MSIX_CAP, 0x11 | (ROWS - 1) << 16, 4);
    set(sbdf, MSIX_CAP + 4, TABLE_OFFSET | 4, 4);
    set(sbdf, MSIX_CAP + 8, 0x3000 | 4, 4);
    set(sbdf, 0x10, 1, 4);
    set(sbdf, 0x20, (uint32_t)BAR_AT | 0xc, 4);
    set(sbdf, 0x24, 0x10, 4);                                          /* above 4 GiB */
    set(sbdf, SRIOV_CAP, 0x10010, 4);
}

static int setup(void **state)
{
    static const struct vpci_host host = { host_read, host_write, NULL };
    static const struct vpci_msi_host msi = { bind, route, unbind, table_write, NULL };
    struct vpci_room room = { functions, 8, rows, 64 };

    (void)state;
    memset(device, 0, sizeof(device));
    memset(vector, 0, sizeof(vector));
    memset(functions, 0, sizeof(functions));
    memset(rows, 0, sizeof(rows));
    memset(&table, 0, sizeof(table));
    for (unsigned int i = 0; i < ROWS; i++)
        table.word[4 * i + 3] = 1;                                     /* as after a reset */
    table.at = TABLE_AT + (0x10ULL << 32);
    vectors_left = 100;
    device[0].sbdf = NIC, device[1].sbdf = DISK, device[2].sbdf = BRIDGE, device[3].sbdf = BEHIND;
    make_nic(NIC);
    make_nic(BEHIND);
    set(BEHIND, 0x24, 0x11, 4);
    set(DISK, 0, 0x29228086, 4);
    set(DISK, 6, 0x10, 2);
    set(DISK, 0x34, MSI_CAP, 1);
    set(DISK, MSI_CAP, 0x05 | 3 << 17 << 0, 4);
    set(BRIDGE, 0, 0x34208086, 4);
    set(BRIDGE, 0xe, 1, 1);
    set(BRIDGE, 0x18, 0x00060500, 4);
    vpci_init(&pci, &host, &msi, &room);
    return vpci_add_ecam(&pci, &(struct vpci_ecam){ ECAM, 0, 0, 255 });
}

static uint32_t config(uint32_t sbdf, unsigned int reg, unsigned int size, bool write, uint32_t value,
                       uint32_t *effects)
{
    struct io_req req = { .space = IO_MMIO, .write = write, .size = (uint8_t)size, .data = value,
                          .addr = ECAM + ((uint64_t)sbdf << 12) + reg };

    assert_int_equal(vpci_memory_access(&pci, &req), IO_DONE);
    if (effects != NULL)
        *effects = req.effects;
    return (uint32_t)req.data;
}
#define read_config(sbdf, reg, size) config(sbdf, reg, size, false, 0, NULL)
#define write_config(sbdf, reg, size, value) config(sbdf, reg, size, true, value, NULL)

static uint64_t access_table(unsigned int offset, unsigned int size, bool write, uint64_t value)
{
    struct io_req req = { .space = IO_MMIO, .write = write, .size = (uint8_t)size, .data = value,
                          .addr = table.at + offset };

    assert_int_equal(vpci_memory_access(&pci, &req), IO_DONE);
    return req.data;
}
#define read_table(offset) ((uint32_t)access_table(offset, 4, false, 0))
#define write_table(offset, value) ((void)access_table(offset, 4, true, value))

static void decode_on(void) { write_config(NIC, 4, 2, 6); }

static void write_row(unsigned int row, uint32_t address, uint32_t data)
{
    write_table(row * 16, address);
    write_table(row * 16 + 4, 0);
    write_table(row * 16 + 8, data);
}

/* As Linux does it: everything masked, then enabled, rows written, function unmasked, row unmasked. */
static void enable_msix(void)
{
    decode_on();
    write_config(NIC, MSIX_CAP + 2, 2, 0xc000);
    for (unsigned int i = 0; i < ROWS; i++)
        write_table(i * 16 + 12, 1);
    write_row(1, APIC | 2 << 12, 0x4123 & 0xff);
    write_config(NIC, MSIX_CAP + 2, 2, 0x8000);
    write_table(1 * 16 + 12, 0);
}

/* ---- configuration space ---- */

static void both_mechanisms_reach_the_same_register(void **state)
{
    struct io_req latch = { .write = true, .size = 4, .addr = 0xcf8, .data = 0x80000000 | NIC << 8 };
    struct io_req data = { .size = 2, .addr = 0xcfe };

    (void)state;
    assert_int_equal(vpci_port_access(&pci, &latch), IO_DONE);
    assert_int_equal(vpci_port_access(&pci, &data), IO_DONE);
    assert_int_equal(data.data, 0x10d3);
    assert_int_equal(read_config(NIC, 2, 2), 0x10d3);
    assert_int_equal(read_config(NIC, 0, 4), 0x10d38086);
    assert_int_equal(read_config(NIC, SRIOV_CAP, 4), 0x10010);
    assert_int_equal(read_config(0x1234, 0, 4), UINT32_MAX);
}

static void accesses_that_straddle_registers_do_nothing(void **state)
{
    static const struct { unsigned int reg, size; } bad[] = { { 2, 4 }, { 3, 2 }, { 0xfff, 2 }, { 0xffe, 4 },
                                                              { 0, 8 }, { 1, 4 }, { 0, 3 } };
    struct device before = device[0];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct io_req req = { .space = IO_MMIO, .size = (uint8_t)bad[i].size,
                              .addr = ECAM + ((uint64_t)NIC << 12) + bad[i].reg };

        assert_int_equal(vpci_memory_access(&pci, &req), IO_DONE);
        assert_true(req.data == io_all_ones(bad[i].size));
        req.write = true;
        req.data = 0;
        assert_int_equal(vpci_memory_access(&pci, &req), IO_DONE);
    }
    assert_memory_equal(&before, &device[0], sizeof(before));
}

static void a_word_in_the_middle_of_a_register_is_read_in_bytes(void **state)
{
    (void)state;
    set(NIC, 0x40, 0x44332211, 4);
    assert_int_equal(read_config(NIC, 0x41, 2), 0x3322);
    write_config(NIC, 0x41, 2, 0xaabb);
    assert_int_equal(get(NIC, 0x40, 4), 0x44aabb11);
}

static void ecam_ends_with_its_last_bus(void **state)
{
    struct io_req req = { .space = IO_MMIO, .size = 4, .addr = ECAM + (256UL << 20) };

    (void)state;
    assert_int_equal(vpci_memory_access(&pci, &req), IO_UNCLAIMED);
    req.addr = ECAM - 4;
    assert_int_equal(vpci_memory_access(&pci, &req), IO_UNCLAIMED);
    assert_true(vpci_traps(&pci, ECAM + (255UL << 20), ECAM + (255UL << 20)));
    assert_false(vpci_traps(&pci, ECAM + (256UL << 20), ECAM + (257UL << 20)));
    assert_int_equal(vpci_add_ecam(&pci, &(struct vpci_ecam){ ECAM, 1, 0, 0 }), -EINVAL);
    assert_int_equal(vpci_add_ecam(&pci, &(struct vpci_ecam){ 0x1000, 1, 0, 0 }), -EINVAL);
    assert_int_equal(vpci_add_ecam(&pci, &(struct vpci_ecam){ UINT64_MAX & ~0xfffffUL, 1, 0, 255 }), -EINVAL);
}

static void virtual_functions_stay_off(void **state)
{
    (void)state;
    write_config(NIC, SRIOV_CAP + 8, 2, 0x19);
    assert_int_equal(get(NIC, SRIOV_CAP + 8, 2), 0x10);
}

static void capabilities_that_go_round_in_circles_end(void **state)
{
    (void)state;
    set(DISK, MSI_CAP, 0x01 | MSI_CAP << 8, 4);
    set(DISK, 0x100, 0x10010001, 4);
    assert_int_equal(read_config(DISK, 0, 2), 0x8086);
}

/* ---- messages ---- */

static void only_messages_that_can_be_delivered_are_messages(void **state)
{
    struct ioapic_msg m;

    (void)state;
    assert_true(vpci_message_decode(APIC | 0x12 << 12 | 4, 0x131, &m));
    assert_int_equal(m.vector, 0x31);
    assert_int_equal(m.mode, 1);
    assert_int_equal(m.dest, 0x12);
    assert_true(m.logical);
    assert_true(vpci_message_decode(APIC | 8, 0x4031, &m));
    assert_false(m.logical);
    assert_false(vpci_message_decode(0xfed00000, 0x31, &m));
    assert_false(vpci_message_decode(0x1000, 0x31, &m));                       /* somebody's memory */
    assert_false(vpci_message_decode(APIC | 1ULL << 32, 0x31, &m));
    assert_false(vpci_message_decode(APIC | 1 << 5, 0x31, &m));
    assert_false(vpci_message_decode(APIC, 0x0f, &m));
    assert_false(vpci_message_decode(APIC, 0x431, &m));                        /* NMI */
    assert_false(vpci_message_decode(APIC, 0x231, &m));                        /* SMI */
    assert_false(vpci_message_decode(APIC, 0x731, &m));                        /* ExtINT */
    assert_false(vpci_message_decode(APIC, 0x8031, &m));                       /* level */
}

/* ---- MSI ---- */

static void msi_gives_the_device_a_vector_of_the_host(void **state)
{
    (void)state;
    write_config(NIC, MSI_CAP + 4, 4, APIC | 3 << 12);
    write_config(NIC, MSI_CAP + 8, 4, 0);
    write_config(NIC, MSI_CAP + 12, 2, 0x4055);
    assert_int_equal(get(NIC, MSI_CAP + 4, 4), 0);
    write_config(NIC, MSI_CAP + 2, 2, 0x181);
    assert_int_equal(get(NIC, MSI_CAP + 4, 4), APIC | 1 << 12);
    assert_int_equal(get(NIC, MSI_CAP + 12, 2), HOST_FIRST);
    assert_int_equal(get(NIC, MSI_CAP + 2, 2), 0x181);
    assert_int_equal(vector[HOST_FIRST].to.vector, 0x55);
    assert_int_equal(vector[HOST_FIRST].to.dest, 3);
    assert_int_equal(read_config(NIC, MSI_CAP + 4, 4), APIC | 3 << 12);
    assert_int_equal(read_config(NIC, MSI_CAP + 12, 4), 0x4055);
    assert_int_equal(read_config(NIC, MSI_CAP, 4) >> 16, 0x181);
    write_config(NIC, MSI_CAP + 2, 2, 0x180);
    assert_int_equal(get(NIC, MSI_CAP + 2, 2), 0x180);
    assert_false(vector[HOST_FIRST].bound);
}

static void several_messages_have_vectors_in_a_row_on_both_sides(void **state)
{
    (void)state;
    write_config(DISK, MSI_CAP + 4, 4, APIC);
    write_config(DISK, MSI_CAP + 8, 2, 0x62);
    write_config(DISK, MSI_CAP + 2, 2, 0x21);                                   /* four */
    assert_int_equal(get(DISK, MSI_CAP + 8, 2), HOST_FIRST);
    assert_int_equal(get(DISK, MSI_CAP + 2, 2) & 0x71, 0x21);
    for (unsigned int i = 0; i < 4; i++)
        assert_int_equal(vector[HOST_FIRST + i].to.vector, 0x60 + i);
    assert_false(vector[HOST_FIRST + 4].bound);
    write_config(DISK, MSI_CAP + 2, 2, 0x71);                                   /* more than it can: eight */
    assert_int_equal(get(DISK, MSI_CAP + 2, 2) & 0x71, 0x31);
    assert_int_equal(vectors_left, 92);
    assert_int_equal(read_config(DISK, MSI_CAP + 2, 2) & 0x71, 0x31);
}

static void msi_follows_an_affinity_change_while_enabled(void **state)
{
    msi_gives_the_device_a_vector_of_the_host(state);
    write_config(NIC, MSI_CAP + 2, 2, 0x181);
    write_config(NIC, MSI_CAP + 4, 4, APIC | 7 << 12);
    write_config(NIC, MSI_CAP + 12, 2, 0x66);
    assert_int_equal(vector[HOST_FIRST].to.vector, 0x66);
    assert_int_equal(vector[HOST_FIRST].to.dest, 7);
    assert_int_equal(get(NIC, MSI_CAP + 4, 4), APIC | 1 << 12);
    assert_int_equal(vectors_left, 99);
}

/* What the log has got since it was last asked. */
static bool log_says(const char *what)
{
    char text[4096];
    uint32_t index = 0;
    size_t size = log_ring_read(text, sizeof(text) - 1, &index, false, true);

    text[size] = '\0';
    return strstr(text, what) != NULL;
}

static void an_msi_to_nobody_is_not_enabled_until_it_is_put_right(void **state)
{
    (void)state;
    write_config(NIC, MSI_CAP + 4, 4, 0x12345678);
    write_config(NIC, MSI_CAP + 12, 2, 0x55);
    write_config(NIC, MSI_CAP + 2, 2, 0x181);
    assert_true(log_says("MSI to nobody, address 0x12345678"));
    assert_int_equal(get(NIC, MSI_CAP + 2, 2), 0x180);
    assert_int_equal(get(NIC, MSI_CAP + 4, 4), 0);
    assert_int_equal(read_config(NIC, MSI_CAP + 2, 2), 0x181);
    write_config(NIC, MSI_CAP + 4, 4, APIC);
    assert_int_equal(get(NIC, MSI_CAP + 2, 2), 0x181);
    write_config(NIC, MSI_CAP + 12, 2, 0x3);                                    /* a reserved vector */
    assert_int_equal(get(NIC, MSI_CAP + 2, 2), 0x180);
    assert_false(vector[HOST_FIRST].routed);
}

/* As Linux frees an interrupt: the message is cleared while it is enabled, then disabled. */
static void a_message_that_is_let_go_of_stops_without_a_complaint(void **state)
{
    (void)state;
    write_config(NIC, MSI_CAP + 4, 4, APIC);
    write_config(NIC, MSI_CAP + 12, 2, 0x55);
    write_config(NIC, MSI_CAP + 2, 2, 0x181);
    assert_true(vector[HOST_FIRST].routed);
    write_config(NIC, MSI_CAP + 4, 4, 0);
    assert_int_equal(get(NIC, MSI_CAP + 2, 2), 0x180);
    assert_false(vector[HOST_FIRST].routed);
    write_config(NIC, MSI_CAP + 12, 2, 0);
    write_config(NIC, MSI_CAP + 2, 2, 0x180);
    assert_false(log_says("to nobody"));
}

static void without_vectors_the_device_stays_off(void **state)
{
    (void)state;
    vectors_left = 0;
    write_config(NIC, MSI_CAP + 4, 4, APIC);
    write_config(NIC, MSI_CAP + 12, 2, 0x55);
    write_config(NIC, MSI_CAP + 2, 2, 0x181);
    assert_int_equal(get(NIC, MSI_CAP + 2, 2), 0x180);
    enable_msix();
    assert_int_equal(table.word[4 + 3] & 1, 1);
}

static void masks_of_msi_are_the_devices_own(void **state)
{
    (void)state;
    write_config(NIC, MSI_CAP + 16, 4, 1);
    assert_int_equal(get(NIC, MSI_CAP + 16, 4), 1);
    set(NIC, MSI_CAP + 20, 1, 4);
    assert_int_equal(read_config(NIC, MSI_CAP + 20, 4), 1);
}

static void what_firmware_left_enabled_is_disabled(void **state)
{
    (void)state;
    set(NIC, MSI_CAP + 2, 0x181, 2);
    set(NIC, MSIX_CAP + 2, 0x8000 | (ROWS - 1), 2);
    assert_int_equal(read_config(NIC, 0, 2), 0x8086);
    assert_int_equal(get(NIC, MSI_CAP + 2, 2), 0x180);
    assert_int_equal(get(NIC, MSIX_CAP + 2, 2), ROWS - 1);
}

/* ---- MSI-X ---- */

static void a_row_is_bound_when_it_is_unmasked(void **state)
{
    (void)state;
    enable_msix();
    assert_int_equal(table.word[4 + 3] & 1, 0);
    assert_int_equal(table.word[4 + 2], HOST_FIRST);
    assert_int_equal(vector[HOST_FIRST].to.vector, 0x23);
    assert_int_equal(vector[HOST_FIRST].to.dest, 2);
    assert_int_equal(vectors_left, 99);
    assert_int_equal(read_table(16), APIC | 2 << 12);
    assert_int_equal(read_table(16 + 8), 0x23);
    assert_int_equal(read_table(16 + 12), 0);
    assert_int_equal(read_table(12), 1);
    assert_true((access_table(16, 8, false, 0) & UINT32_MAX) == (APIC | 2 << 12));
    write_table(16 + 12, 1);
    assert_int_equal(table.word[4 + 3] & 1, 1);
    write_config(NIC, MSIX_CAP + 2, 2, 0);
    assert_int_equal(vectors_left, 100);
}

static void a_row_may_change_while_it_is_enabled(void **state)
{
    (void)state;
    enable_msix();
    (void)access_table(16, 8, true, APIC | 5 << 12);
    write_table(16 + 8, 0x77);
    assert_int_equal(vector[HOST_FIRST].to.vector, 0x77);
    assert_int_equal(vector[HOST_FIRST].to.dest, 5);
    assert_int_equal(table.word[4 + 2], HOST_FIRST);
    write_table(16, 0xdeadbeef);                                                /* garbage: dropped when it fires */
    assert_false(vector[HOST_FIRST].routed);
    assert_int_equal(table.word[4], APIC | 1 << 12);
}

static void the_function_mask_keeps_rows_unbound(void **state)
{
    (void)state;
    decode_on();
    write_config(NIC, MSIX_CAP + 2, 2, 0xc000);
    write_row(0, APIC, 0x40);
    write_table(12, 0);
    assert_int_equal(vectors_left, 100);
    assert_int_equal(table.word[3] & 1, 1);
    write_config(NIC, MSIX_CAP + 3, 1, 0x80);                                   /* a byte write will do */
    assert_int_equal(vectors_left, 99);
    assert_int_equal(table.word[3] & 1, 0);
    assert_int_equal(get(NIC, MSIX_CAP + 2, 2) & 0xc000, 0x8000);
}

static void a_table_moves_with_its_bar(void **state)
{
    uint32_t effects;
    uint64_t first, last, old = table.at;

    (void)state;
    (void)read_config(NIC, 0, 4);
    assert_true(vpci_trap(&pci, 0, &first, &last) && first > last);             /* not decoded yet */
    config(NIC, 4, 2, true, 6, &effects);
    assert_true(effects & IO_EFFECT_TRAPS);
    assert_true(vpci_traps(&pci, old, old));
    enable_msix();
    memset(table.word, 0xff, sizeof(table.word));
    table.at = TABLE_AT + (0x12ULL << 32);
    config(NIC, 0x24, 4, true, 0x12, &effects);
    assert_true(effects & IO_EFFECT_TRAPS);
    assert_false(vpci_traps(&pci, old, old));
    assert_true(vpci_traps(&pci, table.at & ~0xfffUL, table.at));
    assert_true(vpci_trap(&pci, 0, &first, &last));
    assert_int_equal(first, table.at);
    assert_int_equal(last, table.at + 0xfff);
    config(NIC, 4, 2, true, 0, &effects);
    assert_true(effects & IO_EFFECT_TRAPS);
    assert_false(vpci_traps(&pci, table.at, table.at));
    table.word[4 + 2] = table.word[4 + 3] = 1;
    decode_on();                                                                /* rows are written again */
    assert_int_equal(table.word[4 + 2], HOST_FIRST);
    assert_int_equal(table.word[4 + 3], 0);
}

static void a_reset_device_is_programmed_again_when_dom0_restores_it(void **state)
{
    (void)state;
    enable_msix();
    for (unsigned int i = 0; i < 4 * ROWS; i++)
        table.word[i] = i % 4 == 3;
    set(NIC, MSIX_CAP + 2, ROWS - 1, 2);
    write_row(1, APIC | 2 << 12, 0x23);
    write_table(16 + 12, 0);
    write_config(NIC, MSIX_CAP + 2, 2, 0x8000);
    assert_int_equal(table.word[4 + 2], HOST_FIRST);
    assert_int_equal(table.word[4 + 3], 0);
    assert_int_equal(vectors_left, 99);
}

static void strange_accesses_to_a_table_do_nothing(void **state)
{
    struct io_req req = { .space = IO_MMIO, .size = 4 };

    (void)state;
    enable_msix();
    assert_int_equal(access_table(16, 1, false, 0), 0xff);
    assert_int_equal(access_table(18, 4, false, 0), 0xffffffff);
    assert_true(access_table(12, 8, false, 0) == UINT64_MAX);
    (void)access_table(16, 2, true, 0);
    assert_int_equal(read_table(16), APIC | 2 << 12);
    req.addr = table.at + ROWS * 16;                                            /* the device's own, behind it */
    assert_int_equal(vpci_memory_access(&pci, &req), IO_UNCLAIMED);
    req.addr = table.at + ROWS * 16 - 4;
    req.size = 8;
    assert_int_equal(vpci_memory_access(&pci, &req), IO_DONE);
    assert_true(req.data == UINT64_MAX);
}

/* ---- buses ---- */

static void new_bus_numbers_forget_what_was_behind(void **state)
{
    (void)state;
    (void)read_config(BRIDGE, 0, 4);
    (void)read_config(BEHIND, 0, 4);
    write_config(BEHIND, MSI_CAP + 4, 4, APIC);
    write_config(BEHIND, MSI_CAP + 12, 2, 0x55);
    write_config(BEHIND, MSI_CAP + 2, 2, 0x181);
    assert_int_equal(vectors_left, 99);
    write_config(BRIDGE, 0x18, 4, 0x00080700);
    assert_int_equal(vectors_left, 100);
    assert_int_equal(get(BEHIND, MSI_CAP + 2, 2), 0x180);
    assert_int_equal(get(BRIDGE, 0x18, 4), 0x00080700);
}

static void another_device_in_the_same_place_is_learnt_anew(void **state)
{
    (void)state;
    enable_msix();
    set(NIC, 0, 0x12345678, 4);
    set(NIC, 0x34, 0, 1);
    table.word[4 + 3] = 1;
    assert_int_equal(read_config(NIC, 0, 4), 0x12345678);
    assert_int_equal(vectors_left, 100);
    assert_false(vpci_traps(&pci, table.at, table.at));
    set(NIC, 0, 0xffffffff, 4);
    assert_int_equal(read_config(NIC, 0, 4), 0xffffffff);
    make_nic(NIC);
    enable_msix();
    assert_int_equal(vectors_left, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(both_mechanisms_reach_the_same_register, setup),
        cmocka_unit_test_setup(accesses_that_straddle_registers_do_nothing, setup),
        cmocka_unit_test_setup(a_word_in_the_middle_of_a_register_is_read_in_bytes, setup),
        cmocka_unit_test_setup(ecam_ends_with_its_last_bus, setup),
        cmocka_unit_test_setup(virtual_functions_stay_off, setup),
        cmocka_unit_test_setup(capabilities_that_go_round_in_circles_end, setup),
        cmocka_unit_test_setup(only_messages_that_can_be_delivered_are_messages, setup),
        cmocka_unit_test_setup(msi_gives_the_device_a_vector_of_the_host, setup),
        cmocka_unit_test_setup(several_messages_have_vectors_in_a_row_on_both_sides, setup),
        cmocka_unit_test_setup(msi_follows_an_affinity_change_while_enabled, setup),
        cmocka_unit_test_setup(an_msi_to_nobody_is_not_enabled_until_it_is_put_right, setup),
        cmocka_unit_test_setup(a_message_that_is_let_go_of_stops_without_a_complaint, setup),
        cmocka_unit_test_setup(without_vectors_the_device_stays_off, setup),
        cmocka_unit_test_setup(masks_of_msi_are_the_devices_own, setup),
        cmocka_unit_test_setup(what_firmware_left_enabled_is_disabled, setup),
        cmocka_unit_test_setup(a_row_is_bound_when_it_is_unmasked, setup),
        cmocka_unit_test_setup(a_row_may_change_while_it_is_enabled, setup),
        cmocka_unit_test_setup(the_function_mask_keeps_rows_unbound, setup),
        cmocka_unit_test_setup(a_table_moves_with_its_bar, setup),
        cmocka_unit_test_setup(a_reset_device_is_programmed_again_when_dom0_restores_it, setup),
        cmocka_unit_test_setup(strange_accesses_to_a_table_do_nothing, setup),
        cmocka_unit_test_setup(new_bus_numbers_forget_what_was_behind, setup),
        cmocka_unit_test_setup(another_device_in_the_same_place_is_learnt_anew, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
