/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole user space of a test guest that works with its disk and network: says on its console what it sees of the machine,
 * then does what the kernel's command line asks. No C library: it is built with -static -nostdlib (-m32 for a 32-bit kernel)
 * and runs as /init of an initramfs.
 *
 *   disk=NAME   waits for /dev/NAME, says the checksum (as of cksum) of its first 4 MiB and of 64 KiB that it writes behind them
 *   net=NAME    waits for this card, gives it 192.168.77.2/24 and sends back what comes in by one TCP connection to port 7
 *   net2        the same with the address 192.168.77.3, for a second guest
 *   peer        instead connects to 192.168.77.2, sends 256 KiB, and says the checksums of what went and what came; mib=N: N MiB
 *   time=NAME   nanoseconds of a request to this disk, past the page cache: 64 of 64 KiB one after the other, 256 of 4 KiB here and there
 *   card=NAME   nanoseconds of 64 KiB through this card: what comes by the first TCP connection to port 7, and the 4 MiB that are sent back
 *               by the second, until that is closed
 *   log=A,B     says the lines of the kernel's log that contain one of the words: with "quiet" the slow serial port is spared the rest
 *   act=WHAT    then: off (the default), reboot, crash or stay
 */
#include "calls.h"

#include <linux/sockios.h>
#include <linux/time_types.h>
#include <stdint.h>

#define READS_MAX 256UL
#define DISK_READ (4U << 20)
#define DISK_WRITE (64U << 10)
#define NET_BYTES (256U << 10)
#define NET_TIMED (4U << 20)
#define ECHO_PORT 7

static void say_number(unsigned long n)
{
    char text[24], *at = text + sizeof(text) - 1;

    *at = 0;
    do
        *--at = (char)('0' + n % 10);
    while (n /= 10);
    say(at);
}

static void nap(void)
{
    struct __kernel_old_timespec t = { .tv_nsec = 100000000 };

    (void)call(__NR_nanosleep, (long)&t, 0, 0, 0, 0);
}

/* Nanoseconds since the kernel began to keep time. */
static unsigned long now(void)
{
    struct __kernel_old_timespec t = { 0 };

    (void)call(__NR_clock_gettime, 1 /* CLOCK_MONOTONIC */, (long)&t, 0, 0, 0);
    return (unsigned long)t.tv_sec * 1000000000UL + (unsigned long)t.tv_nsec;
}

static void say_figure(const char *what, unsigned long ns)
{
    say("guest: took ");
    say(what);
    say(" ");
    say_number(ns);
    say("\n");
}

/* The value of NAME= on the command line; empty if there is none. */
static const char *value_of(const char *name)
{
    static char value[64];
    const char *at = contents("/proc/cmdline");
    size_t n = 0;

    for (; *at; at++) {
        for (n = 0; name[n] && at[n] == name[n]; n++)
            ;
        if (!name[n] && at[n] == '=')
            break;
    }
    for (at += *at ? n + 1 : 0, n = 0; at[n] > ' ' && n < sizeof(value) - 1; n++)
        value[n] = at[n];
    value[n] = 0;
    return value;
}

/* ---- checksums as cksum(1) makes them ---- */

struct sum { uint32_t crc; unsigned long bytes; };

static void sum_byte(struct sum *s, uint8_t byte)
{
    s->crc ^= (uint32_t)byte << 24;
    for (int i = 0; i < 8; i++)
        s->crc = s->crc << 1 ^ (s->crc & 1U << 31 ? 0x04c11db7U : 0);
}

static void sum_add(struct sum *s, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        sum_byte(s, data[i]);
    s->bytes += size;
}

static void sum_say(struct sum *s)
{
    for (unsigned long n = s->bytes; n; n >>= 8)
        sum_byte(s, (uint8_t)n);
    say_number(~s->crc);
    say(" ");
    say_number(s->bytes);
    say("\n");
}

/* ---- the kernel's log ---- */

