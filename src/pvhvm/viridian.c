/* SPDX-License-Identifier: BSD-2-Clause */
#include <pvhvm/viridian.h>

#include <hv/compiler.h>
#include <lib/string.h>

/* Leaf 3: what the partition may do (eax), what there is (edx). */
#define MAY_TIME_REF_COUNT (1U << 1)
#define MAY_APIC_MSRS (1U << 4)
#define MAY_HYPERCALL_MSRS (1U << 5)
#define MAY_VP_INDEX (1U << 6)
#define MAY_REFERENCE_TSC (1U << 9)
#define MAY_FREQUENCY_MSRS (1U << 11)
#define HAS_CPU_HOTPLUG (1U << 3)
#define HAS_FREQUENCY_MSRS (1U << 8)
#define HAS_CRASH_MSRS (1U << 10)
/* Leaf 4: what is recommended. */
#define USE_APIC_MSRS (1U << 3)
#define USE_RELAXED_TIMING (1U << 5)
#define SPIN_RETRIES 2047U                 /* then HvNotifyLongSpinWait */
/* Leaf 6: what of the hardware is in use. */
#define IN_USE_APIC_OVERLAY (1U << 0)
#define IN_USE_MSR_BITMAPS (1U << 1)
#define IN_USE_SLAT (1U << 3)

#define LEAF_LAST 0x40000006U
#define VERSION 0x00060001U                /* 6.1, as of Windows 7 and Server 2008 R2 */
#define BUILD 0x1db1U
#define MAX_VPS_WITHOUT_MASKS 64U

enum { HYPERCALL_NOTIFY_LONG_SPIN_WAIT = 8 };
enum { STATUS_SUCCESS = 0, STATUS_INVALID_HYPERCALL_CODE = 2 };

static void set(uint32_t out[4], uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
    out[0] = eax;
    out[1] = ebx;
    out[2] = ecx;
    out[3] = edx;
}

static void features_leaf(uint64_t f, uint32_t out[4])
{
    set(out, MAY_APIC_MSRS | MAY_HYPERCALL_MSRS | MAY_VP_INDEX, 0, 0, 0);
    if (!(f & HVMPV_no_freq)) {
        out[0] |= MAY_FREQUENCY_MSRS;
        out[3] |= HAS_FREQUENCY_MSRS;
    }
    if (f & HVMPV_time_ref_count)
        out[0] |= MAY_TIME_REF_COUNT;
    if (f & HVMPV_reference_tsc)
        out[0] |= MAY_REFERENCE_TSC;
    if (f & HVMPV_crash_ctl)
        out[3] |= HAS_CRASH_MSRS;
    if (f & HVMPV_cpu_hotplug)
        out[3] |= HAS_CPU_HOTPLUG;
}

void viridian_cpuid_read(uint32_t leaf, const struct viridian_cpuid *i, uint32_t out[4])
{
    static const char vendor[12] = "Microsoft Hv", interface[4] = "Hv#1";

    set(out, 0, 0, 0, 0);
    switch (leaf) {
    case 0x40000000:
        out[0] = LEAF_LAST;
        memcpy(&out[1], vendor, sizeof(vendor));
        break;
    case 0x40000001:
        memcpy(&out[0], interface, sizeof(interface));
        break;
    case 0x40000002:
        if (i->guest_os_id)                /* told only to those who have said who they are */
            set(out, BUILD, VERSION, 0, 0);
        break;
    case 0x40000003:
        features_leaf(i->features, out);
        break;
    case 0x40000004:
        set(out, USE_RELAXED_TIMING | (i->apic_by_msr ? USE_APIC_MSRS : 0), SPIN_RETRIES, 0, 0);
        break;
    case 0x40000005:
        out[0] = i->features & HVMPV_no_vp_limit ? i->max_vcpus : min_of(i->max_vcpus, MAX_VPS_WITHOUT_MASKS);
        break;
    case LEAF_LAST:
        set(out, IN_USE_APIC_OVERLAY | IN_USE_MSR_BITMAPS | IN_USE_SLAT, 0, 0, 0);
        break;
    default:
        break;
    }
}

static const struct { uint32_t first, last; uint64_t needs, without; } msrs[] = {
    { VIRIDIAN_GUEST_OS_ID, VIRIDIAN_VP_INDEX, 0, 0 },
    { VIRIDIAN_TIME_REF_COUNT, VIRIDIAN_TIME_REF_COUNT, HVMPV_time_ref_count, 0 },
    { VIRIDIAN_REFERENCE_TSC, VIRIDIAN_REFERENCE_TSC, HVMPV_reference_tsc, 0 },
    { VIRIDIAN_TSC_FREQUENCY, VIRIDIAN_APIC_FREQUENCY, 0, HVMPV_no_freq },
    { VIRIDIAN_EOI, VIRIDIAN_TPR, 0, 0 },
    { VIRIDIAN_APIC_ASSIST, VIRIDIAN_APIC_ASSIST, HVMPV_apic_assist, 0 },
    { VIRIDIAN_CRASH_P0, VIRIDIAN_CRASH_CTL, HVMPV_crash_ctl, 0 },
};

bool viridian_has_msr(uint64_t features, uint32_t msr)
{
    for (unsigned int i = 0; i < ARRAY_COUNT(msrs); i++)
        if (msr >= msrs[i].first && msr <= msrs[i].last)
            return (features & msrs[i].needs) == msrs[i].needs && !(features & msrs[i].without);
    return false;
}

/* 10,000 ticks of 100 ns to a millisecond: (10,000 << 64) / khz, by two divisions of 64 bits. */
uint64_t viridian_tsc_scale(uint32_t tsc_khz)
{
    uint64_t high = 10000ULL << 32;

    if (tsc_khz <= 10000)
        return 0;
    return high / tsc_khz << 32 | (high % tsc_khz << 32) / tsc_khz;
}

uint64_t viridian_reference_time(uint64_t tsc, uint32_t tsc_khz)
{
    return (uint64_t)((unsigned __int128)tsc * viridian_tsc_scale(tsc_khz) >> 64);
}

void viridian_hypercall_page_fill(void *page, const uint8_t insn[3])
{
    /* or $0x80000000, %eax: no hypercall of Xen's. */
    static const uint8_t or_eax[5] = { 0x0d, 0x00, 0x00, 0x00, 0x80 };
    uint8_t *p = page;

    memset(p, 0xcc, PAGE_SIZE);            /* int3 */
    memcpy(p, or_eax, sizeof(or_eax));
    memcpy(p + 5, insn, 3);
    p[8] = 0xc3;                           /* ret */
}

void viridian_tsc_page_fill(void *page, uint32_t tsc_khz)
{
    struct { uint32_t sequence, reserved; uint64_t scale; int64_t offset; } *p = page;

    memset(page, 0, PAGE_SIZE);
    p->scale = viridian_tsc_scale(tsc_khz);
    __atomic_store_n(&p->sequence, p->scale ? 1U : 0, __ATOMIC_RELEASE);     /* 0: ask the MSR */
}

uint16_t viridian_hypercall(uint64_t input, bool *yield)
{
    *yield = (uint16_t)input == HYPERCALL_NOTIFY_LONG_SPIN_WAIT;
    return *yield ? STATUS_SUCCESS : STATUS_INVALID_HYPERCALL_CODE;
}
