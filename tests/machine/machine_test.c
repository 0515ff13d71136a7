/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An image that boots like Tenon but, where dom0 would be made, tests the machine underneath: timers,
 * interrupts, calls between CPUs, clocks, memory. Needs no VMX. Each check is a line "ok ..." or
 * "not ok ..." on the console; then the machine is switched off. The functions at the end stand in for
 * what the product links there.
 */
#include <boot/start_dom0.h>

#include <hv/errno.h>
#include <lib/bitmap.h>
#include <lib/log.h>
#include <lib/string.h>
#include <mm/frames.h>
#include <mm/heap.h>
#include <vcpu/run.h>
#include <hw/hw.h>
#include <x86/cpu.h>
#include <x86/efi.h>
#include <x86/irq.h>
#include <x86/panic.h>
#include <x86/pci.h>
#include <x86/smp.h>
#include <x86/softirq.h>
#include <x86/time.h>

#define PM_TIMER_HZ 3579545U
#define RTC_ISA_IRQ 8U
#define PM1_SLEEP_ENABLE 0x2000U

static uint64_t everyone[BITMAP_WORDS(MAX_CPUS)];
static unsigned int timer_count;
static unsigned int failures;

static void check(bool good, const char *what)
{
    log_info("%s %s", good ? "ok" : "not ok", what);
    failures += !good;
}

static void on_timer(void) { timer_count++; }

/* Until *flag changes or a while has passed; softirqs run meanwhile. */
static void wait_change(const unsigned int *flag, unsigned int from)
{
    ns_t end = time_now() + 2 * NS_PER_SEC;

    while (READ_ONCE(*flag) == from && time_now() < end)
        softirq_run();
}

static void test_timer(void)
{
    bool early = false, missing = false;

    softirq_set_handler(SOFTIRQ_TIMER, on_timer);
    for (unsigned int i = 0; i < 10; i++) {
        unsigned int before = timer_count;
        ns_t due = time_now() + (ns_t)i * NS_PER_MS;

        cpu_irq_disable();
        time_program_timer(due);
        cpu_irq_enable();
        wait_change(&timer_count, before);
        missing |= timer_count == before;
        early |= time_now() < due - 50 * NS_PER_US;
    }
    check(!missing, "a programmed timer interrupts, one already due as well");
    check(!early, "and not before its time");
    cpu_irq_disable();
    time_program_timer(time_now() + NS_PER_MS);
    time_program_timer(NS_NEVER);
    cpu_irq_enable();
    softirq_run();
    timer_count = 0;
    time_delay_us(5000);
    softirq_run();
    check(timer_count == 0, "a stopped timer does not interrupt");
}

static void test_clock(const struct acpi_info *acpi)
{
    uint16_t port = (uint16_t)acpi->pm_timer_port;
    uint64_t pm0 = cpu_in32(port), pm, ns;
    ns_t t0 = time_now(), last = t0;
    bool back = false;

    for (unsigned int i = 0; i < 10000; i++) {
        ns_t t = time_now();

        back |= t < last;
        last = t;
    }
    time_delay_us(100000);
    pm = (cpu_in32(port) - pm0) & 0xffffff;
    ns = (uint64_t)(time_now() - t0);
    check(!back, "time does not go back");
    pm = pm * 1000000000ULL / PM_TIMER_HZ;
    check(pm > ns - ns / 50 && pm < ns + ns / 50, "time agrees with the PM timer");
    check((time_wallclock_at_boot() + time_now()) / NS_PER_SEC > 1577836800, "it is after 2020");
}

static void count_me(void *arg) { __atomic_fetch_add((unsigned int *)arg, 1, __ATOMIC_SEQ_CST); }

/* One CPU after the other: none may see an earlier time than the one before. */
static ns_t last_seen;
static unsigned int went_back;
static void note_time(void *arg)
{
    ns_t t = time_now();

    (void)arg;
    if (t < last_seen)
        went_back++;
    last_seen = t;
}

static void test_calls(void)
{
    unsigned int calls = 0;

    for (unsigned int i = 0; i < 200; i++)
        smp_call(everyone, count_me, &calls);
    check(calls == 200 * cpu_count(), "200 calls reach every CPU");
    for (unsigned int round = 0; round < 20; round++)
        for (unsigned int c = 0; c < cpu_count(); c++) {
            uint64_t one[BITMAP_WORDS(MAX_CPUS)] = { 0 };

            bit_set(one, c);
            smp_call(one, note_time, NULL);
        }
    check(went_back == 0, "time does not go back from CPU to CPU");
}

