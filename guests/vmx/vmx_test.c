/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An image that boots like Tenon but, where dom0 would be made, runs guest_code.S under src/vmx and
 * src/ept and looks at every exit: that the CPU agrees with what the unit tests believe of it. Each check is a
 * line "ok ..." or "not ok ..." on the console; then the machine is switched off.
 */
#include <boot/start_dom0.h>

#include <hv/assert.h>
#include <lib/log.h>
#include <lib/string.h>
#include <mm/frames.h>
#include <mm/heap.h>
#include <domain/p2m.h>
#include <vcpu/run.h>
#include <ept/ept.h>
#include <vmx/vmx.h>
#include <x86/cpu.h>
#include <x86/paging.h>
#include <x86/smp.h>
#include <x86/time.h>

#define GUEST_PAGES 512UL              /* 2 MiB at 0; a hole at 5 MiB, a read-only page at 6 MiB */
#define HOLE_GFN 0x500UL
#define READ_ONLY_GFN 0x600UL
#define APIC_GFN 0xfee00UL
#define CODE_AT 0x4000UL
#define STACK_AT 0x3000UL
#define LONG_MODE_TABLES 0x20000UL
#define PAE_TABLES 0x30000UL
#define REAL_VECTOR 0x80U
#define REAL_AT 0x80000UL
#define PM1_SLEEP_ENABLE 0x2000U

#define CPUID_BY_REAL 0x8000U
#define MSR_SYSENTER_CS 0x174U
#define MSR_EFER 0xc0000080U
#define MSR_GS 0xc0000101U
#define MSR_KERNEL_GS 0xc0000102U
#define ICR 0x300U

extern const uint8_t flat_code[], flat_code_end[], real_code[], real_code_end[], apic_code[],
    apic_code_end[];

static struct hw_vcpu v;
static struct vmexit x;
static struct slat slat;
static uint8_t *ram, *io_bitmap, *msr_bitmap, *x2apic_bitmap;
static uint32_t *apic_page, *access_page;
static unsigned int failures;
static uint64_t entries, ticks;

static void check(bool good, const char *what)
{
    log_info("%s %s", good ? "ok" : "not ok", what);
    failures += !good;
}

/* ---- the machine of the guest ---- */

static void map(uint64_t gfn, const void *page, enum p2m_type type, uint8_t rwx, unsigned int order)
{
    struct slat_entry e = { .mfn = hpa_to_mfn(virt_to_phys(page)), .type = type, .rwx = rwx,
                           .memtype = SLAT_WB };

    BUG_ON(slat_map(&slat, gfn_of(gfn), order, &e) != 0);
}

static void *pages(unsigned int order)
{
    void *p = heap_alloc_pages(order);

    BUG_ON(p == NULL);
    return p;
}

static void make_machine(void)
{
    ram = pages(PAGE_ORDER_2M);
    io_bitmap = pages(1);
    msr_bitmap = pages(0);
    x2apic_bitmap = pages(0);
    apic_page = pages(0);
    access_page = pages(0);
    memset(io_bitmap, 0xff, 2 * PAGE_SIZE);
    memset(msr_bitmap, 0xff, PAGE_SIZE);
    memset(x2apic_bitmap, 0xff, PAGE_SIZE);
    vmx_io_bitmap_allow(io_bitmap, 0x80, 0x80);
    vmx_msr_bitmap_allow(msr_bitmap, MSR_SYSENTER_CS, true, false);
    vmx_msr_bitmap_x2apic(x2apic_bitmap);
    BUG_ON(slat_init(&slat, ept_format(), &p2m_table_pages, vmx_features.ept_1g, vmx_features.ept_2m, vmx_features.ept_ad) != 0);
    map(0, ram, P2M_RAM_RW, SLAT_R | SLAT_W | SLAT_X, vmx_features.ept_2m ? PAGE_ORDER_2M : 0);
    map(READ_ONLY_GFN, pages(0), P2M_RAM_RO, SLAT_R | SLAT_X, 0);
    map(APIC_GFN, access_page, P2M_SHARED, SLAT_R | SLAT_W, 0);
}