/* One of the words, which commas separate, stands in the text. */
static int has_a_word(const char *text, const char *words)
{
    for (; *text; text++) {
        const char *w = words, *t = text;

        for (; *w; w++) {
            if (*w == ',') {
                if (t)
                    return 1;
                t = text;
            } else if (t) {
                t = *t == *w ? t + 1 : NULL;
            }
        }
        if (t && *words)
            return 1;
    }
    return 0;
}

/* Each read of /dev/kmsg is one line: "level,number,time,flags;text". */
static void show_log(const char *words)
{
    static char text[1024];
    long fd, n;

    if (!*words)
        return;
    fd = call(__NR_open, (long)"/dev/kmsg", O_RDONLY | O_NONBLOCK, 0, 0, 0);
    while ((n = call(__NR_read, fd, (long)text, sizeof(text) - 1, 0, 0)) > 0) {
        const char *at = text;

        text[n] = 0;
        while (*at && *at != ';')
            at++;
        for (char *end = text; *end; end++)
            if (*end == '\n')
                end[1] = 0;
        if (*at && has_a_word(at + 1, words))
            say(at + 1);
    }
    (void)call(__NR_close, fd, 0, 0, 0, 0);
}

/* ---- drivers ---- */

/* The modules of the archive, /modules/00 to 99, in their order; one whose device is missing stays silent. */
static void load_modules(void)
{
    char path[] = "/modules/00";
    long fd;

    for (int n = 0; n < 100; n++) {
        path[9] = (char)('0' + n / 10);
        path[10] = (char)('0' + n % 10);
        fd = call(__NR_open, (long)path, O_RDONLY, 0, 0, 0);
        if (fd < 0)
            break;
        if (call(__NR_finit_module, fd, (long)"", 0, 0, 0) < 0) {
            say("guest: not loaded: ");
            say(path);
            say("\n");
        }
        (void)call(__NR_close, fd, 0, 0, 0, 0);
    }
}

/* ---- disk ---- */

static uint8_t buffer[64 << 10] __attribute__((aligned(4096)));

static long open_disk(const char *name, long how)
{
    char path[80] = "/dev/";
    long fd = -1;

    for (size_t n = 0; n <= length(name); n++)
        path[5 + n] = name[n];
    for (int tries = 0; fd < 0 && tries < 300; tries++) {
        if (tries)
            nap();
        fd = call(__NR_open, (long)path, how, 0, 0, 0);
    }
    return fd;
}

static void read_disk(long fd)
{
    struct sum s = { 0, 0 };
    long n = 1;

    while (n > 0 && s.bytes < DISK_READ) {
        n = call(__NR_read, fd, (long)buffer, sizeof(buffer), 0, 0);
        sum_add(&s, buffer, n > 0 ? (size_t)n : 0);
    }
    say("guest: disk read ");
    sum_say(&s);
}

static void write_disk(long fd)
{
    struct sum s = { 0, 0 };
    long n;

    for (size_t i = 0; i < DISK_WRITE; i++)
        buffer[i] = (uint8_t)(i * 7 + i / 251);
    n = call(__NR_pwrite64, fd, (long)buffer, DISK_WRITE, DISK_READ, 0);
    if (n != DISK_WRITE || call(__NR_fsync, fd, 0, 0, 0, 0) != 0)
        say("guest: write failed\n");
    sum_add(&s, buffer, DISK_WRITE);
    say("guest: disk written ");
    sum_say(&s);
}

static void use_disk(const char *name)
{
    long fd;

    if (!*name)
        return;
    fd = open_disk(name, O_RDWR);
    if (fd < 0) {
        say("guest: no disk\n");
        return;
    }
    read_disk(fd);
    write_disk(fd);
    (void)call(__NR_close, fd, 0, 0, 0, 0);
}

/* Puts a value into its place among n sorted ones. */
static void insert(unsigned long *sorted, unsigned long n, unsigned long value)
{
    for (; n > 0 && sorted[n - 1] > value; n--)
        sorted[n] = sorted[n - 1];
    sorted[n] = value;
}

/*
 * Reads COUNT times SIZE bytes of the first 4 MiB, STEP further each time: what the middle one takes, for whatever else the machine's
 * one CPU has to do meanwhile is in some of them.
 */
