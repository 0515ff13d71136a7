/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of the boot: two sequences of named steps, because the stack changes in between. The first
 * runs on the stack and page tables of head.S, the second brings up the machine and dom0 on our
 * own. A step that cannot do its work returns a sentence, which ends the boot in order.
 */
#include "boot.h"

#include <boot/bootmem.h>
#include <boot/start_dom0.h>
#include <lib/bitmap.h>
#include <lib/log.h>
#include <mm/frames.h>
#include <sched/sched.h>
#include <sched/timer.h>
#include <vcpu/run.h>
#include <hw/hw.h>
#include <x86/acpi.h>
#include <x86/console.h>
#include <x86/cpu.h>
#include <x86/desc.h>
#include <x86/irq.h>
#include <x86/paging.h>
#include <x86/panic.h>
#include <x86/smp.h>
#include <x86/softirq.h>
#include <x86/time.h>
#include <x86/trap.h>

#define ELCR 0x4d0
#define INFO_MAX (1U << 20)        /* no loader's information is that long */

extern char image_start[], image_end[];
extern const uint64_t boot_entry_tsc;

struct boot_step { const char *name; const char *(*run)(void); };

static struct bootinfo info init_data;
static struct cmdline options;
static struct acpi_info acpi;
static uint32_t info_at init_data, image_at init_data;
static bool cpus_may_run;

void boot_fail(const char *sentence) { panic_sentence(sentence); }

static init_text void run_steps(const struct boot_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t start = cpu_rdtsc();
        const char *sentence = steps[i].run();

        if (sentence != NULL)
            boot_fail(sentence);
        log_debug("boot: %s done, %lu thousand ticks", steps[i].name, (cpu_rdtsc() - start) / 1000);
    }
}

/* ---- first sequence ---- */

static init_text const char *start_traps(void)
{
    trap_init();
    desc_load(&percpu_bsp);
    desc_enable_features();
    return NULL;
}

/* The consoles come before the verdict on the information, so that it can be read. */
static init_text const char *start_consoles(void)
{
    const void *p = phys_to_virt(hpa_of(info_at));
    const char *sentence = multiboot2_parse(p, min_of(*(const uint32_t *)p, INFO_MAX), &info);

    cmdline_parse(info.cmdline, &options);
    consoles_early(&options, &info.fb);
    panic_set_noreboot(options.noreboot);
    return sentence;
}

static init_text const char *memory_type_name(uint32_t type)
{
    switch (type) {
    case E820_RAM: return "RAM";
    case E820_ACPI: return "ACPI tables";
    case E820_NVS: return "ACPI NVS";
    case E820_UNUSABLE: return "unusable";
    default: return "reserved";
    }
}

static init_text const char *print_banner(void)
{
    log_info("Tenon %s (ABI: Xen 4.17), built with %s", TENON_VERSION, TENON_COMPILER);
    log_info("Boot loader: %s, image at %#x-%#lx", info.loader[0] != '\0' ? info.loader : "unknown",
             image_at, image_at + (uint64_t)(image_end - image_start));
    log_info("Command line: %s", info.cmdline);
    if (options.unknown[0] != '\0')
        log_warn("Command line: not understood and ignored: %s", options.unknown);
    for (unsigned int i = 0; i < info.module_count; i++)
        log_info("Module %u: %#lx-%#lx (%lu KiB) %s", i, info.module[i].start, info.module[i].end,
                 (info.module[i].end - info.module[i].start) >> 10, info.module[i].cmdline);
    if (info.fb.present && !info.fb.text)
        log_info("Screen: frame buffer %ux%u of %u bits at %#lx", info.fb.width, info.fb.height, info.fb.bpp,
                 info.fb.address);
    if (info.mmap_truncated)
        log_warn("Memory map: more than %u entries, the rest is not used", BOOT_MAX_MMAP);
    return NULL;
}

static init_text const char *learn_memory(void)
{
    const char *sentence = bootmem_init(&info, options.mem_limit, image_at,
                                        image_at + (uint64_t)(image_end - image_start));
    const struct memmap *m = bootmem_map();

    for (unsigned int i = 0; i < m->count; i++)
        log_info("Memory: %016lx-%016lx %s", m->r[i].start, m->r[i].start + m->r[i].size,
                 memory_type_name(m->r[i].type));
    return sentence;
}

/* While text can be written still. */
static init_text const char *choose_vendor(void)
{
    hw_choose();
    return NULL;
}

static init_text const char *use_page_tables(void)
{
    const char *sentence = memory_map_pages();

    consoles_remap(&info.fb);
    return sentence;
}

static const struct boot_step first_steps[] = {
    { "traps", start_traps },
    { "consoles", start_consoles },
    { "banner", print_banner },
    { "memory map", learn_memory },
    { "vendor", choose_vendor },
    { "page tables", use_page_tables },
};

/* ---- second sequence ---- */

static init_text const char *guard_stacks(void)
{
    return desc_prepare(&percpu_bsp) == 0 ? NULL : "There is not enough RAM for Tenon's stacks.";
}

static init_text const char *read_acpi(void)
{
    int rc = acpi_parse(memory_acpi_window(), info.rsdp_size != 0 ? info.rsdp : NULL,
                        info.rsdp_size, &acpi);

    if (rc != 0)
        return "Tenon found no usable ACPI tables (RSDP, RSDT or XSDT, MADT): it needs them to find "
               "CPUs and interrupt controllers. Enable ACPI in the firmware.";
    if (acpi.cpu_count == 0 || acpi.ioapic_count == 0)
        return "The firmware's ACPI tables name no CPU or no IO-APIC (their MADT is missing or damaged): "
               "Tenon cannot run on them. Enable the IO-APIC in the firmware, or update it.";
    acpi_add_elcr_overrides(&acpi, (uint16_t)(cpu_in8(ELCR) | cpu_in8(ELCR + 1) << 8));
    acpi_set_host(&acpi);
    log_info("ACPI: %u tables, %u CPUs, %u IO-APICs", acpi.table_count, acpi.cpu_count,
             acpi.ioapic_count);
    return NULL;
}

