/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dom0's view of PCI configuration space. Both ways in, mechanism 1 (ports 0xCF8-0xCFF) and ECAM, end in
 * vpci_config_access(). All of it is the host's, passed through, except
 *   - functions that the hypervisor keeps, which are absent;
 *   - MSI capabilities and MSI-X tables: what dom0 writes there is kept here, and the device is given
 *     vectors of the host instead. A message that names no vector is never enabled at the device;
 *   - SR-IOV: virtual functions are not enabled, since their MSI-X tables are nobody's to trap yet.
 *
 * The pages of a MSI-X table are trapped wherever dom0 moves the BAR: IO_EFFECT_TRAPS in an access's effects
 * says that vpci_trap() would now give other ranges. Pure; the caller holds the domain's VDEV lock for every call.
 * (PCI Local Bus 3.0, 3.2.2.3 and 6.8; PCI Express 4.0, 7.2.2; SDM volume 3, 11.11 for messages.)
 */
#ifndef HVM_VPCI_H
#define HVM_VPCI_H

#include <hv/io.h>
#include <hvm/vioapic.h>

#define IO_EFFECT_TRAPS 0x8U       /* trapped ranges changed */

#define VPCI_MAX_HIDDEN 8
#define VPCI_MAX_ECAM 8
#define VPCI_CONFIG_SIZE 4096U

/* The host's configuration space; reg is aligned to size (1, 2, 4) and below 4096. */
struct vpci_host { uint32_t (*read)(void *ctx, uint32_t sbdf, unsigned int reg, unsigned int size);
                   void (*write)(void *ctx, uint32_t sbdf, unsigned int reg, unsigned int size, uint32_t value); void *ctx; };

/* What a device is given to write: a message of the host's. */
struct vpci_message { uint32_t address, data; };
/* The host's vectors. route(): interrupts of that vector become this message to dom0, NULL: they are dropped. */
struct vpci_msi_host {
    /* count (a power of two, up to 32) vectors in a row: the first one, or -errno. */
    int (*bind)(void *ctx, unsigned int count, struct vpci_message *msg);
    void (*route)(void *ctx, uint8_t vector, const struct ioapic_msg *to);
    void (*unbind)(void *ctx, uint8_t vector, unsigned int count);
    /* A 32-bit word of a MSI-X table, at a physical address. */
    void (*table_write)(void *ctx, uint64_t at, uint32_t value);
    void *ctx;
};

/* One row of a MSI-X table as dom0 wrote it, and what the device got instead. */
struct vpci_entry { uint64_t address; uint32_t data; bool masked; uint8_t vector /* 0: none */; struct vpci_message host; };

struct vpci_function {
    bool used, is_bridge, warned;
    uint32_t sbdf, id;             /* id: vendor and device, by which a replaced function is noticed */
    uint16_t sriov;
    struct {
        uint8_t cap, length, capable_log2;
        bool wide, maskable;
        bool enabled;
        uint8_t log2;              /* of the messages enabled */
        uint64_t address;
        uint16_t data;
        uint8_t vector, bound;     /* first vector of the host, how many */
        struct vpci_message host;
    } msi;
    struct {
        uint8_t cap, bar;
        bool enabled, masked;
        uint16_t count;
        uint32_t offset;           /* of the table in its BAR */
        uint64_t at;               /* where the table is decoded now; 0: nowhere */
        struct vpci_entry *entry;
    } msix;
};

struct vpci_ecam { uint64_t base; uint16_t segment; uint8_t bus_first, bus_last; };
struct vpci {
    uint32_t cf8;
    const struct vpci_host *host;
    const struct vpci_msi_host *msi;
    unsigned int hidden_count; uint32_t hidden[VPCI_MAX_HIDDEN];
    unsigned int ecam_count; struct vpci_ecam ecam[VPCI_MAX_ECAM];
    struct vpci_function *function; unsigned int function_max;
    struct vpci_entry *entry; unsigned int entry_max, entry_used;
    bool full_warned;
};

/* Memory for functions and for rows of MSI-X tables, zeroed. Without any, capabilities pass through untouched. */
struct vpci_room { struct vpci_function *function; unsigned int functions; struct vpci_entry *entry; unsigned int entries; };
void vpci_init(struct vpci *p, const struct vpci_host *host, const struct vpci_msi_host *msi,
               const struct vpci_room *room);
int vpci_hide(struct vpci *p, uint32_t sbdf) must_check;
bool vpci_is_hidden(const struct vpci *p, uint32_t sbdf);
/* base: of bus 0's space, as the MCFG table counts. */
int vpci_add_ecam(struct vpci *p, const struct vpci_ecam *e) must_check;

/* One access to configuration space, whatever way it came. One that is not 1, 2 or 4 bytes within one 32-bit register
 * below 4096 reads all-ones and writes nothing. */
void vpci_config_access(struct vpci *p, uint32_t sbdf, unsigned int reg, struct io_req *req);
/* An access to ports 0xCF8-0xCFF. 0xCF9 (reset) is not ours: IO_UNCLAIMED for byte accesses there. */
enum io_result vpci_port_access(struct vpci *p, struct io_req *req);
/* An access to memory: ECAM or a MSI-X table. IO_UNCLAIMED: neither; the device's own registers when vpci_traps() says that
 * the page is trapped. */
enum io_result vpci_memory_access(struct vpci *p, struct io_req *req);

/* Does [first, last] meet ECAM, or a page with part of a MSI-X table? */
bool vpci_traps(const struct vpci *p, uint64_t first, uint64_t last);
/* The pages of MSI-X tables, one after the other, as [first, last] addresses (first > last: none at this index); false: no
 * more. ECAM never moves and is not among them. */
bool vpci_trap(const struct vpci *p, unsigned int index, uint64_t *first, uint64_t *last);

/* What an address and data pair says (SDM 11.11): false when it names no vector that could be delivered. */
bool vpci_message_decode(uint64_t address, uint32_t data, struct ioapic_msg *msg);

#endif
