/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole user space of a test guest: says on its console what it sees of the machine, then does what "act=" on
 * the kernel's command line asks. With act=stay it obeys its console: a line "show PATH" shows a file, "write PATH TEXT"
 * writes one, "address A.B.C.D" gives eth0 that address, "knock A.B.C.D" looks whether another machine answers there,
 * "exit" ends init. As /sbin/poweroff, which the kernel starts when it is asked to shut down, it does that.
 * Modules that the initramfs has in /modules are loaded first. No C library: it is built with -static -nostdlib and runs
 * as /init of an initramfs.
 */
#include "calls.h"

#include <asm-generic/errno.h>
#include <linux/if.h>
#include <linux/in.h>
#include <linux/sockios.h>
#include <sys/syscall.h>

static void load_module(const char *path)
{
    long fd = call(SYS_open, (long)path, O_RDONLY, 0, 0, 0);

    if (fd < 0)
        return;
    if (call(SYS_finit_module, fd, (long)"", 0, 0, 0) != 0)
        say("guest: a module could not be loaded\n");
    (void)call(SYS_close, fd, 0, 0, 0, 0);
}

/* A line of the console, without its end. */
static char *line(void)
{
    static char text[256];
    size_t n = 0;

    while (n < sizeof(text) - 1 && call(SYS_read, 0, (long)(text + n), 1, 0, 0) == 1) {
        if (text[n] == '\n' || text[n] == '\r')
            break;
        n++;
    }
    text[n] = 0;
    return text;
}

static int begins(const char *text, const char *with)
{
    while (*with && *text == *with) {
        text++;
        with++;
    }
    return !*with;
}

/* "PATH TEXT" */
static void put(char *what)
{
    char *text = what;
    long fd, n;

    while (*text && *text != ' ')
        text++;
    if (*text)
        *text++ = 0;
    fd = call(SYS_open, (long)what, O_WRONLY, 0, 0, 0);
    n = fd < 0 ? fd : call(SYS_write, fd, (long)text, (long)length(text), 0, 0);
    say(n < 0 ? "guest: not written\n" : "guest: written\n");
    if (fd >= 0)
        (void)call(SYS_close, fd, 0, 0, 0, 0);
}

/* ---- network ---- */

static struct sockaddr_in address(const char *text, unsigned int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = (unsigned short)(port >> 8 | port << 8) };
    unsigned char *byte = (unsigned char *)&a.sin_addr;

    for (; *text; text++)
        if (*text == '.')
            byte++;
        else
            *byte = (unsigned char)(*byte * 10 + *text - '0');
    return a;
}

static void set_address(const char *text)
{
    struct ifreq r = { .ifr_name = "eth0" };
    struct sockaddr_in a = address(text, 0);
    long fd = call(SYS_socket, AF_INET, SOCK_DGRAM, 0, 0, 0), rc;

    __builtin_memcpy(&r.ifr_addr, &a, sizeof(a));
    rc = call(SYS_ioctl, fd, SIOCSIFADDR, (long)&r, 0, 0);
    r.ifr_flags = IFF_UP;
    if (rc == 0)
        rc = call(SYS_ioctl, fd, SIOCSIFFLAGS, (long)&r, 0, 0);
    say(rc == 0 ? "guest: eth0 is up\n" : "guest: no eth0\n");
    (void)call(SYS_close, fd, 0, 0, 0, 0);
}

/* Nobody listens at this port: whoever has the address says so. */
static void knock(const char *text)
{
    struct sockaddr_in a = address(text, 7777);
    struct { long s, us; } timeout = { 1, 0 };
    char byte = 0;

    for (unsigned int i = 0; i < 30; i++) {
        long fd = call(SYS_socket, AF_INET, SOCK_DGRAM, 0, 0, 0), rc;

        (void)call(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO_OLD, (long)&timeout, sizeof(timeout));
        (void)call(SYS_connect, fd, (long)&a, sizeof(a), 0, 0);
        (void)call(SYS_write, fd, (long)&byte, 1, 0, 0);
        rc = call(SYS_read, fd, (long)&byte, 1, 0, 0);
        (void)call(SYS_close, fd, 0, 0, 0, 0);
        if (rc == -ECONNREFUSED) {
            say("guest: answered\n");
            return;
        }
    }
    say("guest: no answer\n");
}

static void obey(void)
{
    for (;;) {
        char *text = line();

        if (begins(text, "show ")) {
            show(text + 5, text + 5);
            say("guest: shown\n");
        }
        if (begins(text, "address "))
            set_address(text + 8);
        if (begins(text, "knock "))
            knock(text + 6);
        if (begins(text, "write "))
            put(text + 6);
        if (begins(text, "exit"))
            return;
    }
}

void start(void)
{
    if (call(SYS_getpid, 0, 0, 0, 0, 0) != 1)
        reboot(LINUX_REBOOT_CMD_POWER_OFF);
    mount("proc", "/proc");
    mount("sysfs", "/sys");
    mount("devtmpfs", "/dev");
    load_module("/modules/xen-blkfront.ko");
    load_module("/modules/xen-netfront.ko");
    say("guest: init runs\n");
    show("online", "/sys/devices/system/cpu/online");
    show("clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource");
    show("hypervisor", "/sys/hypervisor/type");
    show("uptime", "/proc/uptime");
    say("guest: done\n");
    if (asked("act=crash"))
        (void)call(SYS_exit, 1, 0, 0, 0, 0);      /* the end of init is a panic */
    if (asked("act=reboot"))
        reboot(LINUX_REBOOT_CMD_RESTART);
    if (asked("act=stay")) {
        obey();
        (void)call(SYS_exit, 1, 0, 0, 0, 0);
    }
    reboot(LINUX_REBOOT_CMD_POWER_OFF);
    for (;;)
        ;
}