static init_text const char *read_firmware(void)
{
    firmware_read(&info);
    return NULL;
}

static init_text const char *start_interrupts(void)
{
    irq_init();
    return NULL;
}

static init_text const char *start_time(void)
{
    time_init();
    log_set_clock(time_now);
    return NULL;
}

static init_text const char *start_serial_input(void)
{
    consoles_start(&options);
    cpu_irq_enable();
    return NULL;
}

/* Another CPU's whole life: virtualisation, then guests as soon as there are any. */
static void ap_main(void)
{
    const char *sentence;

    while (!__atomic_load_n(&cpus_may_run, __ATOMIC_ACQUIRE)) {
        cpu_irq_enable_and_halt();
        cpu_irq_disable();
    }
    sentence = hw_cpu_enable();
    if (sentence != NULL)
        boot_fail(sentence);
    sched_init_cpu();
    cpu_irq_enable();
    cpu_loop();
}

static init_text const char *start_cpus(void)
{
    log_info("idle CPUs wait in %s", softirq_allow_mwait(options.mwait_idle) ? "MWAIT" : "HLT");
    smp_start_cpus(options.maxcpus != 0 ? options.maxcpus : MAX_CPUS, ap_main);
    return NULL;
}

static void write_nowhere(void *arg unused_arg)
{
    static volatile uintptr_t nowhere = 0x1234567;

    *(volatile int *)nowhere = 1;
}

static noreturn_fn void last_cpu_panics(void)
{
    uint64_t mask[BITMAP_WORDS(MAX_CPUS)] = { 0 };

    bit_set(mask, cpu_count() - 1);
    smp_call(mask, write_nowhere, NULL);
    boot_fail("The provoked panic did not happen.");
}

/* Runs into the guard page below the stack. */
static __attribute__((noinline)) unsigned int recurse(unsigned int n)
{
    volatile char frame[256];

    frame[n % sizeof(frame)] = (char)n;
    return n == UINT32_MAX ? 0 : recurse(n + 1) + (unsigned int)frame[0];
}

/* tenon_panic= on the command line: what a panic looks like. Not init code, so that its name is shown. */
static const char *provoke_panic(void)
{
    switch (options.provoke) {
    case PROVOKE_NOTHING: break;
    case PROVOKE_FAULT: write_nowhere(NULL); break;
    case PROVOKE_STACK: recurse(0); break;
    case PROVOKE_CPU: last_cpu_panics();
    }
    return NULL;
}

/* Timers of the boot CPU come before anything can be scheduled on any. */
static init_text const char *start_scheduler(void)
{
    sched_configure(options.sched_null ? SCHED_ID_NULL : SCHED_ID_CREDIT2, options.runqueue,
                    options.ratelimit_us);
    sched_init();
    timers_init();
    sched_init_cpu();
    consoles_start_polling();
    machine_wire_hooks(&info, &options);
    return NULL;
}

static init_text const char *start_virtualisation(void)
{
    const char *sentence = hw_start();

    return sentence != NULL ? sentence : hw_cpu_enable();
}

static init_text const char *make_dom0(void)
{
    const struct mem_region *kept;
    struct start_dom0_input in = { &info, &options, &acpi, memory_acpi_window(), bootmem_map(), NULL, 0 };

    log_info("Boot: %lu thousand TSC ticks since the boot loader's jump",
             (cpu_rdtsc() - boot_entry_tsc) / 1000);
    in.kept_count = bootmem_kept(&kept);
    in.kept = kept;
    desc_enable_library_canary();
    return start_dom0(&in);
}

static const struct boot_step second_steps[] = {
    { "allocators", memory_start_allocators },
    { "stacks", guard_stacks },
    { "ACPI", read_acpi },
    { "firmware", read_firmware },
    { "interrupts", start_interrupts },
    { "time", start_time },
    { "serial input", start_serial_input },
    { "CPUs", start_cpus },
    { "scheduler", start_scheduler },
    { "provoked panic", provoke_panic },
    { "virtualisation", start_virtualisation },
    { "dom0", make_dom0 },
};

/* Not init code: it takes the init sections away. */
static noreturn_fn __attribute__((noinline)) void boot_finish(void)
{
    struct paging_range init = paging_seal();
    uint64_t all[BITMAP_WORDS(MAX_CPUS)];

    frames_add_free((struct mem_range){ init.start, init.end });
    if (!options.vga_keep)
        console_screen_release();
    log_info("Boot: done, %lu KiB of boot code and data given back", (init.end - init.start) >> 10);
    __atomic_store_n(&cpus_may_run, true, __ATOMIC_RELEASE);
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        all[i] = UINT64_MAX;
    smp_kick_mask(all);
    cpu_loop();
}

static init_text noreturn_fn void second_stage(void)
{
    run_steps(second_steps, ARRAY_COUNT(second_steps));
    boot_finish();
}

void boot_main(uint32_t info_phys, uint32_t image_phys)
{
    void *stack;

    info_at = info_phys;
    image_at = image_phys;
    paging_set_image(image_phys);
    run_steps(first_steps, ARRAY_COUNT(first_steps));
    stack = map_stack(CPU_STACK_PAGES);
    if (stack == NULL)
        boot_fail("There is not enough RAM for Tenon's stacks.");
    percpu_bsp.stack_top = (uint64_t)(uintptr_t)stack;
    cpu_run_on_stack(stack, second_stage);
}
