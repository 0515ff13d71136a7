/* SPDX-License-Identifier: BSD-2-Clause */
/* The option cpuid=: Xen's names of CPU features are those of its public header, in small letters. */
#include <boot/cmdline.h>

#include <hv/compiler.h>
#include <lib/string.h>
#include <xen/arch-x86/xen.h>

static const struct { const char *name; uint16_t number; } features[] = {
#define XEN_CPUFEATURE(name, number) { #name, (number) },
#include <xen/arch-x86/cpufeatureset.h>
};

/* Letters match in either case, '-' is '_'. */
static bool is_name(const char *word, size_t n, const char *name)
{
    for (; n > 0 && *name != '\0'; n--, word++, name++) {
        char w = *word >= 'a' && *word <= 'z' ? (char)(*word - 'a' + 'A') : *word;

        if ((w == '-' ? '_' : w) != *name)
            return false;
    }
    return n == 0 && *name == '\0';
}

int cpu_feature_by_name(const char *name, size_t n)
{
    for (size_t i = 0; i < ARRAY_COUNT(features); i++)
        if (is_name(name, n, features[i].name))
            return features[i].number;
    return -1;
}

/* "no-avx512f", "avx512f=off", "avx512f": the last asks for nothing, as what the CPU has is there. */
static bool set_feature(struct cmdline *c, const char *word, size_t n)
{
    static const char *const off[] = { "=0", "=no", "=off", "=false", "=disable" };
    bool hide = n > 3 && strncmp(word, "no-", 3) == 0;
    int number;

    if (hide) {
        word += 3;
        n -= 3;
    }
    for (size_t i = 0; !hide && i < ARRAY_COUNT(off); i++) {
        size_t tail = strlen(off[i]);

        if (n > tail && strncmp(word + n - tail, off[i], tail) == 0) {
            hide = true;
            n -= tail;
        }
    }
    number = cpu_feature_by_name(word, n);
    if (number < 0 || (unsigned int)number / 32 >= CMDLINE_CPUID_WORDS)
        return false;
    if (hide)
        c->cpuid_hidden[number / 32] |= 1U << (number % 32);
    return true;
}

bool cmdline_cpuid(struct cmdline *c, const char *list)
{
    bool good = true;

    for (;;) {
        const char *end = strchr(list, ',');
        size_t n = end == NULL ? strlen(list) : (size_t)(end - list);

        good &= set_feature(c, list, n);
        if (end == NULL)
            return good;
        list = end + 1;
    }
}