static void time_reads(const char *what, long fd, unsigned long count, unsigned long size, unsigned long step)
{
    static unsigned long took[READS_MAX];

    for (unsigned long n = 0; n < count; n++) {
        unsigned long begin = now();

        if (call(__NR_pread64, fd, (long)buffer, (long)size, (long)(n * step % DISK_READ), 0) != (long)size) {
            say("guest: not read\n");
            return;
        }
        insert(took, n, now() - begin);
    }
    say_figure(what, took[count / 2]);
}

static void time_disk(const char *name)
{
    long fd;

    if (!*name)
        return;
    fd = open_disk(name, O_RDONLY | O_DIRECT);
    time_reads("disk-sequential", fd, READS_MAX / 4, sizeof(buffer), sizeof(buffer));
    time_reads("disk-random", fd, READS_MAX, 4096, 4096 * 389);
    (void)call(__NR_close, fd, 0, 0, 0, 0);
}

/* ---- network ---- */

#define INTERNET 2
#define STREAM 1
#define DATAGRAM 2
#define SHUT_WRITING 1
#define UP_AND_RUNNING 0x41
struct address { uint16_t family, port; uint32_t host; uint8_t zero[8]; };
struct card { char name[16]; union { struct address address; uint16_t flags; uint8_t room[24]; }; };

static uint16_t big16(unsigned int n) { return (uint16_t)(n << 8 | n >> 8); }

static struct address address(unsigned int last, unsigned int port)
{
    return (struct address){ .family = INTERNET, .port = big16(port),
                             .host = last ? 192U | 168U << 8 | 77U << 16 | last << 24 : 0 };
}

static int set_up_card(const char *name, unsigned int last)
{
    struct card r = { .address = address(last, 0) };
    long s = call(__NR_socket, INTERNET, DATAGRAM, 0, 0, 0), rc = -1;

    for (size_t n = 0; n < sizeof(r.name) - 1 && name[n]; n++)
        r.name[n] = name[n];
    for (int tries = 0; rc != 0 && tries < 300; tries++) {
        if (tries)
            nap();
        rc = call(__NR_ioctl, s, SIOCSIFADDR, (long)&r, 0, 0);
    }
    r.flags = UP_AND_RUNNING;
    if (rc == 0)
        rc = call(__NR_ioctl, s, SIOCSIFFLAGS, (long)&r, 0, 0);
    (void)call(__NR_close, s, 0, 0, 0, 0);
    return (int)rc;
}

/* The number behind NAME= on the command line, or 0. */
static unsigned long number_of(const char *name)
{
    unsigned long n = 0;

    for (const char *at = value_of(name); *at >= '0' && *at <= '9'; at++)
        n = n * 10 + (unsigned long)(*at - '0');
    return n;
}

static void talk_to_peer(void)
{
    struct address a = address(2, ECHO_PORT);
    struct sum went = { 0, 0 }, came = { 0, 0 };
    unsigned long mib = number_of("mib"), bytes = mib ? mib << 20 : NET_BYTES;
    long s, n = 1;

    for (int tries = 0; tries < 300; tries++) {
        s = call(__NR_socket, INTERNET, STREAM, 0, 0, 0);
        if (call(__NR_connect, s, (long)&a, sizeof(a), 0, 0) == 0)
            break;
        (void)call(__NR_close, s, 0, 0, 0, 0);
        nap();
    }
    say("guest: network talks\n");
    while (n > 0 && came.bytes < bytes) {
        for (size_t i = 0; i < 4096; i++)
            buffer[i] = (uint8_t)(i * 5 + went.bytes / 4096);
        n = call(__NR_write, s, (long)buffer, 4096, 0, 0);
        sum_add(&went, buffer, n > 0 ? (size_t)n : 0);
        while (n > 0 && came.bytes < went.bytes) {
            n = call(__NR_read, s, (long)buffer, sizeof(buffer), 0, 0);
            sum_add(&came, buffer, n > 0 ? (size_t)n : 0);
        }
    }
    (void)call(__NR_close, s, 0, 0, 0, 0);
    say("guest: network sent ");
    sum_say(&went);
    say("guest: network received ");
    sum_say(&came);
}

