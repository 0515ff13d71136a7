/* SPDX-License-Identifier: BSD-2-Clause */
/* IDT, exceptions that a PROBE expects, interrupt handlers, and the way to CPL 3 and back. */
#include "cpu.h"
#include "hypercall.h"

#define GATE_KERNEL 0x8e00UL
#define GATE_USER 0xee00UL
#define VECTOR_LEAVE 0x80
#define USER_STACK 8192

struct cpu cpus[CPUS_MAX];

struct gate { uint64_t low, high; };
static struct gate idt[256];
static irq_handler *handlers[256];
static struct { uint64_t insn, next; } const *extable(void)
{
    extern char extable_begin[];

    return (const void *)extable_begin;
}

extern uint64_t gdt[];
extern char trap_stubs[], extable_end[];
void trap_start(unsigned int cpu);
void trap_handle(struct trap_frame *f);
uint64_t user_enter(uint64_t (*fn)(uint64_t), uint64_t arg, uint64_t stack, uint64_t *kernel_sp);
void user_leave(uint64_t value, uint64_t kernel_sp) __attribute__((noreturn));

void irq_set(uint8_t vector, irq_handler *handler) { handlers[vector] = handler; }

static void make_gates(void)
{
    for (unsigned int i = 0; i < 256; i++) {
        uint64_t at = address(trap_stubs) + 16 * i;
        uint64_t kind = i == VECTOR_LEAVE || i == BP || i == OF ? GATE_USER : GATE_KERNEL;

        idt[i].low = (at & 0xffff) | (uint64_t)SEL_CODE64 << 16 | kind << 32 | (at & 0xffff0000) << 32;
        idt[i].high = at >> 32;
    }
}

static void load_tss(struct cpu *c)
{
    static uint8_t stacks[CPUS_MAX][STACK_SIZE] __attribute__((aligned(16)));
    uint64_t base = address(c->tss), top = address(stacks[c->index] + STACK_SIZE);
    uint64_t *d = &gdt[SEL_TSS(c->index) / 8];

    /* RSP0 is at offset 4, the I/O bitmap's place (here: none) at 0x66. */
    memcpy((char *)c->tss + 4, &top, sizeof(top));
    memset((char *)c->tss + 0x66, 0xff, 2);
    d[0] = 0x67 | (base & 0xffffff) << 16 | 0x89UL << 40 | (base >> 24 & 0xff) << 56;
    d[1] = base >> 32;
    __asm__ volatile("ltr %w0" : : "r"(SEL_TSS(c->index)));
}

void trap_start(unsigned int cpu)
{
    struct __attribute__((packed)) { uint16_t limit; uint64_t base; } idtr = { sizeof(idt) - 1, address(idt) };
    struct cpu *c = &cpus[cpu];

    if (cpu == 0)
        make_gates();
    c->self = c;
    c->index = cpu;
    c->fault.vector = NO_FAULT;
    wrmsr(MSR_GS_BASE, address(c));
    load_tss(c);
    __asm__ volatile("lidt %0" : : "m"(idtr));
}

static bool was_probe(struct trap_frame *f)
{
    struct cpu *c = this_cpu();

    for (const uint64_t *e = (const void *)extable(); e < (const uint64_t *)(const void *)extable_end; e += 2) {
        if (e[0] != f->rip)
            continue;
        c->fault = (struct fault){ (int)f->vector, (uint32_t)f->error, f->vector == PF ? read_cr2() : 0, f->rip };
        f->rip = e[1];
        return true;
    }
    return false;
}

static void dump(const struct trap_frame *f)
{
    print("guest: unexpected vector %lu, error 0x%lx at 0x%lx (cs 0x%lx, flags 0x%lx, sp 0x%lx, cr2 0x%lx) on CPU %u\n",
          f->vector, f->error, f->rip, f->cs, f->rflags, f->rsp, read_cr2(), this_cpu()->index);
    print("guest: rax %lx rbx %lx rcx %lx rdx %lx rsi %lx rdi %lx rbp %lx r8 %lx\n", f->rax, f->rbx, f->rcx, f->rdx,
          f->rsi, f->rdi, f->rbp, f->r8);
}

void trap_handle(struct trap_frame *f)
{
    if (f->vector == VECTOR_LEAVE && (f->cs & 3) == 3)
        user_leave(f->rax, this_cpu()->kernel_sp);
    if (f->vector < 32 && f->vector != NMI && was_probe(f))
        return;
    if (handlers[f->vector]) {
        handlers[f->vector](f);
        return;
    }
    dump(f);
    guest_shutdown(SHUTDOWN_poweroff);
}

struct fault fault_take(void)
{
    struct fault f = this_cpu()->fault;

    fault_forget();
    return f;
}

void fault_forget(void)
{
    this_cpu()->fault = (struct fault){ .vector = NO_FAULT };
}

/* At CPL 3. */
static uint64_t (*user_function)(uint64_t);
static uint64_t user_main(uint64_t arg)
{
    uint64_t r = user_function(arg);

    __asm__ volatile("int $0x80" : : "a"(r) : "memory");
    __builtin_unreachable();
}

uint64_t user_call(uint64_t (*fn)(uint64_t), uint64_t arg)
{
    static uint8_t stack[USER_STACK] __attribute__((aligned(16)));
    uint64_t flags = read_flags(), r;

    user_function = fn;
    r = user_enter(user_main, arg, address(stack + USER_STACK) - 8, &this_cpu()->kernel_sp);
    /* The gate has switched interrupts off. */
    if (flags & RFLAGS_IF)
        irq_on();
    return r;
}
