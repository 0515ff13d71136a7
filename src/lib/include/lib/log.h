/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log: printf-like lines into a ring (what `xl dmesg` reads) and out to sinks (serial, screen)
 * that the boot code registers. Any context may log, interrupt handlers included; one lock inside,
 * taken with interrupts off. Before any sink exists lines still land in the ring.
 * Levels are Xen's: loglvl= filters what goes to the ring and sinks, guest_loglvl= the G_ ones,
 * which are also rate-limited (a guest must not be able to flood the console).
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <hv/compiler.h>
#include <hv/types.h>

enum log_level { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG,
                 LOG_G_ERR, LOG_G_WARNING, LOG_G_INFO, LOG_G_DEBUG };

void log_printf(enum log_level level, const char *fmt, ...) printf_like(2, 3);
void log_vprintf(enum log_level level, const char *fmt, __builtin_va_list ap) printf_like(2, 0);
#define log_err(...) log_printf(LOG_ERR, __VA_ARGS__)
#define log_warn(...) log_printf(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_printf(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_printf(LOG_DEBUG, __VA_ARGS__)
/* On behalf of a guest: prefix the domain, e.g. log_guest(LOG_G_WARNING, d->id, "..."). Lines are one per call,
 * without trailing newline in fmt (the log adds "(XEN) " and "\n" as Xen does). */
void log_guest(enum log_level level, domid_t domid, const char *fmt, ...) printf_like(3, 4);

/* Raw bytes, no prefix added, to the ring and the sinks. */
void log_write_raw(const char *text, size_t length);
/* The same past the ring: dom0's own messages would soon push the hypervisor's out of it. */
void log_write_sinks(const char *text, size_t length);

struct log_sink { void (*write)(const char *text, size_t length); const struct log_sink *next; };
void log_add_sink(struct log_sink *sink);
/* Sends everything the ring holds to one sink: for one that was registered late. */
void log_replay(const struct log_sink *sink);
/* A level below lower is printed always, one below upper at a limited rate, others never: 0 prints
 * nothing, 1 errors, 2 warnings too, 3 information too, 4 everything. */
void log_set_thresholds(int host_lower, int host_upper, int guest_lower, int guest_upper);
void log_get_thresholds(int *host_lower, int *host_upper, int *guest_lower, int *guest_upper);
/* How to keep other CPUs and this CPU's interrupts out (src/boot binds it to a spinlock); none until set. */
struct log_lock { uint64_t (*lock)(void); void (*unlock)(uint64_t flags); };
void log_set_lock(const struct log_lock *l);
/* A source of time for rate limiting and time stamps; none until set. */
void log_set_clock(ns_t (*now)(void));
/* Sinks print without locks from here on: for panic. */
void log_panic_mode(void);

/* XEN_SYSCTL_readconsole: copies up to *count bytes from ring position *index (absolute, monotonic),
 * advances both; returns bytes copied. clear drops the content afterwards. */
size_t log_ring_read(char *to, size_t count, uint32_t *index, bool incremental, bool clear);
size_t log_ring_size(void);

int hv_vsnprintf(char *to, size_t size, const char *fmt, __builtin_va_list args) printf_like(3, 0);
int hv_snprintf(char *to, size_t size, const char *fmt, ...) printf_like(3, 4);

#endif