static void make_vcpu(uint16_t vpid)
{
    struct hw_vcpu_config c = {
        .slat_root = ept_pointer(&slat), .vpid = vpid, .virtual_apic = true, .apic_page = apic_page,
        .apic_access_page = virt_to_phys(access_page), .msr_bitmap = msr_bitmap,
        .msr_bitmap_x2apic = x2apic_bitmap, .io_bitmap = io_bitmap,
    };

    BUG_ON(vmx_vcpu_init(&v, &c) != 0);
}

/* The first 2 MiB where they are, for PAE and for long mode. */
static void make_page_tables(void)
{
    uint64_t *pml4 = (uint64_t *)(void *)(ram + LONG_MODE_TABLES);
    uint64_t *pae = (uint64_t *)(void *)(ram + PAE_TABLES);

    pml4[0] = (LONG_MODE_TABLES + PAGE_SIZE) | 3;
    pml4[512] = (LONG_MODE_TABLES + 2 * PAGE_SIZE) | 3;
    pml4[1024] = 0x83;
    pae[0] = (PAE_TABLES + PAGE_SIZE) | 1;
    pae[512] = 0x83;
}

/* ---- steps ---- */

static void enter(void)
{
    uint64_t since;

    cpu_irq_disable();
    since = cpu_rdtsc();
    vmx_enter(&v, &x);
    ticks += cpu_rdtsc() - since;
    entries++;
    cpu_irq_enable();
}

/* Runs to the next exit, which has to be this one. */
static bool exit_is(enum exit_reason reason)
{
    enter();
    if (x.reason == reason)
        return true;
    log_info("# %s at RIP %lx, qualification %lx", hw_exit_name(&x), vmx_get_rip(&v), x.hw_qual);
    return false;
}

static bool exit_over(enum exit_reason reason)
{
    bool good = exit_is(reason);

    if (good)
        vmx_skip(&v, x.insn_len);
    return good;
}

static void interrupt(uint8_t vector)
{
    struct hv_event e = { .valid = true, .type = EVENT_EXTINT, .vector = vector };

    vmx_inject(&v, &e);
}

static uint32_t eax(void) { return (uint32_t)v.regs.rax; }

/* ---- flat ---- */

static void flat_exits(void)
{
    check(exit_over(EXIT_CPUID) && eax() == 0x12345678 && v.regs.rbx == 0x777 && x.insn_len == 2,
          "CPUID exits with the guest's registers");
    check(exit_over(EXIT_PIO) && x.pio.port == 0x3f8 && x.pio.size == 1 && !x.pio.in,
          "OUT exits with port and size");
    check(exit_over(EXIT_RDMSR) && v.regs.rcx == 0x77, "RDMSR exits");
    check(exit_over(EXIT_HYPERCALL) && v.regs.rcx == MSR_SYSENTER_CS,
          "a port and an MSR that are let through do not exit");
}

static void flat_memory(void)
{
    check(exit_is(EXIT_EPT_VIOLATION) && x.ept.gpa.v == HOLE_GFN << PAGE_SHIFT && x.ept.read &&
          !x.ept.readable && x.ept.gva_valid && x.ept.gva.v == x.ept.gpa.v && !x.ept.walk,
          "a hole exits with both addresses");
    map(HOLE_GFN, pages(0), P2M_RAM_RW, SLAT_R | SLAT_W, 0);
    check(exit_is(EXIT_EPT_VIOLATION) && x.ept.gpa.v == READ_ONLY_GFN << PAGE_SHIFT && x.ept.write &&
          x.ept.readable && !x.ept.writable, "a write to a read-only page exits, a filled hole does not");
    check(slat_set_type(&slat, gfn_of(READ_ONLY_GFN), 0, P2M_RAM_RW, SLAT_R | SLAT_W) == 0,
          "the page becomes writable");
}

