/* SPDX-License-Identifier: BSD-2-Clause */
/* One table row per option; Xen's names and forms. A value that makes no sense leaves the default. */
#include <boot/cmdline.h>

#include <lib/parse.h>
#include <lib/string.h>

#define RATELIMIT_MIN_US 100U      /* xen/sysctl.h: XEN_SYSCTL_SCHED_RATELIMIT_MIN, _MAX */
#define RUN_LIMIT_MAX_US 1000000U
#define RATELIMIT_MAX_US 500000U
#define WORD_MAX 256U

/* value: behind the '='; "" for a bare word. negated: no-NAME. false: not understood. */
struct option { const char *name; bool (*set)(struct cmdline *c, const char *value, bool negated); };

static bool is_one_of(const char *s, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(s, *words) == 0)
            return true;
    return false;
}

/* Xen's booleans: bare, =1/yes/on/true/enable and their opposites. */
static bool parse_bool(const char *value, bool negated, bool *to)
{
    static const char *const yes[] = { "", "1", "y", "yes", "on", "true", "enable", NULL };
    static const char *const no[] = { "0", "n", "no", "off", "false", "disable", NULL };

    if (is_one_of(value, yes))
        *to = !negated;
    else if (is_one_of(value, no))
        *to = negated;
    else
        return false;
    return true;
}

static bool parse_number(const char *value, uint64_t *to)
{
    const char *at = value;
    uint64_t n;

    if (!parse_u64(&at, 0, &n) || *at != '\0')
        return false;
    *to = n;
    return true;
}

/* Cuts the next field off a list; returns it, and *rest points behind the separator. */
static char *next_field(char **rest, char separator)
{
    char *field = *rest;
    char *end = strchr(field, separator);

    if (end == NULL) {
        *rest = field + strlen(field);
    } else {
        *end = '\0';
        *rest = end + 1;
    }
    return field;
}

static bool set_console(struct cmdline *c, const char *value, bool negated unused_arg)
{
    char list[WORD_MAX];
    char *rest = list;

    hv_strlcpy(list, value, sizeof(list));
    c->console_serial = false;
    c->console_vga = false;
    while (*rest != '\0') {
        const char *name = next_field(&rest, ',');

        if (strncmp(name, "com", 3) == 0) {
            c->console_serial = true;
            c->console_com = name[3] == '2' ? 1 : 0;
        } else if (strcmp(name, "vga") == 0) {
            c->console_vga = true;
        }
    }
    return true;
}

/* <baud>[/<clock>] or auto. */
static bool parse_speed(const char *field, struct serial_config *s)
{
    const char *at = field;
    uint64_t baud, clock;

    if (strcmp(field, "auto") == 0) {
        s->baud = 0;
        return true;
    }
    if (!parse_u64(&at, 10, &baud) || baud == 0 || baud > UINT32_MAX)
        return false;
    s->baud = (uint32_t)baud;
    if (*at == '/') {
        at++;
        if (!parse_u64(&at, 10, &clock) || clock > UINT32_MAX / 16)
            return false;
        s->clock_hz = (uint32_t)clock * 16;
    }
    return *at == '\0';
}

/* 8n1 */
static bool parse_format(const char *f, struct serial_config *s)
{
    if (strlen(f) != 3 || f[0] < '5' || f[0] > '8' || strchr("noems", f[1]) == NULL ||
        (f[2] != '1' && f[2] != '2'))
        return false;
    s->data_bits = (uint8_t)(f[0] - '0');
    s->parity = f[1];
    s->stop_bits = (uint8_t)(f[2] - '0');
    return true;
}

static bool set_com(struct serial_config *to, const char *value)
{
    struct serial_config s = *to;
    char list[WORD_MAX];
    char *rest = list;
    const char *field;
    uint64_t n;

    hv_strlcpy(list, value, sizeof(list));
    s.enabled = true;
    field = next_field(&rest, ',');
    if (*field != '\0' && !parse_speed(field, &s))
        return false;
    field = next_field(&rest, ',');
    if (*field != '\0' && !parse_format(field, &s))
        return false;
    field = next_field(&rest, ',');
    if (*field != '\0') {
        if (!parse_number(field, &n) || n == 0 || n > 0xfff8)
            return false;          /* "pci" and "amt" cards are not offered */
        s.port = (uint16_t)n;
    }
    field = next_field(&rest, ',');
    if (*field != '\0') {
        if (!parse_number(field, &n) || n > 15)
            return false;
        s.irq = (uint8_t)n;
    }
    *to = s;
    return true;
}

