/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual IO-APIC (82093AA programming model): dom0 has one per real one (same address, GSI base and pins), an HVM guest one
 * with 48 pins. Pure; the caller holds the domain's VIOAPIC lock and delivers the messages returned.
 *
 * Lines are in terms of assertion ("the device wants service"), whatever the polarity. The owner of a passed-through
 * level line raises it when the host interrupt comes, lowers it before it passes the guest's EOI to vioapic_eoi, and
 * then ends the host's: a device that still asks fires anew, and a line that rose while the pin was masked is
 * delivered when the pin is unmasked. A passed-through edge is raised and lowered at once.
 */
#ifndef HVM_VIOAPIC_H
#define HVM_VIOAPIC_H

#include <hv/types.h>

#define VIOAPIC_MAX_PINS 240

struct ioapic_msg { uint8_t vector, mode; bool logical, level; uint8_t dest; };

struct vioapic {
    uint64_t address;
    unsigned int gsi_base, pins;
    uint8_t id, version, select;
    uint64_t rte[VIOAPIC_MAX_PINS];
    uint64_t line[(VIOAPIC_MAX_PINS + 63) / 64];       /* level of each pin as driven */
};

void vioapic_init(struct vioapic *io, uint64_t address, unsigned int gsi_base, unsigned int pins, uint8_t id);
/* offset within the 4 KiB page. Reads return the 32-bit register (0 elsewhere). */
uint32_t vioapic_read(const struct vioapic *io, unsigned int offset);
struct vioapic_effect {
    int changed_pin;           /* redirection entry written, or -1 */
    bool unmasked, masked;     /* its mask bit went 1->0 / 0->1 */
    bool level, active_low;    /* as now programmed */
    bool ended;                /* the write ended a level interrupt (flip to edge, EOI register) */
    bool has_msg; struct ioapic_msg msg; /* to deliver now (level line was high when unmasked) */
};
void vioapic_write(struct vioapic *io, unsigned int offset, uint32_t value, struct vioapic_effect *e);
/* Line changes; true: deliver *msg. Edge pins: a rising line. Level pins: remote IRR clear and unmasked. */
bool vioapic_set_line(struct vioapic *io, unsigned int pin, bool high, struct ioapic_msg *msg);
/* EOI broadcast for vector: clears remote IRR of matching level pins; fn is called for every pin ended; a pin whose line is
 * still high delivers again (fn's return is ignored; msg non-NULL then). */
void vioapic_eoi(struct vioapic *io, uint8_t vector,
                 void (*fn)(void *ctx, unsigned int pin, const struct ioapic_msg *again), void *ctx);
/* What an edge of the pin sends; false: nothing, it is masked or a level pin. Without the lock. */
bool vioapic_pin_message(const struct vioapic *io, unsigned int pin, struct ioapic_msg *msg);
bool vioapic_pin_masked(const struct vioapic *io, unsigned int pin);
/* Virtual wire mode by way of the IO-APIC (MultiProcessor Specification 1.4, 3.6.2.2): pin 0, where the PIC's output is
 * wired to, has ExtINT and is not masked. *to: where to. Without the lock, by any CPU. */
bool vioapic_passes_extint(const struct vioapic *io, struct ioapic_msg *to);
bool vioapic_pin_in_service(const struct vioapic *io, unsigned int pin);   /* remote IRR */

#endif
