/* SPDX-License-Identifier: BSD-2-Clause */
/* One CPU runs an instruction on a device's memory while another rewrites the instruction. */
#include "apic.h"
#include "cpu.h"
#include "hypercall.h"

#define LAPIC_ID 0xfee00020UL

/* Eight bytes each, so that one store replaces them: RBX is the address, RAX, RCX and RDX may change. */
static const uint64_t sound[] = {
    0x909090909090038b,                /* mov (%rbx), %eax */
    0x9090909090900389,                /* mov %eax, (%rbx) */
    0x9090909090900387,                /* xchg %eax, (%rbx) */
    0x9090909090004b8b,                /* mov 0(%rbx), %ecx */
    0x90909090900bb60f,                /* movzbl (%rbx), %ecx */
    0x90909000000003c7,                /* movl $0x90000000, (%rbx) */
    0x9090909090900b01,                /* add %ecx, (%rbx) */
    0x90909090900bc10f,                /* xadd %ecx, (%rbx) */
};
/* Not instructions for device memory, too long, or none at all. */
static const uint64_t broken[] = { 0x0b0f0b0f0b0f0b0f, 0xffffffffffffffff, 0x909090909090906e, 0x90030303030f0f66,
                                   0x90909090909000cd };

static uint8_t *code;
static volatile bool stop;
static bool with_broken;

static void rewrite(void *arg unused_arg)
{
    volatile uint64_t *at = (uint64_t *)(void *)code;

    while (!stop) {
        *at = with_broken && random32() % 4 == 0 ? broken[random32() % ARRAY_COUNT(broken)]
                                                 : sound[random32() % ARRAY_COUNT(sound)];
        for (unsigned int i = random32() % 32; i > 0; i--)
            pause();
    }
}

/* Whatever it runs into: on behind the place. */
static void skip_code(struct trap_frame *f)
{
    if (f->rip - address(code) > 8)
        print("guest: vector %lu at 0x%lx\n", f->vector, f->rip);
    f->rip = address(code) + 8;
}

static void run(unsigned int rounds)
{
    static const uint8_t handled[] = { DE, DB, BP, OF, 5, UD, NM, NP, SS, GP, PF, AC };

    if (cpus_start() < 2) {
        skip("it takes two CPUs");
        return;
    }
    apic_start(false);
    code = page_alloc();
    *(uint64_t *)(void *)code = sound[0];
    memset(code + 8, 0xc3, 16);                 /* one that begins in the middle may end behind the first */
    for (unsigned int i = 0; i < ARRAY_COUNT(handled); i++)
        irq_set(handled[i], skip_code);
    stop = false;
    cpu_begin(1, rewrite, NULL);
    for (unsigned int i = 0; i < rounds; i++) {
        uint64_t a = 0, c = 1, d = 0, b = LAPIC_ID;

        __asm__ volatile("call *%4" : "+a"(a), "+c"(c), "+d"(d), "+b"(b) : "r"(code) : "memory", "cc", "rsi", "rdi");
    }
    stop = true;
    cpu_finish(1);
    for (unsigned int i = 0; i < ARRAY_COUNT(handled); i++)
        irq_set(handled[i], NULL);
}

GUEST_TEST(rewrite_instructions, "an instruction that changes while it is emulated is one or the other")
{
    run((unsigned int)command_line_number("rounds=", 2000) * 4);
}

GUEST_TEST(rewrite_garbage, "an instruction that becomes none ends the guest at worst")
{
    with_broken = true;
    run((unsigned int)command_line_number("rounds=", 2000) * 4);
}
