/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /dev/xen/evtchn. A port that fires is masked and its number goes to the descriptor that owns it; the tool writes the
 * number back to unmask it.
 */
#include "evtchn_abi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <xen/event_channel.h>
#include <xen/sys/evtchn.h>

#define PORTS_MAX EVTCHN_ABI_PORTS

static struct connection *owner[PORTS_MAX];

static int64_t evtchn_op(unsigned int cmd, const void *arg, size_t size)
{
    memcpy(kernel_memory.byte, arg, size);
    return call_from_kernel(__HYPERVISOR_event_channel_op, cmd, kernel_address(kernel_memory.byte), 0);
}

static void unmask(uint32_t port)
{
    struct evtchn_unmask a = { port };

    if (evtchn_op(EVTCHNOP_unmask, &a, sizeof(a)) != 0)
        kernel_bug("unmask of a port");
}

void evtchn_start(void) { evtchn_abi_start(); }

static void fire(uint32_t port)
{
    evtchn_abi_mask(port);
    evtchn_abi_clear(port);
    if (owner[port])
        (void)!send(owner[port]->fd, &port, sizeof(port), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void evtchn_pump(void) { evtchn_abi_scan(fire); }

static int64_t own(struct connection *device, int64_t rc, uint32_t port)
{
    if (rc != 0)
        return rc;
    if (port >= PORTS_MAX) {
        kernel_bug("a port beyond those of the 2-level ABI");
        return -ENOSPC;
    }
    owner[port] = device;
    unmask(port);
    return port;
}

static int close_port(uint32_t port)
{
    struct evtchn_close a = { port };

    owner[port] = NULL;
    evtchn_abi_mask(port);
    return (int)evtchn_op(EVTCHNOP_close, &a, sizeof(a));
}

/* Operations that a fault may be ordered for; what is ordered does not happen. */
static int64_t bind_port(struct connection *device, unsigned int cmd, void *arg, size_t size, const uint32_t *port)
{
    static const char *const names[] = { [EVTCHNOP_bind_interdomain] = "evtchn.bind_interdomain",
                                         [EVTCHNOP_bind_virq] = "evtchn.bind_virq",
                                         [EVTCHNOP_alloc_unbound] = "evtchn.alloc_unbound" };
    int64_t rc = -fault_ordered(names[cmd]);

    if (rc == 0) {
        rc = evtchn_op(cmd, arg, size);
        memcpy(arg, kernel_memory.byte, size);
    }
    rc = own(device, rc, *port);
    trace("%s = %ld", names[cmd], (long)rc);
    return rc;
}

static int64_t bind_interdomain(struct connection *device, uint64_t arg)
{
    struct ioctl_evtchn_bind_interdomain in;
    struct evtchn_bind_interdomain a = { 0 };

    if (tool_read(arg, &in, sizeof(in)) != 0)
        return -EFAULT;
    a.remote_dom = (domid_t)in.remote_domain;
    a.remote_port = in.remote_port;
    return bind_port(device, EVTCHNOP_bind_interdomain, &a, sizeof(a), &a.local_port);
}

static int64_t bind_virq(struct connection *device, uint64_t arg)
{
    struct ioctl_evtchn_bind_virq in;
    struct evtchn_bind_virq a = { 0 };

    if (tool_read(arg, &in, sizeof(in)) != 0)
        return -EFAULT;
    a.virq = in.virq;
    return bind_port(device, EVTCHNOP_bind_virq, &a, sizeof(a), &a.port);
}

static int64_t bind_unbound(struct connection *device, uint64_t arg)
{
    struct ioctl_evtchn_bind_unbound_port in;
    struct evtchn_alloc_unbound a = { .dom = DOMID_SELF };

    if (tool_read(arg, &in, sizeof(in)) != 0)
        return -EFAULT;
    a.remote_dom = (domid_t)in.remote_domain;
    return bind_port(device, EVTCHNOP_alloc_unbound, &a, sizeof(a), &a.port);
}

static bool owns(const struct connection *device, uint32_t port)
{
    return port < PORTS_MAX && owner[port] == device;
}

static int64_t notify(struct connection *device, uint64_t arg)
{
    struct evtchn_send a;
    int64_t rc;

    if (tool_read(arg, &a, sizeof(a)) != 0)
        return -EFAULT;
    if (!owns(device, a.port))
        return -ENOTCONN;
    rc = evtchn_op(EVTCHNOP_send, &a, sizeof(a));
    return rc;
}

static int64_t unbind(struct connection *device, uint64_t arg)
{
    uint32_t port;

    if (tool_read(arg, &port, sizeof(port)) != 0)
        return -EFAULT;
    if (!owns(device, port))
        return -ENOTCONN;
    return close_port(port);
}

int64_t evtchn_ioctl(struct connection *device, uint64_t number, uint64_t arg)
{
    switch (number) {
    case IOCTL_EVTCHN_BIND_VIRQ:         return bind_virq(device, arg);
    case IOCTL_EVTCHN_BIND_INTERDOMAIN:  return bind_interdomain(device, arg);
    case IOCTL_EVTCHN_BIND_UNBOUND_PORT: return bind_unbound(device, arg);
    case IOCTL_EVTCHN_UNBIND:            return unbind(device, arg);
    case IOCTL_EVTCHN_NOTIFY:            return notify(device, arg);
    case IOCTL_EVTCHN_RESET:
    case IOCTL_EVTCHN_RESTRICT_DOMID:    return 0;
    default:                             return -ENOTTY;
    }
}

void evtchn_input(struct connection *device, const uint32_t *ports, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (owns(device, ports[i]))
            unmask(ports[i]);
}

void evtchn_release(struct connection *device)
{
    for (uint32_t port = 0; port < PORTS_MAX; port++)
        if (owner[port] == device && close_port(port) != 0)
            kernel_bug("close of a port");
}

unsigned int evtchn_ports_open(void)
{
    unsigned int n = 0;

    for (uint32_t port = 0; port < PORTS_MAX; port++)
        n += owner[port] != NULL;
    return n;
}