static bool set_com1(struct cmdline *c, const char *value, bool negated unused_arg)
{
    return set_com(&c->com[0], value);
}

static bool set_com2(struct cmdline *c, const char *value, bool negated unused_arg)
{
    return set_com(&c->com[1], value);
}

static bool set_vga(struct cmdline *c, const char *value, bool negated unused_arg)
{
    c->vga_keep = strcmp(value, "keep") == 0 || strstr(value, ",keep") != NULL;
    return true;
}

static bool parse_percent(const char *at, uint64_t *percent)
{
    return parse_u64(&at, 10, percent) && *percent <= 100 && strcmp(at, "%") == 0;
}

/* [-]<size>, [-]<percent>% or [-]<size>+<percent>%: bytes and a share of RAM. */
static bool parse_amount(const char *field, int64_t *to, int8_t *share)
{
    bool negative = *field == '-';
    const char *at = field + (negative ? 1 : 0);
    uint64_t bytes = 0, percent = 0;

    if (!parse_percent(at, &percent)) {
        percent = 0;
        if (!parse_size(&at, 1024, &bytes) || bytes > INT64_MAX)
            return false;
        if (*at != '\0' && (*at != '+' || !parse_percent(at + 1, &percent)))
            return false;
    }
    *to = negative ? -(int64_t)bytes : (int64_t)bytes;
    *share = (int8_t)(negative ? -(int)percent : (int)percent);
    return true;
}

/* [min:<amount>,][max:<amount>,][<amount>], in any order; negative: all but that much. */
static bool set_dom0_mem(struct cmdline *c, const char *value, bool negated unused_arg)
{
    struct dom0_mem m = { .given = true };
    char list[WORD_MAX];
    char *rest = list;
    bool nr_given = false;

    hv_strlcpy(list, value, sizeof(list));
    while (*rest != '\0') {
        const char *field = next_field(&rest, ',');

        if (strncmp(field, "min:", 4) == 0)
            m.min_given = parse_amount(field + 4, &m.min, &m.min_percent);
        else if (strncmp(field, "max:", 4) == 0)
            m.max_given = parse_amount(field + 4, &m.max, &m.max_percent);
        else
            nr_given = parse_amount(field, &m.nr, &m.nr_percent);
    }
    if (!nr_given && !m.min_given && !m.max_given)
        return false;
    c->dom0_mem = m;
    return true;
}

/* <max> or <min>-<max>; either may be missing. */
static bool set_dom0_max_vcpus(struct cmdline *c, const char *value, bool negated unused_arg)
{
    const char *at = value;
    uint64_t min = 0, max = 0;
    bool have_min = parse_u64(&at, 10, &min);

    if (*at == '-') {
        at++;
        if (!parse_u64(&at, 10, &max) && *at != '\0')
            return false;
    } else {
        if (!have_min)
            return false;
        max = min;
    }
    if (*at != '\0' || min > UINT32_MAX || max > UINT32_MAX || (max != 0 && min > max))
        return false;
    c->dom0_max_vcpus_min = (unsigned int)min;
    c->dom0_max_vcpus_max = (unsigned int)max;
    return true;
}

static bool set_dom0_vcpus_pin(struct cmdline *c, const char *value, bool negated)
{
    return parse_bool(value, negated, &c->dom0_vcpus_pin);
}

/* Words to how many levels are printed (lib/log.h). */
static bool parse_level(const char *word, int *to)
{
    static const char *const names[] = { "none", "error", "warning", "info", "debug", NULL };

    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(word, names[i]) == 0) {
            *to = i;
            return true;
        }
    if (strcmp(word, "all") != 0)
        return false;
    *to = 4;
    return true;
}