static void arm_timer(void *arg)
{
    (void)arg;
    time_program_timer(time_now() + NS_PER_MS);
}

static bool all_have_pending(enum softirq s)
{
    ns_t end = time_now() + 2 * NS_PER_SEC;
    unsigned int have;

    do {
        have = 0;
        for (unsigned int c = 1; c < cpu_count(); c++)
            have += (READ_ONCE(percpu_of(c)->softirq_pending) & BIT(s)) != 0;
    } while (have < cpu_count() - 1 && time_now() < end);
    return have == cpu_count() - 1;
}

static void test_other_cpus(void)
{
    static uint64_t before[MAX_CPUS];
    bool kicked = true;
    ns_t end;

    smp_call(everyone, arm_timer, NULL);
    check(all_have_pending(SOFTIRQ_TIMER), "each CPU has a timer of its own");
    for (unsigned int c = 1; c < cpu_count(); c++) {
        before[c] = percpu_of(c)->irq_count;
        softirq_raise_on(c, SOFTIRQ_TLB); /* one that nothing at boot has raised */
    }
    end = time_now() + 2 * NS_PER_SEC;
    for (unsigned int c = 1; c < cpu_count(); c++) {
        while (READ_ONCE(percpu_of(c)->irq_count) == before[c] && time_now() < end)
            cpu_relax();
        kicked &= READ_ONCE(percpu_of(c)->irq_count) != before[c];
    }
    check(kicked && all_have_pending(SOFTIRQ_TLB), "a softirq for another CPU interrupts it");
}

static uint8_t cmos(uint8_t reg)
{
    cpu_out8(0x70, reg);
    return cpu_in8(0x71);
}

static void cmos_write(uint8_t reg, uint8_t value)
{
    cpu_out8(0x70, reg);
    cpu_out8(0x71, value);
}

static unsigned int rtc_count;
static void on_rtc(void *ctx, unsigned int irq)
{
    (void)ctx;
    (void)irq;
    rtc_count++;
    (void)cmos(0xc);               /* reading register C ends the interrupt in the clock */
}

/* The clock's periodic interrupt, 1024 Hz: an ISA line through the IO-APIC. */
static void test_device_interrupt(void)
{
    struct irq_isa_route r = irq_isa_route(RTC_ISA_IRQ);
    unsigned int seen;
    uint8_t b = cmos(0xb);

    check(irq_gsi_bind(r.gsi, r.level, r.active_low, cpu_count() - 1,
                       (struct irq_handler){ on_rtc, NULL }) == 0, "a GSI can be bound");
    check(irq_gsi_bind(r.gsi, r.level, r.active_low, 0,
                       (struct irq_handler){ on_rtc, NULL }) == -EBUSY, "once");
    cmos_write(0xa, 0x26);
    cmos_write(0xb, (uint8_t)(b | 0x40));
    (void)cmos(0xc);
    time_delay_us(20000);
    check(rtc_count == 0, "a masked GSI is silent");
    irq_gsi_unmask(r.gsi);
    (void)cmos(0xc);
    time_delay_us(200000);
    seen = READ_ONCE(rtc_count);
    check(seen >= 20 && seen <= 400, "the clock interrupts through the IO-APIC");
    irq_gsi_mask(r.gsi);
    time_delay_us(2000);
    seen = READ_ONCE(rtc_count);
    time_delay_us(20000);
    check(READ_ONCE(rtc_count) == seen, "until it is masked");
    irq_gsi_unbind(r.gsi);
    cmos_write(0xb, b);
    (void)cmos(0xc);
}

static void test_memory(void)
{
    uint64_t before = frames_free_count();
    mfn_t m = frame_alloc(PAGE_ORDER_2M, DOMID_XEN, true);
    unsigned char *p;
    bool zero = true;

    check(mfn_is_valid(m) && IS_ALIGNED(m.v, 512), "2 MiB of RAM are there, aligned");
    p = frame_map(m);
    for (size_t i = 0; i < 512 * PAGE_SIZE; i += 64)
        zero &= p[i] == 0;
    memset(p, 0xa5, 512 * PAGE_SIZE);
    frame_unmap(p);
    frame_free(m, PAGE_ORDER_2M);
    check(zero, "and zero");
    p = heap_alloc(100000, 64);
    check(p != NULL, "the heap gives large objects");
    heap_free(p);
    check(frames_free_count() == before, "everything given back is free again");
}

