/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In place of src/domain/guest_access.c: linear addresses of dom0's vCPU are those of the tool that calls, or of the
 * kernel that rigd plays. And the way into the hypercall door, with restarts, faults by order, and a trace.
 */
#define _GNU_SOURCE
#include "rigd.h"

#include "fault.h"

#include <domain/guest_access.h>
#include <errno.h>
#include <hypercall/hypercall.h>
#include <mm/frames.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <x86/softirq.h>

#define KERNEL_BASE 0xffff888000000000UL
#define RESTARTS_MAX 10000000UL

const struct connection *rig_caller;
bool rig_trace = true, rig_preempt, rig_hostile;
union kernel_memory kernel_memory;
static bool in_kernel;

uint64_t kernel_address(const void *p)
{
    uint64_t at = (uint64_t)((const char *)p - kernel_memory.byte);

    if (at >= KERNEL_MEMORY_SIZE)
        abort();
    return KERNEL_BASE + at;
}

void kernel_bug(const char *what)
{
    if (rig_hostile)
        return;
    fprintf(stderr, "rigd: dom0's kernel would have stopped: %s\n", what);
    abort();
}

/* ---- guest memory ---- */

static char *kernel_pointer(uint64_t va, size_t size)
{
    if (!in_kernel || va < KERNEL_BASE || va - KERNEL_BASE > KERNEL_MEMORY_SIZE ||
        size > KERNEL_MEMORY_SIZE - (va - KERNEL_BASE))
        return NULL;
    return kernel_memory.byte + (va - KERNEL_BASE);
}

static int copy_tool(uint64_t va, void *buf, size_t size, bool write)
{
    struct iovec mine = { buf, size }, theirs = { (void *)(uintptr_t)va, size };
    ssize_t n;

    if (size == 0)
        return 0;
    if (!rig_caller)
        return -EFAULT;
    n = write ? process_vm_writev(rig_caller->pid, &mine, 1, &theirs, 1, 0)
              : process_vm_readv(rig_caller->pid, &mine, 1, &theirs, 1, 0);
    return n == (ssize_t)size ? 0 : -EFAULT;
}

int tool_read(uint64_t va, void *to, size_t size) { return copy_tool(va, to, size, false); }
int tool_write(uint64_t va, const void *from, size_t size) { return copy_tool(va, (void *)(uintptr_t)from, size, true); }

int guest_read(struct vcpu *v, void *to, gva_t from, size_t size)
{
    const char *kernel = kernel_pointer(from.v, size);

    if (v != rig_vcpu)
        return -EFAULT;   /* no other vCPU ever runs */
    if (kernel)
        memcpy(to, kernel, size);
    return kernel ? 0 : copy_tool(from.v, to, size, false);
}

int guest_write(struct vcpu *v, gva_t to, const void *from, size_t size)
{
    char *kernel = kernel_pointer(to.v, size);

    if (v != rig_vcpu)
        return -EFAULT;
    if (kernel)
        memcpy(kernel, from, size);
    return kernel ? 0 : tool_write(to.v, from, size);
}

int guest_clear(struct vcpu *v, gva_t to, size_t size)
{
    static const char zero[4096];
    int rc = 0;

    while (rc == 0 && size > 0) {
        size_t n = size < sizeof(zero) ? size : sizeof(zero);

        rc = guest_write(v, to, zero, n);
        to.v += n;
        size -= n;
    }
    return rc;
}

/* Without knowing the tool's page tables: writes what it reads there. The tool waits meanwhile. */
int guest_check_write(struct vcpu *v, gva_t va, size_t size)
{
    char byte;

    if (v != rig_vcpu)
        return -EFAULT;
    if (kernel_pointer(va.v, size))
        return 0;
    for (uint64_t at = va.v; size > 0 && at < va.v + size; at = (at | 0xfff) + 1)
        if (tool_read(at, &byte, 1) != 0 || tool_write(at, &byte, 1) != 0)
            return -EFAULT;
    return va.v + size < va.v ? -EFAULT : 0;
}

static int copy_phys(struct domain *d, uint64_t at, char *buf, size_t size, bool write)
{
    while (size > 0) {
        size_t n = min_of(size, PAGE_SIZE - (at & 0xfff));
        char *page;
        mfn_t m;

        if (!p2m_get_frame(&d->p2m, gfn_of(at >> PAGE_SHIFT), write, &m))
            return -EFAULT;
        page = frame_map(m);
        memcpy(write ? page + (at & 0xfff) : buf, write ? buf : page + (at & 0xfff), n);
        (void)frame_put(m);
        at += n;
        buf += n;
        size -= n;
    }
    return 0;
}