static void flat_control_registers(void)
{
    check(exit_over(EXIT_CR_ACCESS) && x.cr.cr == 0 && x.cr.op == CR_WRITE && x.cr.gpr == GPR_RAX &&
          vmx_set_cr(&v, 0, v.regs.rax), "CR0.NE exits");
    check(exit_over(EXIT_HYPERCALL) && eax() == (CR0_PE | CR0_ET | CR0_NE), "CR0 reads as written");
    check(exit_over(EXIT_HYPERCALL) && eax() == (CR4_PAE | CR4_PGE | CR4_OSFXSR),
          "the guest's bits of CR4 do not exit, VMXE and MCE are hidden");
    check(exit_over(EXIT_CR_ACCESS) && x.cr.cr == 4 && vmx_set_cr(&v, 4, v.regs.rax), "CR4.MCE exits");
    check(exit_over(EXIT_HYPERCALL) && (eax() & CR4_MCE), "CR4 reads as written");
}

static void flat_interrupts(void)
{
    bool good = exit_over(EXIT_HLT) && vmx_irq_blocked(&v) == HW_OPEN;

    interrupt(0x30);
    check(good && exit_over(EXIT_HYPERCALL) && v.regs.rbx == 0x30, "an interrupt ends HLT");
    v.regs.rbx = 0;
    good = exit_over(EXIT_HYPERCALL) && vmx_irq_blocked(&v) == HW_BLOCKED_IF;
    vmx_open_irq_window(&v, true);
    check(good && exit_is(EXIT_IRQ_WINDOW) && vmx_irq_blocked(&v) == HW_OPEN, "the interrupt window opens");
    vmx_open_irq_window(&v, false);
    interrupt(0x30);
    check(exit_over(EXIT_HYPERCALL) && v.regs.rbx == 0x30, "and the interrupt goes in");
    check(exit_over(EXIT_HYPERCALL) && v.regs.rbx == X86_UD, "#UD stays in the guest");
    check(exit_over(EXIT_HYPERCALL) && v.regs.rbx == X86_BP, "#BP too");
}

static void flat_nmi_and_step(void)
{
    struct hv_event nmi = { .valid = true, .type = EVENT_NMI, .vector = X86_NMI };
    bool good;

    vmx_inject(&v, &nmi);
    good = exit_over(EXIT_HYPERCALL) && vmx_nmi_blocked(&v) == HW_BLOCKED_NMI;
    vmx_open_nmi_window(&v, true);
    check(good && exit_is(EXIT_NMI_WINDOW) && vmx_nmi_blocked(&v) == HW_OPEN,
          "an NMI blocks the next one until IRET");
    vmx_open_nmi_window(&v, false);
    check(exit_over(EXIT_HYPERCALL), "the guest goes on behind it");
    good = exit_over(EXIT_CPUID) && exit_is(EXIT_EXCEPTION);
    check(good && x.exc.event.vector == X86_DB && (x.exc.qual & 0x4000),
          "single-stepping sees an instruction that we did");
    vmx_set_rflags(&v, vmx_get_rflags(&v) & ~RFLAGS_TF);
    check(exit_over(EXIT_HYPERCALL), "and goes on when told to");
}

static void flat_modes(void)
{
    struct guest_mode m;
    uint64_t gs = 0, kernel_gs = 0;

    check(exit_over(EXIT_HYPERCALL), "PAE paging begins without an exit");
    vmx_get_mode(&v, &m);
    check((m.cr0 & CR0_PG) && !m.long_mode && m.pdpte[0] == ((PAE_TABLES + PAGE_SIZE) | 1),
          "and the CPU has loaded the PDPTEs");
    check(exit_over(EXIT_WRMSR) && v.regs.rcx == MSR_EFER && vmx_set_msr(&v, MSR_EFER, eax()),
          "EFER exits");
    check(exit_over(EXIT_HYPERCALL) && vmx_is_code64(&v) && vmx_get_efer(&v) == (EFER_LME | EFER_LMA) &&
          vmx_get_cr(&v, 0) == v.regs.rax, "long mode begins without an exit");
    check(vmx_set_msr(&v, MSR_KERNEL_GS, 0x1234000) && vmx_set_msr(&v, MSR_GS, 0x5678000),
          "both GS bases are set");
    vmx_unload(&v);
    vmx_load(&v);
    check(exit_over(EXIT_HYPERCALL) && v.regs.r8 == 0x1122334455667788, "a VMCS cleared and loaded goes on");
    check(vmx_get_msr(&v, MSR_GS, &gs) && vmx_get_msr(&v, MSR_KERNEL_GS, &kernel_gs) &&
          gs == 0x1234000 && kernel_gs == 0x5678000, "SWAPGS swaps what was set");
    check(exit_is(EXIT_TRIPLE_FAULT), "a triple fault exits");
}

