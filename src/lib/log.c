/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring holds the last RING_SIZE bytes; ring_end counts every byte ever written, so a position
 * is an absolute number and a reader that was overtaken notices by subtraction.
 */
#include <lib/log.h>

#include <lib/string.h>

#define RING_SIZE 65536U
#define LINE_MAX 512U
#define PREFIX "(XEN) "

/* A flooding source gets LIMIT_BURST lines at once and one more per LIMIT_PERIOD. */
#define LIMIT_BURST 10U
#define LIMIT_PERIOD (500 * NS_PER_MS)

struct rate_limit { unsigned int tokens; ns_t filled_at; unsigned int suppressed; };

static char ring[RING_SIZE];
static uint32_t ring_start, ring_end;       /* absolute; start moves when the ring is cleared */
static struct log_sink *sinks;
static const struct log_lock *lock;
static ns_t (*clock_now)(void);
static struct rate_limit host_limit = { LIMIT_BURST, 0, 0 };
static struct rate_limit guest_limit = { LIMIT_BURST, 0, 0 };
/* A level below lower is printed, one below upper is printed at a limited rate. */
static int host_lower = LOG_INFO + 1, host_upper = LOG_INFO + 1;
static int guest_lower = 0, guest_upper = LOG_WARNING + 1;

static uint64_t log_lock(void)
{
    const struct log_lock *l = READ_ONCE(lock);

    return l != NULL ? l->lock() : 0;
}

static void log_unlock(uint64_t flags)
{
    const struct log_lock *l = READ_ONCE(lock);

    if (l != NULL)
        l->unlock(flags);
}

void log_set_lock(const struct log_lock *l) { lock = l; }
void log_set_clock(ns_t (*now)(void)) { clock_now = now; }
void log_panic_mode(void) { WRITE_ONCE(lock, NULL); }

void log_set_thresholds(int h_lower, int h_upper, int g_lower, int g_upper)
{
    host_lower = h_lower;
    host_upper = h_upper;
    guest_lower = g_lower;
    guest_upper = g_upper;
}

void log_get_thresholds(int *h_lower, int *h_upper, int *g_lower, int *g_upper)
{
    *h_lower = host_lower;
    *h_upper = host_upper;
    *g_lower = guest_lower;
    *g_upper = guest_upper;
}

static void ring_put(const char *text, size_t length)
{
    if (length > RING_SIZE) {
        text += length - RING_SIZE;
        length = RING_SIZE;
    }
    while (length > 0) {
        uint32_t at = ring_end % RING_SIZE;
        size_t n = min_of(length, (size_t)(RING_SIZE - at));

        memcpy(&ring[at], text, n);
        ring_end += (uint32_t)n;
        text += n;
        length -= n;
    }
    if (ring_end - ring_start > RING_SIZE)
        ring_start = ring_end - RING_SIZE;
}

/* Requires: the lock. */
static void emit_to_sinks(const char *text, size_t length)
{
    for (const struct log_sink *s = sinks; s != NULL; s = s->next)
        s->write(text, length);
}

static void emit(const char *text, size_t length)
{
    ring_put(text, length);
    emit_to_sinks(text, length);
}

void log_add_sink(struct log_sink *sink)
{
    uint64_t flags = log_lock();

    sink->next = sinks;
    sinks = sink;
    log_unlock(flags);
}

void log_replay(const struct log_sink *sink)
{
    uint64_t flags = log_lock();

    for (uint32_t pos = ring_start; pos != ring_end;) {
        uint32_t at = pos % RING_SIZE;
        uint32_t n = min_of(ring_end - pos, RING_SIZE - at);

        sink->write(&ring[at], n);
        pos += n;
    }
    log_unlock(flags);
}

