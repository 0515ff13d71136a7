/* SPDX-License-Identifier: BSD-2-Clause */
/* What the upper folders need to know of, and do to, the machine: wired once, before dom0 runs. */
#include "boot.h"

#include <domain/domain.h>
#include <hypercall/hypercall.h>
#include <lib/log.h>
#include <lib/string.h>
#include <vcpu/run.h>
#include <x86/console.h>
#include <x86/cpu.h>
#include <x86/panic.h>
#include <x86/softirq.h>
#include <xen/sched.h>

static uint8_t typed_key;

/* Input arrives in an interrupt; telling dom0 takes locks, so it waits for the softirq. */
static void input_arrived(void)
{
    softirq_raise(SOFTIRQ_CONSOLE);
}

static void key_typed(uint8_t key)
{
    __atomic_store_n(&typed_key, key, __ATOMIC_RELAXED);
    softirq_raise(SOFTIRQ_CONSOLE);
}

static void console_softirq(void)
{
    uint8_t key = __atomic_exchange_n(&typed_key, 0, __ATOMIC_RELAXED);

    if (key)
        key_handle(key);
    if (console_has_input())
        domain_raise_global_virq(VIRQ_CONSOLE);
}

static void trace_half_full(void)
{
    domain_raise_global_virq(VIRQ_TBUF);
}

static void dom0_ended(uint32_t reason)
{
    if (reason == SHUTDOWN_reboot || reason == SHUTDOWN_soft_reset) {
        log_info("dom0 asked for a reboot");
        machine_reboot();
    }
    if (reason == SHUTDOWN_poweroff || reason == SHUTDOWN_suspend) {
        log_info("dom0 has shut down without switching the machine off. It is safe to do so now.");
        panic_wait_or_reboot();
    }
    log_err("dom0 crashed: nothing is left to manage this machine");
    panic_wait_or_reboot();
}

static void print_last_exit(void)
{
    const struct vmexit *x = cpu_last_exit(this_cpu_id());
    const struct vcpu *v = current_vcpu();

    if (v)
        log_err("Last VM exit here: %s (reason %u, qualification %#lx) of d%uv%u", hw_exit_name(x),
                x->hw_reason, x->hw_qual, v->domain->id, v->id);
}

init_text void machine_wire_hooks(const struct bootinfo *info, const struct cmdline *options)
{
    static const struct domain_hooks hooks = { dom0_ended };

    domain_set_hooks(&hooks);
    panic_set_hook(print_last_exit);
    softirq_set_handler(SOFTIRQ_CONSOLE, console_softirq);
    softirq_set_handler(SOFTIRQ_TRACE, trace_half_full);
    console_set_input_notify(input_arrived);
    console_set_debug_key(key_typed);
    hv_strlcpy(hypercall_env.cmdline, info->cmdline, sizeof(hypercall_env.cmdline));
    hv_strlcpy(hypercall_env.compiler, TENON_COMPILER, sizeof(hypercall_env.compiler));
    hv_strlcpy(hypercall_env.compile_by, "tenon", sizeof(hypercall_env.compile_by));
    hv_strlcpy(hypercall_env.compile_date, TENON_DATE, sizeof(hypercall_env.compile_date));
    hypercall_env.dom0_console = firmware_screen(&info->fb);
    hypercall_env.dom0_console_size = sizeof(struct dom0_vga_console_info);
    hypercall_env.debug_key = key_handle;
    hypercall_env.reboot = machine_reboot;
    hypercall_env.noreboot = options->noreboot;
}
