/* SPDX-License-Identifier: BSD-2-Clause */
/* Ways in which a guest ends; what the hypervisor says is for the runner to look at. None of them returns. */
#include "cpu.h"
#include "hypercall.h"

GUEST_TEST(end_triple_fault, "a triple fault ends the guest")
{
    struct __attribute__((packed)) { uint16_t limit; uint64_t base; } nothing = { 0, 0 };

    __asm__ volatile("lidt %0; ud2" : : "m"(nothing));
}

GUEST_TEST(end_halt, "a halt with interrupts off ends the guest")
{
    irq_off();
    __asm__ volatile("hlt");
    fail("HLT with interrupts off returned");
}

GUEST_TEST(end_crash, "SHUTDOWN_crash is reported as a crash") { guest_shutdown(SHUTDOWN_crash); }

GUEST_TEST(end_reboot, "SHUTDOWN_reboot restarts the machine") { guest_shutdown(SHUTDOWN_reboot); }
