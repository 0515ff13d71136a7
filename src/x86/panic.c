/* SPDX-License-Identifier: BSD-2-Clause */
#include <x86/panic.h>

#include <hv/assert.h>
#include <lib/log.h>
#include <x86/acpi.h>
#include <x86/console.h>
#include <x86/cpu.h>
#include <x86/smp.h>
#include <x86/trap.h>

#define REBOOT_DELAY_MS 5000U

static bool noreboot;
static void (*panic_hook)(void) ro_after_init;
static int panicking;              /* CPU + 1 of whoever came first */
static int depth;                  /* a panic inside a panic prints less each time */

void panic_set_noreboot(bool on) { noreboot = on; }
void panic_set_hook(void (*fn)(void)) { panic_hook = fn; }

/* Works before time is known too: a write to the diagnostics port takes about a microsecond. */
static void delay_us(unsigned int us)
{
    for (unsigned int i = 0; i < us; i++)
        cpu_out8(0x80, 0);
}

static noreturn_fn void halt_for_ever(void)
{
    for (;;) {
        cpu_irq_disable();
        cpu_halt();
    }
}

/* Only the first CPU goes on; false: this is a panic within that panic. */
static bool panic_begin(void)
{
    int expected = 0, me = (int)this_cpu_id() + 1;

    cpu_irq_disable();
    if (!__atomic_compare_exchange_n(&panicking, &expected, me, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST) && expected != me)
        halt_for_ever();
    log_panic_mode();
    console_panic();
    return ++depth == 1;
}

static void log_registers(const struct trap_frame *f)
{
    char name[96];

    log_err("rip %04lx:%016lx %s", f->cs, f->rip, symbol_format(f->rip, name, sizeof(name)));
    log_err("rsp %04lx:%016lx rflags %016lx", f->ss, f->rsp, f->rflags);
    log_err("rax %016lx rbx %016lx rcx %016lx", f->rax, f->rbx, f->rcx);
    log_err("rdx %016lx rsi %016lx rdi %016lx", f->rdx, f->rsi, f->rdi);
    log_err("rbp %016lx r8  %016lx r9  %016lx", f->rbp, f->r8, f->r9);
    log_err("r10 %016lx r11 %016lx r12 %016lx", f->r10, f->r11, f->r12);
    log_err("r13 %016lx r14 %016lx r15 %016lx", f->r13, f->r14, f->r15);
    log_err("cr0 %016lx cr2 %016lx cr3 %016lx cr4 %016lx", cpu_read_cr0(), cpu_read_cr2(),
            cpu_read_cr3(), cpu_read_cr4());
}

static void stop_others(void)
{
    if (cpu_count() > 1)
        smp_stop_others();
}

noreturn_fn void panic_wait_or_reboot(void)
{
    console_set_async(false);      /* nobody will send what waits in memory */
    if (noreboot)
        log_err("Tenon waits here (noreboot).");
    else
        log_err("Tenon reboots in %u seconds.", REBOOT_DELAY_MS / 1000);
    if (noreboot)
        halt_for_ever();
    delay_us(REBOOT_DELAY_MS * 1000);
    machine_reboot();
}

static noreturn_fn void panic_end(uint64_t rip, uint64_t rbp)
{
    backtrace_log(rip, rbp);
    if (panic_hook != NULL)
        panic_hook();
    panic_wait_or_reboot();
}

static noreturn_fn void vpanic(const struct trap_frame *f, const char *fmt, __builtin_va_list ap)
    printf_like(2, 0);
static noreturn_fn void vpanic(const struct trap_frame *f, const char *fmt, __builtin_va_list ap)
{
    uint64_t rip = f != NULL ? f->rip : (uint64_t)(uintptr_t)__builtin_return_address(0);
    uint64_t rbp = f != NULL ? f->rbp : (uint64_t)(uintptr_t)__builtin_frame_address(0);

    if (!panic_begin()) {
        if (depth < 4)
            log_vprintf(LOG_ERR, fmt, ap);
        panic_wait_or_reboot();
    }
    log_err("****************************************");
    log_err("Panic on CPU %u:", this_cpu_id());
    log_vprintf(LOG_ERR, fmt, ap);
    stop_others();
    if (f != NULL)
        log_registers(f);
    panic_end(rip, rbp);
}

void panic_at(const struct trap_frame *f, const char *fmt, ...)
{
    __builtin_va_list ap;

    __builtin_va_start(ap, fmt);
    vpanic(f, fmt, ap);
}

void panic(const char *fmt, ...)
{
    __builtin_va_list ap;

    __builtin_va_start(ap, fmt);
    vpanic(NULL, fmt, ap);
}

void panic_sentence(const char *sentence)
{
    panic_begin();
    log_err("%s", sentence);
    stop_others();
    log_err("Tenon halts here.");
    halt_for_ever();
}

void hv_bug(const char *file, int line, const char *what)
{
    panic("%s:%d: %s", file, line, what);
}

noreturn_fn void __stack_chk_fail(void);
void __stack_chk_fail(void)
{
    panic("stack smashed");
}

/* ACPI 4.8.3.6: the FADT names a register and the value that resets. */
static void reset_through_acpi(const struct acpi_info *acpi)
{
    if (acpi == NULL || !acpi->reset_supported || acpi->reset_space != 1)
        return;
    cpu_out8((uint16_t)acpi->reset_address, acpi->reset_value);
    delay_us(50000);
}

void machine_reboot(void)
{
    static const struct { uint16_t limit; uint64_t base; } packed_struct no_idt = { 0, 0 };

    console_set_async(false);
    cpu_irq_disable();
    reset_through_acpi(acpi_host());
    for (unsigned int i = 0; i < 100000 && (cpu_in8(0x64) & 2); i++)
        cpu_relax();
    cpu_out8(0x64, 0xfe);          /* keyboard controller: pulse the reset line */
    delay_us(50000);
    cpu_out8(0xcf9, 0x02);         /* chipset: hard reset, then go */
    cpu_out8(0xcf9, 0x06);
    delay_us(50000);
    __asm__ volatile("lidt %0; int3" :: "m"(no_idt));
    halt_for_ever();
}
