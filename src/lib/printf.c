/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formatted output for the log: %d %i %u %x %X %o %c %s %p %% with the flags '-', '0', '#', '+',
 * ' ', width and precision (also '*') and the lengths hh h l ll z j t. What else a format contains
 * is copied as it stands. Never writes past size and, unless size is 0, always terminates.
 */
#include <lib/log.h>

#include <lib/string.h>

struct out { char *to; size_t size, length; };

struct spec {
    bool left, zero, alt, plus, space, upper, has_precision;
    unsigned int base;
    int width, precision;
    int length;                 /* -2 hh, -1 h, 0 none, 1 l and wider */
};

static void put(struct out *o, char c)
{
    if (o->length + 1 < o->size)
        o->to[o->length] = c;
    o->length++;
}

static void put_n(struct out *o, char c, int n)
{
    for (; n > 0; n--)
        put(o, c);
}

static void put_text(struct out *o, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put(o, s[i]);
}

static void put_padded(struct out *o, const struct spec *f, const char *s, size_t n)
{
    int pad = f->width - (int)n;

    if (!f->left)
        put_n(o, ' ', pad);
    put_text(o, s, n);
    if (f->left)
        put_n(o, ' ', pad);
}

static void put_number(struct out *o, const struct spec *f, uint64_t v, char sign)
{
    const char *digits = f->upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char buf[24];
    char prefix[3];
    int n = 0, prefix_len = 0, zeros, pad;
    uint64_t rest = v;

    for (; rest != 0 || (n == 0 && !(f->has_precision && f->precision == 0)); rest /= f->base)
        buf[sizeof(buf) - 1 - (size_t)n++] = digits[rest % f->base];
    if (sign != '\0')
        prefix[prefix_len++] = sign;
    if (f->alt && f->base == 16 && v != 0) {
        prefix[prefix_len++] = '0';
        prefix[prefix_len++] = f->upper ? 'X' : 'x';
    }
    zeros = f->has_precision ? f->precision - n
                             : (f->zero && !f->left ? f->width - n - prefix_len : 0);
    zeros = max_of(zeros, 0);
    pad = f->width - n - prefix_len - zeros;
    if (!f->left)
        put_n(o, ' ', pad);
    put_text(o, prefix, (size_t)prefix_len);
    put_n(o, '0', zeros);
    put_text(o, &buf[sizeof(buf) - (size_t)n], (size_t)n);
    if (f->left)
        put_n(o, ' ', pad);
}

static const char *parse_flags(const char *p, struct spec *f)
{
    for (;; p++) {
        switch (*p) {
        case '-': f->left = true; break;
        case '0': f->zero = true; break;
        case '#': f->alt = true; break;
        case '+': f->plus = true; break;
        case ' ': f->space = true; break;
        default: return p;
        }
    }
}

static const char *parse_int(const char *p, int *n)
{
    *n = 0;
    for (; *p >= '0' && *p <= '9'; p++)
        if (*n < 10000)
            *n = *n * 10 + (*p - '0');
    return p;
}

static const char *parse_length(const char *p, struct spec *f)
{
    for (;; p++) {
        switch (*p) {
        case 'h': f->length--; break;
        case 'l': case 'z': case 'j': case 't': f->length = 1; break;
        default: return p;
        }
    }
}

struct args { __builtin_va_list ap; };

static const char *parse_spec(const char *p, struct spec *f, struct args *a)
{
    p = parse_flags(p, f);
    if (*p == '*') {
        f->width = __builtin_va_arg(a->ap, int);
        if (f->width < 0) {
            f->left = true;
            f->width = -f->width;
        }
        p++;
    } else {
        p = parse_int(p, &f->width);
    }
    if (*p == '.') {
        f->has_precision = true;
        if (*++p == '*') {
            f->precision = __builtin_va_arg(a->ap, int);
            f->has_precision = f->precision >= 0;
            p++;
        } else {
            p = parse_int(p, &f->precision);
        }
    }
    return parse_length(p, f);
}

static void put_signed(struct out *o, struct spec *f, struct args *a)
{
    int64_t v = f->length > 0 ? __builtin_va_arg(a->ap, int64_t) : __builtin_va_arg(a->ap, int);
    char sign = f->plus ? '+' : (f->space ? ' ' : '\0');

    if (f->length == -1)
        v = (int16_t)v;
    else if (f->length <= -2)
        v = (int8_t)v;
    put_number(o, f, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0 ? '-' : sign);
}

static void put_unsigned(struct out *o, struct spec *f, struct args *a)
{
    uint64_t v = f->length > 0 ? __builtin_va_arg(a->ap, uint64_t)
                               : __builtin_va_arg(a->ap, unsigned int);

    if (f->length == -1)
        v = (uint16_t)v;
    else if (f->length <= -2)
        v = (uint8_t)v;
    put_number(o, f, v, '\0');
}

static void put_string(struct out *o, const struct spec *f, const char *s)
{
    if (s == NULL)
        s = "(null)";
    put_padded(o, f, s, f->has_precision ? strnlen(s, (size_t)f->precision) : strlen(s));
}

static void put_pointer(struct out *o, struct spec *f, const void *p)
{
    f->base = 16;
    f->has_precision = true;
    f->precision = 16;
    put_number(o, f, (uint64_t)(uintptr_t)p, '\0');
}

/* One conversion; false: not one of ours, the caller copies its text. */
static bool put_conversion(struct out *o, struct spec *f, char conversion, struct args *a)
{
    char c;

    f->base = 10;
    switch (conversion) {
    case 'd': case 'i': put_signed(o, f, a); return true;
    case 'u': put_unsigned(o, f, a); return true;
    case 'X': f->upper = true; f->base = 16; put_unsigned(o, f, a); return true;
    case 'x': f->base = 16; put_unsigned(o, f, a); return true;
    case 'o': f->base = 8; put_unsigned(o, f, a); return true;
    case 'p': put_pointer(o, f, __builtin_va_arg(a->ap, const void *)); return true;
    case 's': put_string(o, f, __builtin_va_arg(a->ap, const char *)); return true;
    case 'c':
        c = (char)__builtin_va_arg(a->ap, int);
        put_padded(o, f, &c, 1);
        return true;
    case '%': put(o, '%'); return true;
    default: return false;
    }
}

int hv_vsnprintf(char *to, size_t size, const char *fmt, __builtin_va_list ap)
{
    struct out o = { to, size, 0 };
    struct args a;

    __builtin_va_copy(a.ap, ap);
    while (*fmt != '\0') {
        const char *percent = fmt;
        struct spec f = { 0 };

        if (*fmt != '%') {
            put(&o, *fmt++);
            continue;
        }
        fmt = parse_spec(fmt + 1, &f, &a);
        if (*fmt != '\0' && put_conversion(&o, &f, *fmt, &a))
            fmt++;
        else
            put_text(&o, percent, (size_t)(fmt - percent));
    }
    __builtin_va_end(a.ap);
    if (size > 0)
        to[min_of(o.length, size - 1)] = '\0';
    return (int)o.length;
}

int hv_snprintf(char *to, size_t size, const char *fmt, ...)
{
    __builtin_va_list ap;
    int n;

    __builtin_va_start(ap, fmt);
    n = hv_vsnprintf(to, size, fmt, ap);
    __builtin_va_end(ap);
    return n;
}
