/* SPDX-License-Identifier: BSD-2-Clause */
/* The console, and the little of a C library that a test needs. */
#include <stdarg.h>

#include "hypercall.h"

#define LINE_MAX 256

struct line { char text[LINE_MAX]; size_t used; };

static void put(struct line *l, char c)
{
    if (l->used < LINE_MAX)
        l->text[l->used++] = c;
}

static void put_number(struct line *l, uint64_t value, unsigned int base, bool negative)
{
    char digits[24];
    unsigned int n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value > 0);
    if (negative)
        put(l, '-');
    while (n > 0)
        put(l, digits[--n]);
}

static void put_argument(struct line *l, char conversion, bool is_long, va_list *ap)
{
    const char *s;
    int64_t v;

    switch (conversion) {
    case 's':
        for (s = va_arg(*ap, const char *); *s; s++)
            put(l, *s);
        break;
    case 'c':
        put(l, (char)va_arg(*ap, int));
        break;
    case 'd':
        v = is_long ? va_arg(*ap, int64_t) : va_arg(*ap, int);
        put_number(l, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, v < 0);
        break;
    case 'u':
    case 'x':
        put_number(l, is_long ? va_arg(*ap, uint64_t) : va_arg(*ap, unsigned int), conversion == 'u' ? 10 : 16,
                   false);
        break;
    default:
        put(l, conversion);
        break;
    }
}

/* %s %c %d %u %x and the last three with l. */
static void format_line(struct line *l, const char *format, va_list *ap)
{
    for (; *format; format++) {
        bool is_long = false;

        if (*format != '%') {
            put(l, *format);
            continue;
        }
        format++;
        if (*format == 'l') {
            is_long = true;
            format++;
        }
        put_argument(l, *format, is_long, ap);
    }
}

static void flush(const struct line *l) { console_write(l->text, l->used); }

void print(const char *format, ...)
{
    struct line l = { .used = 0 };
    va_list ap;

    va_start(ap, format);
    format_line(&l, format, &ap);
    va_end(ap);
    flush(&l);
}

/* ---- the report ---- */

static enum status status_now;
static const char *test_now = "start";
static unsigned int complaints;

static const char *const status_names[] = { "SUCCESS", "SKIP", "ERROR", "FAILURE" };

/* The first ones tell the story; a loop over all MSRs need not print them all. */
void report(enum status status, const char *format, ...)
{
    struct line l = { .used = 0 };
    va_list ap;

    if (status > status_now)
        status_now = status;
    if (complaints++ >= 12)
        return;
    print("guest:   %s %s: ", test_now, status_names[status]);
    va_start(ap, format);
    format_line(&l, format, &ap);
    va_end(ap);
    put(&l, '\n');
    flush(&l);
}

bool check_at(bool good, const char *text, const char *file, int line)
{
    if (!good)
        fail("%s:%d: not so: %s", file, line, text);
    return good;
}

bool check_equal_at(uint64_t is, uint64_t should, const char *text, const char *file, int line)
{
    if (is != should)
        fail("%s:%d: %s is 0x%lx, not 0x%lx", file, line, text, is, should);
    return is == should;
}

void run_test(const struct test *t);
void run_test(const struct test *t)
{
    status_now = SUCCESS;
    test_now = t->name;
    complaints = 0;
    print("guest: %s: %s\n", t->name, t->about);
    t->run();
    if (complaints > 12)
        print("guest:   ... and %u more\n", complaints - 12);
    print("guest: %s %s\n", t->name, status_names[status_now]);
}

/* ---- strings and memory ---- */

int text_compare(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a - *b;
}

void *memset(void *to, int byte, size_t size)
{
    void *d = to;

    __asm__ volatile("rep stosb" : "+D"(d), "+c"(size) : "a"(byte) : "memory");
    return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
    void *d = to;

    __asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(size) : : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const uint8_t *p = a, *q = b;

    for (; size > 0; size--, p++, q++)
        if (*p != *q)
            return *p - *q;
    return 0;
}