/* Requires: the lock. */
static bool rate_allows(struct rate_limit *r)
{
    ns_t now = clock_now != NULL ? clock_now() : 0;
    ns_t gained = (now - r->filled_at) / LIMIT_PERIOD;

    if (gained > 0) {
        r->tokens = (unsigned int)min_of((ns_t)r->tokens + gained, (ns_t)LIMIT_BURST);
        r->filled_at += gained * LIMIT_PERIOD;
    }
    if (r->tokens == 0) {
        r->suppressed++;
        return false;
    }
    r->tokens--;
    return true;
}

/* Requires: the lock. May this line be printed now? */
static bool may_print(enum log_level level)
{
    bool guest = level >= LOG_G_ERR;
    int l = guest ? (int)level - (int)LOG_G_ERR : (int)level;
    struct rate_limit *r = guest ? &guest_limit : &host_limit;

    if (l < (guest ? guest_lower : host_lower))
        return true;
    return l < (guest ? guest_upper : host_upper) && rate_allows(r);
}

static void emit_suppressed(struct rate_limit *r)
{
    char line[64];
    int n;

    if (r->suppressed == 0)
        return;
    n = hv_snprintf(line, sizeof(line), PREFIX "%u messages suppressed\n", r->suppressed);
    r->suppressed = 0;
    emit(line, (size_t)n);
}

/* line holds `length` characters of the formatted text (perhaps more than fitted): finish and print. */
static void print_line(enum log_level level, char *line, size_t length)
{
    uint64_t flags;

    length = min_of(length, (size_t)LINE_MAX - 2);
    line[length++] = '\n';
    flags = log_lock();
    if (may_print(level)) {
        emit_suppressed(level >= LOG_G_ERR ? &guest_limit : &host_limit);
        emit(line, length);
    }
    log_unlock(flags);
}

void log_vprintf(enum log_level level, const char *fmt, __builtin_va_list ap)
{
    char line[LINE_MAX] = PREFIX;
    size_t used = sizeof(PREFIX) - 1;

    used += (size_t)hv_vsnprintf(line + used, LINE_MAX - used, fmt, ap);
    print_line(level, line, used);
}

void log_printf(enum log_level level, const char *fmt, ...)
{
    __builtin_va_list ap;

    __builtin_va_start(ap, fmt);
    log_vprintf(level, fmt, ap);
    __builtin_va_end(ap);
}

void log_guest(enum log_level level, domid_t domid, const char *fmt, ...)
{
    char line[LINE_MAX];
    size_t used = (size_t)hv_snprintf(line, LINE_MAX, PREFIX "d%u ", domid);
    __builtin_va_list ap;

    __builtin_va_start(ap, fmt);
    used += (size_t)hv_vsnprintf(line + used, LINE_MAX - used, fmt, ap);
    __builtin_va_end(ap);
    print_line(level, line, used);
}

void log_write_sinks(const char *text, size_t length)
{
    uint64_t flags = log_lock();

    emit_to_sinks(text, length);
    log_unlock(flags);
}

void log_write_raw(const char *text, size_t length)
{
    uint64_t flags = log_lock();

    emit(text, length);
    log_unlock(flags);
}

size_t log_ring_read(char *to, size_t count, uint32_t *index, bool incremental, bool clear)
{
    uint64_t flags = log_lock();
    uint32_t pos = ring_start;
    size_t done = 0;

    /* A position inside what the ring still holds is honoured; any other starts at the oldest. */
    if (incremental && *index - ring_start <= ring_end - ring_start)
        pos = *index;
    while (done < count && pos != ring_end) {
        uint32_t at = pos % RING_SIZE;
        uint32_t held = min_of(ring_end - pos, RING_SIZE - at);
        size_t n = min_of(count - done, (size_t)held);

        memcpy(to + done, &ring[at], n);
        done += n;
        pos += (uint32_t)n;
    }
    if (clear)
        ring_start = ring_end;
    *index = pos;
    log_unlock(flags);
    return done;
}

size_t log_ring_size(void) { return RING_SIZE; }
