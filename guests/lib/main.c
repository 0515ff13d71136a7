/* SPDX-License-Identifier: BSD-2-Clause */
/* From the entry to the tests that the command line names, in its order: "run=a,b". */
#include "apic.h"
#include "child.h"
#include "cpu.h"
#include "hypercall.h"
#include "linux.h"

#include <xen/arch-x86/hvm/start_info.h>

extern const struct test tests_begin[], tests_end[];
extern char low_begin[], low_end[], low_load[];
void run_test(const struct test *t);
void trap_start(unsigned int cpu);
void low_copy(void);
void guest_start(void) __attribute__((noreturn));

static char line[1024];

const struct hvm_start_info *start_info(void)
{
    return entry_state.eax == LINUX_MAGIC ? NULL : (const void *)(uintptr_t)entry_state.ebx;
}

static const char *given_line(void)
{
    const struct hvm_start_info *s = start_info();
    uintptr_t at = s ? s->cmdline_paddr : entry_state.ebx;

    return at ? (const char *)at : "";
}

/* It may lie where our own low code goes. */
static void keep_line(void)
{
    const char *p = given_line();

    for (size_t i = 0; p[i] && i + 1 < sizeof(line); i++)
        line[i] = p[i];
}

const char *command_line(void) { return line; }

/* The text behind `name` at the beginning of a word, or NULL. */
static const char *word_with(const char *name)
{
    const char *p = command_line();

    while (*p) {
        size_t n = 0;

        while (*p == ' ')
            p++;
        while (name[n] && p[n] == name[n])
            n++;
        if (!name[n])
            return p + n;
        while (*p && *p != ' ')
            p++;
    }
    return NULL;
}

bool command_line_has(const char *word)
{
    const char *p = word_with(word);

    return p && (*p == ' ' || *p == 0);
}

uint64_t command_line_number(const char *name, uint64_t otherwise)
{
    const char *p = word_with(name);
    uint64_t v = 0;

    if (!p || *p < '0' || *p > '9')
        return otherwise;
    for (; *p >= '0' && *p <= '9'; p++)
        v = v * 10 + (uint64_t)(*p - '0');
    return v;
}

/* The test whose name stands at the beginning of a list with commas between the names. */
static const struct test *test_at(const char *list)
{
    for (const struct test *t = tests_begin; t < tests_end; t++) {
        size_t n = 0;

        while (t->name[n] && list[n] == t->name[n])
            n++;
        if (!t->name[n] && (list[n] == ',' || list[n] == ' ' || list[n] == 0))
            return t;
    }
    return NULL;
}

static unsigned int run_list(const char *list)
{
    unsigned int count = 0;

    while (*list && *list != ' ') {
        const struct test *t = test_at(list);

        if (t)
            run_test(t);
        count += t != NULL;
        while (*list && *list != ',' && *list != ' ')
            list++;
        if (*list == ',')
            list++;
    }
    return count;
}

static uint64_t random_state[CPUS_MAX];

/* Each CPU has a sequence of its own. */
uint64_t random64(void)
{
    uint64_t *s = &random_state[this_cpu()->index];

    /* xorshift64* */
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return *s * 0x2545f4914f6cdd1dUL;
}

uint32_t random32(void) { return (uint32_t)(random64() >> 32); }

/* Pages come from behind the image; what the hypervisor put there (start_info and the like) is above. */
void *page_alloc(void)
{
    static uint64_t next;
    uint64_t page;

    if (!next)
        next = (uint64_t)(uintptr_t)image_end + (4UL << 20);
    page = next;
    next += 4096;
    return memset((void *)page, 0, 4096);
}

uint64_t *page_entry(uint64_t a)
{
    extern uint64_t page_pd[];
    uint64_t *large = &page_pd[a >> 21];

    if (*large & 0x80) {
        uint64_t *table = page_alloc();
        uint64_t first = *large & ~0x1fffffUL;

        for (unsigned int i = 0; i < 512; i++)
            table[i] = (first + i * 4096) | PTE_TABLE;
        *large = address(table) | PTE_TABLE;
        write_cr3(read_cr3());
    }
    return (uint64_t *)(*large & ~0xfffUL) + (a >> 12) % 512;
}

void guest_shutdown(unsigned int reason)
{
    struct sched_shutdown s = { .reason = reason };

    for (;;)
        sched_op(SCHEDOP_shutdown, &s);
}

/* VMCALL and VMMCALL differ in their last byte. */
static void choose_hypercall(void)
{
    extern uint8_t *const hypercalls_begin[], *const hypercalls_end[];

    if (!cpu_is_amd())
        return;
    for (uint8_t *const *site = hypercalls_begin; site != hypercalls_end; site++)
        (*site)[2] = 0xd9;
}

void low_copy(void)
{
    memcpy((void *)LOW_PAGE, low_load, (size_t)(low_end - low_begin));
    choose_hypercall();
}

/*
 * With the word "hvm" there are the PC's devices as its BIOS has left them, whose PIC has vectors of exceptions, and shared_info has the
 * layout of those who wrote the last hypercall page, which were 32-bit programs.
 */
static void after_firmware(void)
{
    static uint8_t page[4096] __attribute__((aligned(4096)));

    if (!command_line_has("hvm"))
        return;
    out8(0x21, 0xff);
    out8(0xa1, 0xff);
    wrmsr(cpuid(0x40000002, 0).ebx, (uint64_t)page);
}

void guest_start(void)
{
    const char *run;
    unsigned int count;

    keep_line();
    if (command_line_has("children"))
        child_keep_image();
    low_copy();
    trap_start(0);
    after_firmware();
    run = word_with("run=");
    for (unsigned int i = 0; i < CPUS_MAX; i++)
        random_state[i] = (command_line_number("seed=", 1) + 1000 * i) * 0x9e3779b97f4a7c15UL | 1;
    print("guest: begins\n");
    count = run ? run_list(run) : 0;
    print("guest: ends after %u tests\n", count);
    guest_shutdown(SHUTDOWN_poweroff);
}