static long listen_at_port(void)
{
    struct address a = address(0, ECHO_PORT);
    long s = call(__NR_socket, INTERNET, STREAM, 0, 0, 0);

    if (call(__NR_bind, s, (long)&a, sizeof(a), 0, 0) != 0 || call(__NR_listen, s, 1, 0, 0, 0) != 0)
        say("guest: no server\n");
    say("guest: network up\n");
    return s;
}

static void echo(void)
{
    long c = call(__NR_accept4, listen_at_port(), 0, 0, 0, 0), n;
    unsigned long total = 0;

    while ((n = call(__NR_read, c, (long)buffer, sizeof(buffer), 0, 0)) > 0) {
        for (long done = 0, w = 1; w > 0 && done < n; done += w)
            w = call(__NR_write, c, (long)buffer + done, n - done, 0, 0);
        total += (unsigned long)n;
    }
    (void)call(__NR_close, c, 0, 0, 0, 0);
    say("guest: network echoed ");
    say_number(total);
    say("\n");
}

static void say_rate(const char *what, unsigned long total, unsigned long ns)
{
    if (total < NET_TIMED)
        say("guest: too few bytes\n");
    else
        say_figure(what, ns / (total >> 16));
}

static void time_network(const char *name)
{
    unsigned long total = 0, begin;
    long s, c, n;

    if (!*name)
        return;
    if (set_up_card(name, 2) != 0) {
        say("guest: no network card\n");
        return;
    }
    s = listen_at_port();
    c = call(__NR_accept4, s, 0, 0, 0, 0);
    begin = now();
    while ((n = call(__NR_read, c, (long)buffer, sizeof(buffer), 0, 0)) > 0)
        total += (unsigned long)n;
    say_rate("network-in", total, now() - begin);
    (void)call(__NR_close, c, 0, 0, 0, 0);
    c = call(__NR_accept4, s, 0, 0, 0, 0);
    begin = now();
    for (total = 0, n = 1; n > 0 && total < NET_TIMED; total += (unsigned long)n)
        n = call(__NR_write, c, (long)buffer, sizeof(buffer), 0, 0);
    (void)call(__NR_shutdown, c, SHUT_WRITING, 0, 0, 0);
    (void)call(__NR_read, c, (long)buffer, 1, 0, 0);        /* its end has come when all has arrived */
    say_rate("network-out", total, now() - begin);
    (void)call(__NR_close, c, 0, 0, 0, 0);
}

static void use_network(const char *name)
{
    if (!*name)
        return;
    if (set_up_card(name, asked("net2") ? 3 : 2) != 0) {
        say("guest: no network card\n");
        return;
    }
    if (asked("peer"))
        talk_to_peer();
    else
        echo();
}

void start(void)
{
    unsigned long begin = now();

    mount("proc", "/proc");
    mount("sysfs", "/sys");
    mount("devtmpfs", "/dev");
    say("guest: init runs\n");
    say_figure("kernel-to-init", begin);
    load_modules();
    show("online", "/sys/devices/system/cpu/online");
    show("clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource");
    show("hypervisor", "/sys/hypervisor/type");
    show("uptime", "/proc/uptime");
    show_log(value_of("log"));
    use_disk(value_of("disk"));
    time_disk(value_of("time"));
    time_network(value_of("card"));
    use_network(value_of("net"));
    say("guest: done\n");
    if (asked("act=crash"))
        (void)call(__NR_exit, 1, 0, 0, 0, 0);      /* the end of init is a panic */
    if (asked("act=reboot"))
        reboot(LINUX_REBOOT_CMD_RESTART);
    if (asked("act=stay"))
        for (;;)
            (void)call(__NR_pause, 0, 0, 0, 0, 0);
    reboot(LINUX_REBOOT_CMD_POWER_OFF);
    for (;;)
        ;
}