int domain_read_phys(struct domain *d, gpa_t from, void *to, size_t size)
{
    return copy_phys(d, from.v, to, size, false);
}

int domain_write_phys(struct domain *d, gpa_t to, const void *from, size_t size)
{
    return copy_phys(d, to.v, (char *)(uintptr_t)from, size, true);
}

bool guest_translate(struct vcpu *v, gva_t va, bool write, gpa_t *out, uint32_t *pfec)
{
    (void)v;
    (void)va;
    (void)write;
    (void)out;
    *pfec = 0;
    return false;
}

size_t guest_fetch(struct vcpu *v, gva_t va, uint8_t *to, size_t size)
{
    (void)v;
    (void)va;
    (void)to;
    (void)size;
    return 0;
}

void *domain_map_page(struct domain *d, gfn_t g, mfn_t *mfn)
{
    return p2m_get_frame(&d->p2m, g, true, mfn) ? frame_map(*mfn) : NULL;
}

void domain_unmap_page(void *page, mfn_t mfn)
{
    if (page)
        (void)frame_put(mfn);
}

/* ---- the door ---- */

void trace(const char *fmt, ...)
{
    va_list args;

    if (!rig_trace)
        return;
    printf("%s%s[%d] ", rig_caller ? rig_caller->tag : "", rig_caller ? rig_caller->name : "rigd",
           rig_caller ? rig_caller->pid : 0);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}

int fault_ordered(const char *operation)
{
    return rig_caller ? fault_of(rig_caller->fail, operation) : 0;
}

static int64_t issue(uint64_t nr, uint64_t args[6])
{
    int64_t rc;
    uint64_t restarts = 0;

    machine_settle();
    do {
        /* Whatever looks whether somebody wants this CPU finds that somebody does. */
        if (rig_preempt)
            softirq_raise(SOFTIRQ_CONSOLE);
        rc = hypercall_call(rig_vcpu, nr, args, false);
        if (this_cpu()->held_count != 0) {
            fprintf(stderr, "rigd: hypercall %lu came back with a lock held\n", nr);
            abort();
        }
        machine_settle();
        if (++restarts == RESTARTS_MAX) {
            fprintf(stderr, "rigd: hypercall %lu restarts for ever\n", nr);
            abort();
        }
    } while (rig_vcpu->hc_restart);
    return rc;
}

int64_t call_from_kernel(uint64_t nr, uint64_t a0, uint64_t a1, uint64_t a2)
{
    uint64_t args[6] = { a0, a1, a2, 0, 0, 0 };
    int64_t rc;

    in_kernel = true;
    rc = issue(nr, args);
    in_kernel = false;
    return rc;
}

static int64_t one_call(uint64_t nr, uint64_t args[6], const char *operation)
{
    int ordered = fault_ordered(operation);
    int64_t rc = ordered ? -ordered : issue(nr, args);

    trace("%s = %ld%s", operation, (long)rc, ordered ? " (ordered)" : "");
    return rc;
}

/* Call by call, so that each can be traced and fail by order. */
static int64_t multicall(uint64_t args[6])
{
    for (; args[1] > 0; args[1]--, args[0] += sizeof(struct multicall_entry)) {
        struct multicall_entry e;
        char operation[RIG_TEXT];
        uint64_t one[6] = { args[0], 1, 0, 0, 0, 0 };
        int ordered;
        int64_t rc;

        if (tool_read(args[0], &e, sizeof(e)) != 0)
            return -EFAULT;
        operation_name(operation, sizeof(operation), e.op, e.args);
        ordered = fault_ordered(operation);
        if (!ordered) {
            rc = issue(__HYPERVISOR_multicall, one);
            if (rc != 0 || tool_read(args[0], &e, sizeof(e)) != 0)
                return rc != 0 ? rc : -EFAULT;
        } else {
            int64_t result = -ordered;

            if (tool_write(args[0] + offsetof(struct multicall_entry, result), &result, sizeof(result)) != 0)
                return -EFAULT;
            e.result = (uint64_t)result;
        }
        trace("%s = %ld%s in a multicall", operation, (long)e.result, ordered ? " (ordered)" : "");
    }
    return 0;
}

int64_t call_from_tool(uint64_t nr, const uint64_t args[5])
{
    uint64_t regs[6] = { args[0], args[1], args[2], args[3], args[4], 0 };
    char operation[RIG_TEXT];
    int ordered;

    operation_name(operation, sizeof(operation), nr, args);
    if (nr != __HYPERVISOR_multicall || regs[1] > 64)
        return one_call(nr, regs, operation);
    ordered = fault_ordered(operation);
    return ordered ? -ordered : multicall(regs);
}
