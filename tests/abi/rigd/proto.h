/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the library in each tool (client.c) and rigd say to each other over the rig's Unix socket. A process has one control
 * connection, on which it asks and waits; each open of a device is a connection of its own, whose client end is the
 * file descriptor that the tool holds: rigd sees the last close, and /dev/xen/evtchn can be read, written and polled
 * without any help. Everything behind a pointer of the tool is read and written by rigd itself.
 */
#ifndef ABI_RIG_PROTO_H
#define ABI_RIG_PROTO_H

#include <stdint.h>

#define RIG_ENV_SOCKET "TENON_RIG_SOCKET"
#define RIG_ENV_FILES "TENON_RIG_FILES"    /* stands for /proc/xen, /sys/hypervisor ... */
#define RIG_ENV_FAIL "TENON_RIG_FAIL"      /* an operation and an errno, "domctl.11=38": see fault.h */
#define RIG_ENV_TAG "TENON_RIG_TAG"        /* put in front of the lines that rigd traces */
#define RIG_MAGIC 0x52694731U

enum rig_device { RIG_CONTROL, RIG_PRIVCMD, RIG_EVTCHN, RIG_GNTDEV };
#define RIG_TEXT 64

/* First message of a connection, answered by struct rig_welcome; a control connection gets the machine's memory with it. */
struct rig_hello { uint32_t magic, device; char fail[RIG_TEXT], tag[RIG_TEXT]; };
struct rig_welcome { uint32_t magic, handle; };

enum rig_request_kind {
    RIG_IOCTL,     /* handle, number, address of the argument */
    RIG_MMAP,      /* handle, va, length, protection, offset */
    RIG_MUNMAP,    /* -, va, length */
    RIG_STORE,     /* -, va: xenstore's page of dom0 */
    RIG_REPORT,    /* -, va, length: text about what is in use */
};
struct rig_request { uint32_t kind, handle; uint64_t arg[4]; };

/* result < 0: an errno. Then extents: memory of the machine to map over what the tool has there. */
struct rig_reply { int64_t result; uint64_t extents; };
struct rig_extent { uint64_t va, offset, pages; uint32_t writable, pad; };

#endif
