/* SPDX-License-Identifier: BSD-2-Clause */
/* What the programs that are a test guest's whole user space share: no C library, hence static functions in a header. */
#ifndef GUEST_CALLS_H
#define GUEST_CALLS_H

#include <asm/fcntl.h>
#include <asm/unistd.h>
#include <linux/reboot.h>
#include <stddef.h>

#ifdef __x86_64__
static long call(long nr, long a, long b, long c, long d, long e)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    long rc;

    __asm__ volatile("syscall" : "=a"(rc) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return rc;
}
#else
static long call(long nr, long a, long b, long c, long d, long e)
{
    long rc;

    __asm__ volatile("int $0x80" : "=a"(rc) : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
    return rc;
}
#endif

static size_t length(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

static void say(const char *s)
{
    (void)call(__NR_write, 1, (long)s, (long)length(s), 0, 0);
}

/* The first bytes of a file; what is not there is empty. */
static const char *contents(const char *path)
{
    static char text[4096];
    long fd = call(__NR_open, (long)path, O_RDONLY, 0, 0, 0), n = 0;

    if (fd >= 0)
        n = call(__NR_read, fd, (long)text, sizeof(text) - 1, 0, 0);
    text[n > 0 ? n : 0] = 0;
    if (fd >= 0)
        (void)call(__NR_close, fd, 0, 0, 0, 0);
    return text;
}

static void show(const char *name, const char *path)
{
    const char *text = contents(path);

    say("guest: ");
    say(name);
    say(" ");
    say(text);
    if (text[0] == 0 || text[length(text) - 1] != '\n')
        say("\n");
}

static int asked(const char *what)
{
    const char *at = contents("/proc/cmdline");

    for (; *at; at++) {
        size_t n = 0;

        while (what[n] && at[n] == what[n])
            n++;
        if (!what[n])
            return 1;
    }
    return 0;
}

static void mount(const char *type, const char *at)
{
    (void)call(__NR_mkdir, (long)at, 0755, 0, 0, 0);
    (void)call(__NR_mount, (long)type, (long)at, (long)type, 0, 0);
}

static void reboot(unsigned int how)
{
    (void)call(__NR_reboot, (long)LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, how, 0, 0);
}

#ifdef __x86_64__
__asm__(".globl _start\n_start: andq $-16, %rsp\n call start\n");
#else
__asm__(".globl _start\n_start: andl $-16, %esp\n call start\n");
#endif

#endif