static bool parse_levels(const char *value, int *lower, int *upper)
{
    char list[WORD_MAX];
    char *rest = list;
    int l, u;

    hv_strlcpy(list, value, sizeof(list));
    if (!parse_level(next_field(&rest, '/'), &l))
        return false;
    u = l;
    if (*rest != '\0' && !parse_level(rest, &u))
        return false;
    *lower = l;
    *upper = max_of(l, u);
    return true;
}

static bool set_loglvl(struct cmdline *c, const char *value, bool negated unused_arg)
{
    return parse_levels(value, &c->loglvl_lower, &c->loglvl_upper);
}

static bool set_guest_loglvl(struct cmdline *c, const char *value, bool negated unused_arg)
{
    return parse_levels(value, &c->guest_loglvl_lower, &c->guest_loglvl_upper);
}

static bool set_noreboot(struct cmdline *c, const char *value, bool negated)
{
    return parse_bool(value, negated, &c->noreboot);
}

static bool set_reboot(struct cmdline *c, const char *value, bool negated)
{
    return negated ? parse_bool(value, false, &c->noreboot) : true;
}

static bool set_sync_console(struct cmdline *c, const char *value, bool negated)
{
    return parse_bool(value, negated, &c->sync_console);
}

static bool set_maxcpus(struct cmdline *c, const char *value, bool negated unused_arg)
{
    uint64_t n;

    if (!parse_number(value, &n) || n > UINT32_MAX)
        return false;
    c->maxcpus = (unsigned int)n;
    return true;
}

static bool set_mem(struct cmdline *c, const char *value, bool negated unused_arg)
{
    const char *at = value;
    uint64_t bytes;

    if (!parse_size(&at, 1024, &bytes) || *at != '\0')
        return false;
    c->mem_limit = bytes;
    return true;
}

static bool set_sched(struct cmdline *c, const char *value, bool negated unused_arg)
{
    c->sched_null = strcmp(value, "null") == 0;
    return c->sched_null || strcmp(value, "credit2") == 0;
}

/* Which CPUs share a run queue; "node" is all of them, as there is one. */
static bool set_runqueue(struct cmdline *c, const char *value, bool negated unused_arg)
{
    static const struct { const char *word; enum sched_arrangement is; } words[] = {
        { "cpu", SCHED_PER_CPU }, { "core", SCHED_PER_CORE }, { "socket", SCHED_PER_SOCKET },
        { "node", SCHED_ALL }, { "all", SCHED_ALL },
    };

    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        if (strcmp(value, words[i].word) == 0) {
            c->runqueue = words[i].is;
            return true;
        }
    return false;
}

static bool set_ratelimit(struct cmdline *c, const char *value, bool negated unused_arg)
{
    uint64_t us;

    if (!parse_number(value, &us) || (us != 0 && (us < RATELIMIT_MIN_US || us > RATELIMIT_MAX_US)))
        return false;
    c->ratelimit_us = (unsigned int)us;
    return true;
}

static bool set_mwait_idle(struct cmdline *c, const char *value, bool negated)
{
    return parse_bool(value, negated, &c->mwait_idle);
}

static bool set_apicv(struct cmdline *c, const char *value, bool negated)
{
    bool on;

    if (!parse_bool(value, negated, &on))
        return false;
    c->no_apicv = !on;
    return true;
}

/* Not Xen's: for emulators that lose interrupts while a guest has its own off (docs/caveats.md). */
static bool set_run_limit(struct cmdline *c, const char *value, bool negated unused_arg)
{
    uint64_t us;

    if (!parse_number(value, &us) || us > RUN_LIMIT_MAX_US)
        return false;
    c->run_limit_us = (unsigned int)us;
    return true;
}

static bool set_tsc(struct cmdline *c, const char *value, bool negated unused_arg)
{
    c->tsc_unstable = strcmp(value, "unstable") == 0;
    return true;
}

/* Not Xen's: a panic on purpose, to see what one looks like. =stack: overflow; =cpu: on the last CPU. */
static bool set_panic(struct cmdline *c, const char *value, bool negated)
{
    if (negated)
        return false;
    if (strcmp(value, "stack") == 0)
        c->provoke = PROVOKE_STACK;
    else if (strcmp(value, "cpu") == 0)
        c->provoke = PROVOKE_CPU;
    else
        c->provoke = PROVOKE_FAULT;
    return true;
}

