/* SPDX-License-Identifier: BSD-2-Clause */
/* The platform's devices as records of a saved domain (xen/arch-x86/hvm/save.h). The domain is paused. */
#include <domain/platform.h>

#include <domain/domain.h>
#include <hv/errno.h>
#include <lib/string.h>
#include <x86/time.h>

union platform_record {
    struct hvm_hw_vpic pic; struct hvm_hw_vioapic ioapic; struct hvm_hw_pci_irqs pci; struct hvm_hw_isa_irqs isa;
    struct hvm_hw_pci_link link; struct hvm_hw_pit pit; struct hvm_hw_rtc rtc; struct hvm_hw_hpet hpet;
    struct hvm_hw_pmtimer pm;
};
_Static_assert(sizeof(union platform_record) <= PLATFORM_RECORD_MAX, "a record fits where callers put it");

static const struct { uint16_t type; uint16_t count; uint32_t length; } records[] = {
    { HVM_SAVE_CODE(PIC), 2, sizeof(struct hvm_hw_vpic) },
    { HVM_SAVE_CODE(IOAPIC), 1, sizeof(struct hvm_hw_vioapic) },
    { HVM_SAVE_CODE(PCI_IRQ), 1, sizeof(struct hvm_hw_pci_irqs) },
    { HVM_SAVE_CODE(ISA_IRQ), 1, sizeof(struct hvm_hw_isa_irqs) },
    { HVM_SAVE_CODE(PCI_LINK), 1, sizeof(struct hvm_hw_pci_link) },
    { HVM_SAVE_CODE(PIT), 1, sizeof(struct hvm_hw_pit) },
    { HVM_SAVE_CODE(RTC), 1, sizeof(struct hvm_hw_rtc) },
    { HVM_SAVE_CODE(HPET), 1, sizeof(struct hvm_hw_hpet) },
    { HVM_SAVE_CODE(PMTIMER), 1, sizeof(struct hvm_hw_pmtimer) },
};

uint32_t platform_record_length(uint16_t type)
{
    for (unsigned int i = 0; i < ARRAY_COUNT(records); i++)
        if (records[i].type == type)
            return records[i].length;
    return 0;
}

bool platform_record_at(const struct domain *d, unsigned int n, uint16_t *type, uint16_t *instance)
{
    if (!d->platform)
        return false;
    for (unsigned int i = 0; i < ARRAY_COUNT(records); i++) {
        if (n < records[i].count) {
            *type = records[i].type;
            *instance = (uint16_t)n;
            return true;
        }
        n -= records[i].count;
    }
    return false;
}

static void save_ioapic(const struct domain *d, struct hvm_hw_vioapic *to)
{
    const struct vioapic *io = d->vioapic_count ? d->vioapic[0] : NULL;

    if (!io)
        return;
    to->base_address = io->address;
    to->ioregsel = io->select;
    to->id = io->id;
    for (unsigned int i = 0; i < VLINES_PINS; i++)
        to->redirtbl[i].bits = io->rte[i];
}

static void save_one(const struct domain *d, uint16_t type, uint16_t instance, union platform_record *r)
{
    const struct platform *p = d->platform;

    switch (type) {
    case HVM_SAVE_CODE(PIC):      r->pic = p->pic.chip[instance & 1]; break;
    case HVM_SAVE_CODE(IOAPIC):   save_ioapic(d, &r->ioapic); break;
    case HVM_SAVE_CODE(PCI_IRQ):  r->pci = p->lines.pci; break;
    case HVM_SAVE_CODE(ISA_IRQ):  r->isa.pad[0] = p->lines.isa_model; break;
    case HVM_SAVE_CODE(PCI_LINK): r->link = p->lines.link; break;
    case HVM_SAVE_CODE(PIT):      r->pit = p->pit.hw; break;
    case HVM_SAVE_CODE(RTC):      r->rtc = p->rtc.hw; break;
    case HVM_SAVE_CODE(HPET):     vhpet_save(&p->hpet, time_now(), &r->hpet); break;
    case HVM_SAVE_CODE(PMTIMER):  vpm_save(&p->pm, time_now(), &r->pm); break;
    default:                      break;
    }
}

bool platform_save(struct domain *d, uint16_t type, uint16_t instance, void *to, uint32_t *length)
{
    *length = platform_record_length(type);
    if (!d->platform || *length == 0 || instance > (type == HVM_SAVE_CODE(PIC)))
        return false;
    memset(to, 0, *length);
    spin_lock(&d->vioapic_lock);
    spin_lock(&d->vdev_lock);
    save_one(d, type, instance, to);
    spin_unlock(&d->vdev_lock);
    spin_unlock(&d->vioapic_lock);
    return true;
}

/* ---- and back ---- */

static int load_ioapic(struct domain *d, const struct hvm_hw_vioapic *from)
{
    struct vioapic *io = d->vioapic_count ? d->vioapic[0] : NULL;

    if (!io || from->base_address != io->address)
        return -EINVAL;
    io->select = (uint8_t)from->ioregsel;
    io->id = (uint8_t)(from->id & 0xfU);
    for (unsigned int i = 0; i < VLINES_PINS; i++)
        io->rte[i] = from->redirtbl[i].bits;
    return 0;
}

/* The wires stand as they stood: what was requested by them is in the other records already. */
static void settle_wires(struct domain *d)
{
    (void)vlines_reload(&d->platform->lines);
    if (d->vioapic_count)
        d->vioapic[0]->line[0] = d->platform->lines.pins | d->platform->hpet_pins;
}

static int load_link(struct vlines *l, const struct hvm_hw_pci_link *from)
{
    for (unsigned int i = 0; i < ARRAY_COUNT(from->route); i++)
        if (from->route[i] > 15)
            return -EINVAL;
    l->link = *from;
    return 0;
}

static int load_one(struct domain *d, uint16_t type, uint16_t instance, const union platform_record *r)
{
    struct platform *p = d->platform;

    switch (type) {
    case HVM_SAVE_CODE(PIC):      return vpic_load(&p->pic, instance, &r->pic);
    case HVM_SAVE_CODE(IOAPIC):   return load_ioapic(d, &r->ioapic);
    case HVM_SAVE_CODE(PCI_IRQ):  p->lines.pci = r->pci; return 0;
    case HVM_SAVE_CODE(ISA_IRQ):  p->lines.isa_model = (uint16_t)r->isa.pad[0]; return 0;
    case HVM_SAVE_CODE(PCI_LINK): return load_link(&p->lines, &r->link);
    case HVM_SAVE_CODE(PIT):      return vpit_load(&p->pit, &r->pit, time_now());
    case HVM_SAVE_CODE(RTC):      return vrtc_load(&p->rtc, &r->rtc, time_now());
    case HVM_SAVE_CODE(HPET):     return vhpet_load(&p->hpet, &r->hpet, time_now());
    case HVM_SAVE_CODE(PMTIMER):  vpm_load(&p->pm, &r->pm, time_now()); return 0;
    default:                      return -EINVAL;
    }
}

int platform_load(struct domain *d, uint16_t type, uint16_t instance, const void *from)
{
    int rc;

    if (!d->platform || instance > (type == HVM_SAVE_CODE(PIC)))
        return -EINVAL;
    spin_lock(&d->vioapic_lock);
    spin_lock(&d->vdev_lock);
    rc = load_one(d, type, instance, from);
    settle_wires(d);
    platform_arm(d->platform);
    spin_unlock(&d->vdev_lock);
    spin_unlock(&d->vioapic_lock);
    return rc;
}
