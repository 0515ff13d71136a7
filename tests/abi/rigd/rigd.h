/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rigd: Tenon's own domain, memory and hypercall code on the host, with a dom0 that has no kernel: rigd plays its
 * drivers (privcmd, evtchn, gntdev) for the stock tools that connect (proto.h). The calling tool is dom0's vCPU 0 in
 * kernel mode, its address space that vCPU's page tables. One thread; a request is served to its end.
 */
#ifndef ABI_RIG_RIGD_H
#define ABI_RIG_RIGD_H

#include "proto.h"

#include <domain/domain.h>
#include <sys/types.h>

#define MACHINE_RAM (2048UL << 20)
#define DOM0_RAM (512UL << 20)
#define MACHINE_CPUS 4U
#define STORE_GFN 0x100UL              /* xenstore's ring in dom0 */
#define SHARED_INFO_GFN 0x101UL
#define SCRATCH_GFN 0x100000UL         /* where dom0's kernel maps what belongs to others: above RAM */
#define SCRATCH_PAGES 0x40000UL

/* ---- connections ---- */

struct extents { struct rig_extent *e; uint64_t count, room; };

/* A run of pages in a tool that lead into the machine's memory, at gfns of dom0. */
struct mapping {
    struct mapping *next;
    uint64_t va, pages, gfn;
    uint32_t *grant_handle;            /* of each page; NULL: foreign pages and resources */
};

struct grant_set { struct grant_set *next; uint64_t index, va; uint32_t count; struct { uint32_t domid, ref; } ref[]; };

struct connection {
    struct connection *next;
    int fd;
    enum rig_device device;
    uint32_t handle;
    pid_t pid;
    bool greeted;
    char fail[RIG_TEXT], tag[RIG_TEXT], name[32];
    struct mapping *mappings;          /* control connections: of the process */
    struct grant_set *grants;          /* gntdev */
    uint64_t next_index;
};

/* Adds what is at dom0's gfns to what the tool shall map. */
int extents_add(struct extents *x, uint64_t va, uint64_t gfn, uint64_t pages, bool writable);

/* ---- machine.c ---- */
void machine_make(int memory);
extern struct vcpu *rig_vcpu;
extern bool rig_null;                  /* as sched=null at boot */
void machine_report(char *to, size_t size);
void machine_settle(void);             /* time passes, softirqs run */

/* ---- caller.c ---- */
extern const struct connection *rig_caller;    /* the tool whose request is served, NULL: none */
extern bool rig_trace, rig_preempt;
extern bool rig_fifo;                  /* dom0 uses FIFO events, as Linux does, else 2-level ones */
/* Tools take away what dom0's kernel relies on: what would be its BUG() is forgiven. */
extern bool rig_hostile;
void kernel_bug(const char *what);
/* A tool's hypercall with its own arguments. */
int64_t call_from_tool(uint64_t nr, const uint64_t args[5]);
/* dom0's kernel calls. Pointers among the arguments are made by kernel_address(), of things in kernel_memory. */
int64_t call_from_kernel(uint64_t nr, uint64_t a0, uint64_t a1, uint64_t a2);
#define KERNEL_MEMORY_SIZE (256UL << 10)
extern union kernel_memory { char byte[KERNEL_MEMORY_SIZE]; uint64_t align; } kernel_memory;
uint64_t kernel_address(const void *p);
/* The calling tool's memory. */
int tool_read(uint64_t va, void *to, size_t size) must_check;
int tool_write(uint64_t va, const void *from, size_t size) must_check;
/* An errno that was ordered for this operation, else 0. */
int fault_ordered(const char *operation);
void trace(const char *fmt, ...) printf_like(1, 2);

/* ---- devices: result or -errno ---- */
int64_t privcmd_ioctl(struct connection *process, uint64_t number, uint64_t arg, struct extents *x);
int64_t evtchn_ioctl(struct connection *device, uint64_t number, uint64_t arg);
void evtchn_input(struct connection *device, const uint32_t *ports, size_t count);   /* the tool wrote: unmask */
void evtchn_release(struct connection *device);
void evtchn_start(void);
void evtchn_pump(void);                /* dom0's upcall: hands pending ports to their owners */
unsigned int evtchn_ports_open(void);
int64_t gntdev_ioctl(struct connection *device, uint64_t number, uint64_t arg);
int64_t gntdev_mmap(struct connection *process, struct connection *device, const uint64_t arg[4], struct extents *x);
void gntdev_release(struct connection *device);

/* ---- mappings.c ---- */
/* A run of free scratch gfns; 0: none. */
uint64_t scratch_take(uint64_t pages);
void scratch_give(uint64_t gfn, uint64_t pages);
uint64_t scratch_used(void);
int mapping_add(struct connection *process, uint64_t va, uint64_t gfn, uint64_t pages, uint32_t *grant_handle);
/* Takes away what lies in [va, va+pages). */
void mapping_remove(struct connection *process, uint64_t va, uint64_t pages);
void grants_unmap(uint64_t gfn, const uint32_t *handle, uint64_t pages);

#endif