static bool set_cpuid(struct cmdline *c, const char *value, bool negated)
{
    return !negated && cmdline_cpuid(c, value);
}

/* What GRUB and administrators write for Xen and means nothing here. */
static bool ignore(struct cmdline *c unused_arg, const char *value unused_arg, bool negated unused_arg)
{
    return true;
}

static const struct option options[] = {
    { "console", set_console }, { "com1", set_com1 }, { "com2", set_com2 }, { "vga", set_vga },
    { "dom0_mem", set_dom0_mem }, { "dom0_max_vcpus", set_dom0_max_vcpus },
    { "dom0_vcpus_pin", set_dom0_vcpus_pin }, { "loglvl", set_loglvl },
    { "guest_loglvl", set_guest_loglvl }, { "noreboot", set_noreboot }, { "reboot", set_reboot },
    { "sync_console", set_sync_console }, { "maxcpus", set_maxcpus }, { "mem", set_mem },
    { "credit2_runqueue", set_runqueue }, { "sched_ratelimit_us", set_ratelimit },
    { "sched", set_sched }, { "apicv", set_apicv }, { "tsc", set_tsc }, { "cpuid", set_cpuid },
    { "mwait-idle", set_mwait_idle },
    { "run_limit", set_run_limit },
    { "tenon_panic", set_panic },
    { "placeholder", ignore }, { "real-mode", ignore }, { "edd", ignore }, { "dom0", ignore },
};

static bool names_match(const char *name, const char *word)
{
    /* Xen takes '-' and '_' for each other. */
    for (; *name != '\0' && *word != '\0'; name++, word++)
        if (*name != *word && !(*name == '_' && *word == '-'))
            return false;
    return *name == *word;
}

static bool apply(struct cmdline *c, const char *word, const char *value)
{
    bool negated = false;

    for (;;) {
        for (size_t i = 0; i < ARRAY_COUNT(options); i++)
            if (names_match(options[i].name, word))
                return options[i].set(c, value, negated);
        if (negated || strncmp(word, "no-", 3) != 0)
            return false;
        negated = true;
        word += 3;
    }
}

static void set_defaults(struct cmdline *c)
{
    static const struct serial_config com1 = { .enabled = true, .port = 0x3f8, .baud = 115200,
                                               .data_bits = 8, .stop_bits = 1, .parity = 'n',
                                               .irq = 4, .clock_hz = 1843200 };

    memset(c, 0, sizeof(*c));
    c->console_serial = true;
    c->console_vga = true;
    c->com[0] = com1;
    c->com[1] = com1;
    c->com[1].port = 0x2f8;
    c->com[1].irq = 3;
    c->com[1].enabled = false;
    c->loglvl_lower = c->loglvl_upper = 3;
    c->guest_loglvl_upper = 2;
    c->ratelimit_us = 1000;
}

static void note_unknown(struct cmdline *c, const char *word)
{
    size_t used = strlen(c->unknown);

    if (used > 0 && used < sizeof(c->unknown) - 1)
        c->unknown[used++] = ' ';
    hv_strlcpy(c->unknown + used, word, sizeof(c->unknown) - used);
}

void cmdline_parse(const char *text, struct cmdline *out)
{
    char word[WORD_MAX];

    set_defaults(out);
    for (;;) {
        size_t n = 0;
        char *value;

        while (*text == ' ' || *text == '\t')
            text++;
        if (*text == '\0')
            return;
        for (; *text != '\0' && *text != ' ' && *text != '\t'; text++)
            if (n < sizeof(word) - 1)
                word[n++] = *text;
        word[n] = '\0';
        value = strchr(word, '=');
        if (value == NULL) {
            if (!apply(out, word, ""))
                note_unknown(out, word);
        } else {
            *value = '\0';
            if (!apply(out, word, value + 1)) {
                *value = '=';
                note_unknown(out, word);
            }
        }
    }
}
