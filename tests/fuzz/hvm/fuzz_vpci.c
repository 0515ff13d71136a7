/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices whose configuration space is anything at all, and a dom0 that accesses it and the tables anywhere. What must hold:
 * a vector is used only while it is bound, and bound only as often as there are vectors; a table is written only where
 * its pages are trapped.
 */
#include <hvm/vpci.h>

#include <stdlib.h>
#include <string.h>

#define DEVICES 3U
#define ROWS 4096U
#define VECTORS 192U
#define FIRST 0x30U

static uint8_t config[DEVICES][4096];
static bool bound[256];
static struct vpci pci;
static struct vpci_function functions[4];
static struct vpci_entry rows[ROWS];

static void must(bool good)
{
    if (!good)
        abort();
}

static uint32_t host_read(void *ctx, uint32_t sbdf, unsigned int reg, unsigned int size)
{
    uint32_t v = UINT32_MAX;

    (void)ctx;
    must(reg % size == 0 && reg + size <= 4096);
    if (sbdf < DEVICES)
        memcpy(&v, config[sbdf] + reg, size);
    return v;
}

static void host_write(void *ctx, uint32_t sbdf, unsigned int reg, unsigned int size, uint32_t value)
{
    (void)ctx;
    must(reg % size == 0 && reg + size <= 4096);
    if (sbdf < DEVICES)
        memcpy(config[sbdf] + reg, &value, size);
}

static int bind(void *ctx, unsigned int count, struct vpci_message *msg)
{
    (void)ctx;
    must(count != 0 && count <= 32 && (count & (count - 1)) == 0);
    for (unsigned int v = ALIGN_UP(FIRST, count); v + count <= FIRST + VECTORS; v += count) {
        unsigned int n = 0;

        while (n < count && !bound[v + n])
            n++;
        if (n < count)
            continue;
        memset(&bound[v], true, count);
        *msg = (struct vpci_message){ 0xfee00000, v };
        return (int)v;
    }
    return -28;
}

static void route(void *ctx, uint8_t vector, const struct ioapic_msg *to)
{
    (void)ctx;
    must(bound[vector] && (to == NULL || (to->vector >= 16 && to->mode <= 1)));
}

static void unbind(void *ctx, uint8_t vector, unsigned int count)
{
    (void)ctx;
    for (unsigned int i = 0; i < count; i++) {
        must(bound[vector + i]);
        bound[vector + i] = false;
    }
}

static void table_write(void *ctx, uint64_t at, uint32_t value)
{
    (void)ctx;
    (void)value;
    must(at % 4 == 0 && vpci_traps(&pci, at, at + 3));
}

static const struct vpci_host host = { host_read, host_write, NULL };
static const struct vpci_msi_host msi = { bind, route, unbind, table_write, NULL };

struct step { uint8_t what, size; uint16_t where; uint32_t value; };

static void run(const struct step *s)
{
    struct io_req req = { .space = IO_MMIO, .write = s->what & 1, .size = (uint8_t)(1U << (s->size & 3)),
                          .data = s->value | (uint64_t)s->value << 32 };
    uint64_t first, last;

    switch (s->what >> 1 & 3) {
    case 0:     /* configuration space */
        vpci_config_access(&pci, s->what >> 4 & 3, s->where & 0xfff, &req);
        break;
    case 1:     /* by ports */
        req.space = IO_PORT;
        req.addr = 0xcf8 + (s->where & 7);
        (void)vpci_port_access(&pci, &req);
        break;
    default:    /* near a table */
        if (vpci_trap(&pci, s->what >> 4 & 3, &first, &last) && first <= last)
            req.addr = first + s->where;
        (void)vpci_memory_access(&pci, &req);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vpci_room room = { functions, 4, rows, ROWS };
    struct step s;

    memset(config, 0, sizeof(config));
    memset(bound, 0, sizeof(bound));
    memset(functions, 0, sizeof(functions));
    memset(rows, 0, sizeof(rows));
    vpci_init(&pci, &host, &msi, &room);
    for (unsigned int d = 0; d < DEVICES; d++) {
        size_t n = min_of(size, (size_t)256);

        memcpy(config[d], data, n);
        data += n;
        size -= n;
        /* Often enough one with both capabilities. */
        if (config[d][1] & 1) {
            config[d][6] |= 0x10;
            config[d][0x34] = 0x40;
            config[d][0x40] = 0x05, config[d][0x41] = 0x60;
            config[d][0x60] = 0x11, config[d][0x61] = 0;
        }
    }
    for (; size >= sizeof(s); data += sizeof(s), size -= sizeof(s)) {
        memcpy(&s, data, sizeof(s));
        run(&s);
    }
    return 0;
}
