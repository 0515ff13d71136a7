/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a test guest has: the machine (cpu.h), a console, checks and their report, exceptions, CPL 3,
 * other CPUs, hypercalls (hypercall.h), the local APIC (apic.h). One address space, mapped one to one, no
 * locks: tests run on CPU 0 alone and give work to others by cpu_call().
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define unused_arg __attribute__((unused))
#define page_aligned __attribute__((aligned(4096)))

/* ---- console and report ---- */

void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void console_write(const char *text, size_t size);     /* the hypervisor's, or a guest's own ring */
int text_compare(const char *a, const char *b);
void *memset(void *to, int byte, size_t size);
void *memcpy(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);

/* A test's result only ever rises. ERROR: the test could not be made; FAILURE: what it tests is wrong. */
enum status { SUCCESS, SKIP, ERROR, FAILURE };
void report(enum status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define fail(...) report(FAILURE, __VA_ARGS__)
#define skip(...) report(SKIP, __VA_ARGS__)
#define error(...) report(ERROR, __VA_ARGS__)
#define check(condition) check_at((condition), #condition, __FILE_NAME__, __LINE__)
bool check_at(bool good, const char *text, const char *file, int line);
/* Both values are shown when they differ. */
#define check_equal(is, should) \
    check_equal_at((uint64_t)(is), (uint64_t)(should), #is, __FILE_NAME__, __LINE__)
bool check_equal_at(uint64_t is, uint64_t should, const char *text, const char *file, int line);

struct test { const char *name, *about; void (*run)(void); };
/* about is a sentence: what holds when the test succeeds. */
#define GUEST_TEST(id, sentence) \
    static void test_##id(void); \
    static const struct test guest_test_##id __attribute__((section("tests"), used, aligned(8))) = \
        { #id, sentence, test_##id }; \
    static void test_##id(void)

/* ---- how we were started ---- */

struct entry_state {
    uint32_t eax, ebx, ecx, edx, esi, edi, ebp, esp;
    uint32_t cr0, cr4, eflags;
    uint16_t cs, ds, es, ss, tr, ldtr;
    uint64_t efer;
};
extern const struct entry_state entry_state;
extern char image_end[];
struct hvm_start_info;
const struct hvm_start_info *start_info(void);         /* NULL: an HVM guest, started by QEMU */
const char *command_line(void);
bool command_line_has(const char *word);
/* The value behind "name=" in the command line, else otherwise. */
uint64_t command_line_number(const char *name, uint64_t otherwise);

/* ---- memory: pages that nothing else uses, zeroed, never given back ---- */

void *page_alloc(void);
/* The page table entry that maps an address below 8 GiB in a page of its own (4 KiB). */
uint64_t *page_entry(uint64_t address);

/* ---- exceptions ---- */

struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};
struct fault { int vector; uint32_t error; uint64_t cr2, rip; };    /* vector -1: there was none */

typedef void irq_handler(struct trap_frame *f);
void irq_set(uint8_t vector, irq_handler *handler);
/* Fatal unless an instruction was wrapped in PROBE: then execution goes on behind it. */
#define PROBE(instruction) \
    "1: " instruction "\n2:\n.pushsection extable, \"a\"\n.balign 8\n.quad 1b, 2b\n.popsection\n"
/* Fetches what the last PROBEs of this CPU ran into, and forgets it. */
struct fault fault_take(void);
void fault_forget(void);
#define check_fault(want_vector, want_error) do { \
        struct fault f_ = fault_take(); \
        check_equal((int64_t)f_.vector, (int64_t)(want_vector)); \
        check_equal(f_.error, (want_error)); \
    } while (0)
#define NO_FAULT (-1)
enum { DE = 0, DB = 1, NMI = 2, BP = 3, OF = 4, UD = 6, NM = 7, DF = 8, NP = 11, SS = 12, GP = 13, PF = 14, AC = 17 };

/* Runs fn(arg) at CPL 3 on a stack of its own, interrupts on; its return value comes back. */
uint64_t user_call(uint64_t (*fn)(uint64_t), uint64_t arg);

/* ---- CPUs ---- */

struct cpu {
    struct cpu *self;
    unsigned int index;
    struct fault fault;
    uint64_t kernel_sp;
    uint64_t tss[16];
    volatile bool up;
    void (*volatile work)(void *);
    void *volatile work_arg;
};
extern struct cpu cpus[CPUS_MAX];
static inline struct cpu *this_cpu(void)
{
    struct cpu *c;

    __asm__ volatile("mov %%gs:0, %0" : "=r"(c));
    return c;
}
unsigned int cpus_told(void);                  /* how many the hypervisor gave us (ACPI MADT) */
unsigned int cpus_start(void);                 /* starts them all once; how many run */
void cpu_call(unsigned int cpu, void (*fn)(void *), void *arg);      /* waits until it is done */
void cpu_begin(unsigned int cpu, void (*fn)(void *), void *arg);
void cpu_finish(unsigned int cpu);

uint32_t random32(void);                       /* seeded by the command line's seed= */
uint64_t random64(void);

#endif