static void begin_flat(const uint8_t *code, const uint8_t *end)
{
    memcpy(ram + CODE_AT, code, (size_t)(end - code));
    vmx_set_pvh_entry(&v, CODE_AT, 0x777);
    vmx_set_rsp(&v, STACK_AT);
}

static void test_flat(void)
{
    make_page_tables();
    vmx_load(&v);
    begin_flat(flat_code, flat_code_end);
    flat_exits();
    flat_memory();
    flat_control_registers();
    flat_interrupts();
    flat_nmi_and_step();
    flat_modes();
    vmx_unload(&v);
}

/* ---- real mode, and what goes wrong ---- */

static void test_real(void)
{
    const uint16_t handler[2] = { 8, REAL_VECTOR << 8 };
    struct hw_vcpu *previous = vmx_borrow(&v);
    struct guest_mode m;

    memcpy(ram + REAL_AT, real_code, (size_t)(real_code_end - real_code));
    memcpy(ram + 4 * 0x20, handler, sizeof(handler));
    vmx_set_sipi(&v, REAL_VECTOR);
    vmx_set_rsp(&v, STACK_AT);
    vmx_give_back(&v, previous);
    vmx_load(&v);
    check(exit_over(EXIT_CPUID) && (uint16_t)eax() == CPUID_BY_REAL, "real mode begins at the SIPI's page");
    check(exit_over(EXIT_HYPERCALL) && vmx_get_cpl(&v) == 0 && exit_over(EXIT_HLT), "and goes on");
    interrupt(0x20);
    check(exit_over(EXIT_HYPERCALL) && (uint16_t)v.regs.rcx == 0x2020, "an interrupt goes through the IVT");
    check(exit_over(EXIT_HYPERCALL), "protected mode begins without an exit");
    vmx_get_mode(&v, &m);
    check((m.cr0 & CR0_PE) && m.code32, "in 32-bit code");
    check(exit_is(EXIT_TRIPLE_FAULT), "a triple fault exits again");
    vmx_unload(&v);
}

static void test_cut_short(void)
{
    struct hv_event pf = { .valid = true, .type = EVENT_HW_EXCEPTION, .vector = X86_PF,
                           .has_error = true, .error = 2, .cr2 = 0xabc000 };
    struct guest_table idt = { 0x700000, 0x7ff };
    struct guest_seg bad = { 0, 0, 0, 0 };

    vmx_load(&v);
    begin_flat(flat_code, flat_code_end);
    vmx_set_table(&v, true, &idt);
    vmx_inject(&v, &pf);
    check(exit_is(EXIT_EPT_VIOLATION) && x.cut_short.valid && x.cut_short.vector == X86_PF &&
          x.cut_short.error == 2 && x.cut_short.cr2 == 0xabc000, "an event cut short is known, with all it had");
    vmx_inject(&v, &x.cut_short);
    check(exit_is(EXIT_EPT_VIOLATION) && x.cut_short.valid, "and can be tried again");
    vmx_set_seg(&v, SEG_TR, &bad);
    check(exit_is(EXIT_BAD_STATE), "an impossible state is refused by the CPU and told");
    begin_flat(flat_code, flat_code_end);
    check(exit_over(EXIT_CPUID), "a good one runs after it");
    vmx_unload(&v);
}

/* ---- virtual APIC ---- */

static void set_rvi(uint8_t vector)
{
    apic_page[(0x200U + vector / 32 * 0x10) / 4] |= 1U << (vector % 32);
    vmx_set_rvi(&v, vector);
}