static void test_pci(void)
{
    uint32_t id = pci_read((struct pci_addr){ 0, 0, 0 }, 0, 4);

    check(id != UINT32_MAX && (id & 0xffff) != 0, "there is a PCI host bridge");
    check(pci_read((struct pci_addr){ 0, 0, 0 }, 2, 2) == id >> 16, "readable in halves");
    check(pci_read((struct pci_addr){ 0, 255, 0xff }, 0, 4) == UINT32_MAX, "no device is all-ones");
}

static const uint16_t variable_name[] = { 'T', 'e', 'n', 'o', 'n', 'T', 'e', 's', 't', 0 };
static const uint8_t variable_vendor[16] = { 0x74, 0x65, 0x6e, 0x6f, 0x6e, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };
#define VARIABLE_ATTRIBUTES 7U     /* non-volatile, at boot and at runtime */

static uint64_t word(const void *p) { return (uint64_t)(uintptr_t)p; }

static uint64_t set_variable(const void *data, uint64_t size)
{
    return efi_call(EFI_SET_VARIABLE, (uint64_t[5]){ word(variable_name), word(variable_vendor),
                                                     VARIABLE_ATTRIBUTES, size, word(data) });
}

static uint64_t get_variable(void *data, uint64_t *size)
{
    uint32_t attributes;

    return efi_call(EFI_GET_VARIABLE, (uint64_t[5]){ word(variable_name), word(variable_vendor),
                                                     word(&attributes), word(size), word(data) });
}

/* On a machine that booted by UEFI: its services, interrupts on and other CPUs at work meanwhile. */
static void test_firmware(void)
{
    uint8_t out[100], in[100] = { 0 };
    struct { uint16_t year; uint8_t rest[14]; } now = { 0, { 0 } };
    uint64_t size = sizeof(in);
    bool good = true;

    if (!efi_host()->present) {
        log_info("no UEFI here");
        return;
    }
    check(efi_host()->runtime && efi_host()->config_count != 0, "UEFI has runtime services and tables");
    check(efi_call(EFI_GET_TIME, (uint64_t[5]){ word(&now) }) == EFI_SUCCESS && now.year > 2019,
          "the firmware's clock can be read");
    check(get_variable(in, &size) == EFI_NOT_FOUND, "a variable that is not there is not found");
    for (unsigned int i = 0; i < sizeof(out); i++)
        out[i] = (uint8_t)(i * 7 + 1);
    for (unsigned int i = 0; good && i < 20; i++) {
        out[0] = (uint8_t)i;
        size = sizeof(in);
        good = set_variable(out, sizeof(out)) == EFI_SUCCESS && get_variable(in, &size) == EFI_SUCCESS &&
               size == sizeof(out) && memcmp(in, out, sizeof(out)) == 0;
    }
    check(good, "a variable keeps what is written, 20 times");
    size = 10;
    check(get_variable(in, &size) == EFI_BUFFER_TOO_SMALL && size == sizeof(out),
          "a buffer too small is told so");
    check(set_variable(NULL, 0) == EFI_SUCCESS && get_variable(in, &size) == EFI_NOT_FOUND,
          "a variable can be deleted");
}

/* --- What the product links here -------------------------------------------------------------- */

const char *start_dom0(const struct start_dom0_input *in)
{
    memset(everyone, 0xff, sizeof(everyone));
    cpu_irq_enable();
    test_timer();
    test_clock(in->acpi);
    test_calls();
    test_other_cpus();
    test_device_interrupt();
    test_memory();
    test_pci();
    test_firmware();
    check(this_cpu()->nmi_count == 0, "no NMI came unasked");
    irq_dump();
    log_info("machine test: %u CPUs, %u failures", cpu_count(), failures);
    time_delay_us(200000);
    /* Sleep type 0 is S5 on the PIIX4 that both emulators have; elsewhere the line below remains. */
    cpu_out16((uint16_t)in->acpi->pm1a_cnt_port, PM1_SLEEP_ENABLE);
    time_delay_us(200000);
    return "The machine test has ended.";
}

/* No virtualisation: nothing to choose, hw_cpu_enable() is no thunk here. */
void hw_choose(void) { }
const char *hw_start(void) { return NULL; }
const char *hw_cpu_enable(void) { return NULL; }
void cpu_loop(void)
{
    for (;;)
        cpu_irq_enable_and_halt();
}
