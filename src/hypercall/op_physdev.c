/* SPDX-License-Identifier: BSD-2-Clause */
/* physdev_op (xen/physdev.h): what dom0 tells about PCI. Interrupt pass-through by pirq is not
 * offered. */
#include "door.h"

#include <lib/log.h>
#include <xen/physdev.h>

static int64_t op_mmcfg_reserved(struct hc *c, void *arg)
{
    const struct physdev_pci_mmcfg_reserved *a = arg;

    if (a->flags & ~(uint32_t)XEN_PCI_MMCFG_RESERVED)
        return hc_invalid(c, "PHYSDEVOP_pci_mmcfg_reserved: flags", a->flags);
    if (a->start_bus > a->end_bus)
        return hc_invalid(c, "PHYSDEVOP_pci_mmcfg_reserved: start_bus", a->start_bus);
    log_debug("PCI: ECAM of segment %04x buses %02x-%02x at %#lx is %s", a->segment, a->start_bus,
              a->end_bus, (unsigned long)a->address,
              a->flags & XEN_PCI_MMCFG_RESERVED ? "reserved" : "not reserved");
    return 0;
}

/* The part without the optional array. */
struct pci_device_add_head { uint16_t seg; uint8_t bus, devfn; uint32_t flags; uint8_t physfn[2]; };

static int64_t op_device_add(struct hc *c unused_arg, void *arg)
{
    const struct pci_device_add_head *a = arg;

    log_debug("PCI add device %04x:%02x:%02x.%u", a->seg, a->bus, a->devfn >> 3, a->devfn & 7U);
    return 0;
}

static int64_t op_device_remove(struct hc *c unused_arg, void *arg)
{
    const struct physdev_pci_device *a = arg;

    log_debug("PCI remove device %04x:%02x:%02x.%u", a->seg, a->bus, a->devfn >> 3, a->devfn & 7U);
    return 0;
}

/* A USB debug port is nobody's console here: dom0 may reset its controller at will. */
static int64_t op_dbgp(struct hc *c unused_arg, void *arg)
{
    const struct physdev_dbgp_op *a = arg;

    if (a->op != PHYSDEVOP_DBGP_RESET_PREPARE && a->op != PHYSDEVOP_DBGP_RESET_DONE)
        return -ENOSYS;
    return 0;
}

#define PHYSDEV(cmd, fn, type) [cmd] = { fn, sizeof(type), HC_IN, HC_DOM0 | HC_NO32, NULL }
static const struct hc_op physdev_ops[] = {
    PHYSDEV(PHYSDEVOP_pci_mmcfg_reserved, op_mmcfg_reserved, struct physdev_pci_mmcfg_reserved),
    PHYSDEV(PHYSDEVOP_pci_device_add,     op_device_add,     struct pci_device_add_head),
    PHYSDEV(PHYSDEVOP_pci_device_remove,  op_device_remove,  struct physdev_pci_device),
    PHYSDEV(PHYSDEVOP_dbgp_op,            op_dbgp,           struct physdev_dbgp_op),
};
const struct hc_table hc_physdev_table = HC_TABLE(physdev_ops);

int64_t hc_physdev_op(struct hc *c)
{
    return hc_op_call(c, &hc_physdev_table, (uint32_t)c->arg[0], gva_of(c->arg[1]));
}