static void apic_x2apic(void)
{
    bool good;

    check(exit_over(EXIT_HYPERCALL) && eax() == 0xabcd, "x2APIC registers are read without exits");
    check(exit_over(EXIT_HYPERCALL) && apic_page[0x80 / 4] == 0x20, "the x2APIC's TPR is written without exits");
    good = exit_over(EXIT_HYPERCALL);
    set_rvi(0x51);
    check(good && exit_over(EXIT_HYPERCALL) && v.regs.rbx == 0x51, "an interrupt is delivered by the CPU");
    check(vmx_get_rvi(&v) == 0 && apic_page[0x120 / 4] == 0, "and its EOI does not exit");
    vmx_set_eoi_exit(&v, 0x52, true);
    check(exit_is(EXIT_EOI_INDUCED) && x.vector == 0x52, "an EOI exits where asked for");
    check(exit_over(EXIT_HYPERCALL) && v.regs.rbx == 0x52, "a self IPI does not exit");
    check(exit_over(EXIT_WRMSR) && v.regs.rcx == 0x830, "other IPIs exit");
}

static void apic_xapic(void)
{
    check(exit_over(EXIT_HYPERCALL) && eax() == 0xabcd, "xAPIC registers are read without exits");
    check(exit_over(EXIT_HYPERCALL) && apic_page[0x80 / 4] == 0x30, "the xAPIC's TPR is written without exits");
    check(exit_is(EXIT_APIC_WRITE) && x.apic.offset == ICR && apic_page[ICR / 4] == 0xc4051,
          "the ICR exits after the write");
    check(exit_over(EXIT_HYPERCALL), "which needs no emulation");
    check(exit_over(EXIT_APIC_ACCESS) && x.apic.offset == 0x404 && !x.apic.write && x.apic.linear,
          "what is no register exits");
}

static void test_apic(void)
{
    if (!vmx_features.virtual_intr_delivery || !vmx_features.x2apic_virt || !vmx_features.apic_register_virt) {
        log_info("# no virtual-interrupt delivery here");
        return;
    }
    vmx_load(&v);
    begin_flat(apic_code, apic_code_end);
    memset(apic_page, 0, PAGE_SIZE);
    apic_page[0x20 / 4] = 0xabcd;
    vmx_set_apic_mode(&v, HW_APIC_X2APIC);
    apic_x2apic();
    check(exit_over(EXIT_HYPERCALL), "the mode changes");
    vmx_set_apic_mode(&v, HW_APIC_XAPIC);
    apic_xapic();
    vmx_set_apic_mode(&v, HW_APIC_OFF);
    vmx_unload(&v);
}

/* ---- several CPUs ---- */

static unsigned int moved;

/* The other CPUs of the boot wait for dom0 before they switch VMX on. */
static void run_here(void *arg unused_arg)
{
    if (this_cpu()->hw == NULL)
        BUG_ON(vmx_cpu_enable() != NULL);
    vmx_load(&v);
    begin_flat(flat_code, flat_code_end);
    vmx_enter(&v, &x);
    moved += x.reason == EXIT_CPUID && v.regs.rbx == 0x777;
    vmx_unload(&v);
}

static void test_moves(void)
{
    for (unsigned int cpu = 0; cpu < cpu_count(); cpu++) {
        uint64_t mask[MAX_CPUS / 64] = { 0 };

        mask[cpu / 64] = BIT(cpu % 64);
        smp_call(mask, run_here, NULL);
    }
    check(moved == cpu_count(), "a vCPU runs on one CPU after the other");
}

/* --- What the product links here -------------------------------------------------------------- */

const char *start_dom0(const struct start_dom0_input *in)
{
    cpu_irq_enable();
    make_machine();
    make_vcpu(1);
    test_flat();
    log_info("# %lu ticks per entry and exit on average", ticks / entries);
    test_real();
    test_cut_short();
    test_apic();
    test_moves();
    vmx_vcpu_fini(&v);
    slat_destroy(&slat);
    log_info("vmx test: %u CPUs, %u failures", cpu_count(), failures);
    time_delay_us(200000);
    /* Sleep type 0 is S5 on the PIIX4 of the emulator; elsewhere the line below remains. */
    cpu_out16((uint16_t)in->acpi->pm1a_cnt_port, PM1_SLEEP_ENABLE);
    time_delay_us(200000);
    return "The VMX test has ended.";
}

void cpu_loop(void)
{
    for (;;)
        cpu_irq_enable_and_halt();
}
