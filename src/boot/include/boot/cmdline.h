/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's command line: Xen's names for what Tenon has. Unknown words are logged and ignored. Pure. */
#ifndef BOOT_CMDLINE_H
#define BOOT_CMDLINE_H

#include <dom0/layout.h>
#include <sched/sched.h>

#define CMDLINE_CPUID_WORDS 19U

struct serial_config { bool enabled; uint16_t port; uint32_t baud; /* 0: auto, keep what firmware set */ uint8_t data_bits, stop_bits; char parity; uint8_t irq; uint32_t clock_hz; };
struct cmdline {
    bool console_serial, console_vga;      /* console=com1,vga (default: both) */
    unsigned int console_com;              /* which of com[] the serial console is */
    bool vga_keep;
    struct serial_config com[2];
    struct dom0_mem dom0_mem;
    unsigned int dom0_max_vcpus_min, dom0_max_vcpus_max;   /* 0: default */
    bool dom0_vcpus_pin;
    int loglvl_lower, loglvl_upper, guest_loglvl_lower, guest_loglvl_upper;
    bool noreboot, sync_console;
    unsigned int maxcpus;                  /* 0: all */
    uint64_t mem_limit;                    /* mem=, 0: all */
    bool sched_null;                       /* sched=null */
    enum sched_arrangement runqueue;       /* credit2_runqueue= */
    unsigned int ratelimit_us;             /* sched_ratelimit_us= */
    bool no_apicv;                         /* apicv=0 */
    bool mwait_idle;                       /* mwait-idle: idle CPUs sleep in MWAIT */
    unsigned int run_limit_us;             /* run_limit=US: a guest is left after that long; 0: when there is a reason */
    bool tsc_unstable;
    uint32_t cpuid_hidden[CMDLINE_CPUID_WORDS];   /* cpuid=no-..., by feature number of cpufeatureset.h */
    enum provoke { PROVOKE_NOTHING, PROVOKE_FAULT, PROVOKE_STACK, PROVOKE_CPU } provoke;   /* tenon_panic */
    char unknown[256];                     /* words that were not understood, for the log */
};
/* cpuid=: a list of features as cpufeatureset.h names them, in small letters; those with "no-" before or "=off" behind are
 * hidden from every domain. False: a name is unknown (the others count). */
bool cmdline_cpuid(struct cmdline *c, const char *list);
/* XEN_X86_FEATURE_* of a name of length n, or -1. */
int cpu_feature_by_name(const char *name, size_t n);
void cmdline_parse(const char *text, struct cmdline *out);

#endif
