/* SPDX-License-Identifier: BSD-2-Clause */
#include <vmx/vmcs_fake.h>

#include "caps.h"
#include "vmcs.h"

#include <hv/assert.h>
#include <stdlib.h>
#include <string.h>
#include <x86/paging.h>
#include <x86/percpu.h>

#define FAKE_VMCSS 2048U   /* a VMCS is known by its address; beyond so many the one unused longest is forgotten */
#define FIELDS 0x8000U

struct fake_vmcs { uint64_t physical, used; bool launched; uint64_t *field; };

const char vmx_exit_stub[1];
struct vmcs_fake_counts vmcs_fake_counts;
bool vmcs_fake_no_vmxon;
static struct fake_vmcs vmcss[FAKE_VMCSS];
static struct fake_vmcs *current[MAX_CPUS];
static bool on[MAX_CPUS];
static void (*guest)(struct hw_vcpu *v, bool launch);

void vmcs_fake_reset(void)
{
    for (unsigned int i = 0; i < FAKE_VMCSS; i++)
        free(vmcss[i].field);
    memset(vmcss, 0, sizeof(vmcss));
    memset(current, 0, sizeof(current));
    memset(on, 0, sizeof(on));
    memset(&vmcs_fake_counts, 0, sizeof(vmcs_fake_counts));
    guest = NULL;
    vmcs_fake_no_vmxon = false;
}

void vmcs_fake_guest(void (*fn)(struct hw_vcpu *v, bool launch)) { guest = fn; }

/* One that no CPU has: in long runs, that of a vCPU which has gone. */
static unsigned int forget_oldest(void)
{
    unsigned int oldest = FAKE_VMCSS;

    for (unsigned int i = 0; i < FAKE_VMCSS; i++) {
        bool in_use = false;

        for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++)
            in_use |= current[cpu] == &vmcss[i];
        if (!in_use && (oldest == FAKE_VMCSS || vmcss[i].used < vmcss[oldest].used))
            oldest = i;
    }
    free(vmcss[oldest].field);
    vmcss[oldest] = (struct fake_vmcs){ 0 };
    return oldest;
}

static struct fake_vmcs *vmcs_at(uint64_t physical)
{
    static uint64_t now;
    unsigned int i = 0;

    while (i < FAKE_VMCSS && vmcss[i].field != NULL && vmcss[i].physical != physical)
        i++;
    if (i == FAKE_VMCSS)
        i = forget_oldest();
    vmcss[i].used = ++now;
    if (vmcss[i].field == NULL) {
        vmcss[i].physical = physical;
        vmcss[i].field = calloc(FIELDS, sizeof(uint64_t));
    }
    return &vmcss[i];
}

static struct fake_vmcs *here(void)
{
    return current[this_cpu_id()];
}

static const struct vmcs_field *field_at(uint64_t encoding)
{
    for (unsigned int i = 0; i < vmcs_field_count; i++)
        if (vmcs_fields[i].encoding == encoding)
            return &vmcs_fields[i];
    return NULL;
}

uint64_t vmcs_fake_get(unsigned int encoding)
{
    BUG_ON(here() == NULL || field_at(encoding) == NULL);
    return here()->field[encoding];
}

void vmcs_fake_set(unsigned int encoding, uint64_t value)
{
    BUG_ON(here() == NULL || field_at(encoding) == NULL);
    here()->field[encoding] = value;
}

static bool revision_matches(hpa_t region)
{
    return IS_ALIGNED(region.v, PAGE_SIZE) && *(uint32_t *)phys_to_virt(region) == vmx_setup.revision;
}

bool insn_vmxon(hpa_t region)
{
    if (on[this_cpu_id()] || vmcs_fake_no_vmxon || !revision_matches(region))
        return false;
    on[this_cpu_id()] = true;
    return true;
}

void insn_vmxoff(void)
{
    BUG_ON(!on[this_cpu_id()]);
    on[this_cpu_id()] = false;
}

bool insn_vmclear(hpa_t vmcs)
{
    struct fake_vmcs *f = vmcs_at(vmcs.v);

    vmcs_fake_counts.vmclears++;
    f->launched = false;
    if (here() == f)
        current[this_cpu_id()] = NULL;
    return on[this_cpu_id()];
}

bool insn_vmptrld(hpa_t vmcs)
{
    vmcs_fake_counts.vmptrlds++;
    if (!on[this_cpu_id()] || !revision_matches(vmcs))
        return false;
    current[this_cpu_id()] = vmcs_at(vmcs.v);
    return true;
}

bool insn_vmread(uint64_t encoding, uint64_t *value)
{
    vmcs_fake_counts.reads++;
    if (here() == NULL || field_at(encoding) == NULL)
        return false;
    *value = here()->field[encoding];
    return true;
}

bool insn_vmwrite(uint64_t encoding, uint64_t value)
{
    const struct vmcs_field *f = field_at(encoding);

    vmcs_fake_counts.writes++;
    if (here() == NULL || f == NULL || f->access == VMCS_ACCESS_RO)
        return false;
    if (f->width == VMCS_WIDTH_U16)
        value = (uint16_t)value;
    if (f->width == VMCS_WIDTH_U32)
        value = (uint32_t)value;
    here()->field[encoding] = value;
    return true;
}

bool insn_invept(uint64_t type unused_arg, uint64_t eptp unused_arg)
{
    vmcs_fake_counts.invepts++;
    return on[this_cpu_id()];
}

bool insn_invvpid(uint64_t type, uint16_t vpid)
{
    vmcs_fake_counts.invvpids++;
    return on[this_cpu_id()] && (type == 2 || vpid != 0);
}

void insn_read_tables(struct host_tables *t)
{
    *t = (struct host_tables){ .gdt_base = 0x1000, .idt_base = 0x2000, .tr_base = 0x3000 + this_cpu_id(),
                               .cs = 0x8, .ss = 0x10, .tr = 0x18 };
}

/* As the CPU does: the launch state has to fit, and every exit clears the injected event's valid bit. */
bool vmx_enter_guest(struct hw_vcpu *v, bool launched)
{
    struct fake_vmcs *f = here();

    BUG_ON(f == NULL);
    vmcs_fake_counts.entries++;
    if (guest == NULL || f->launched != launched) {
        f->field[INFO_INSTRUCTION_ERROR.encoding] = launched ? 5 : guest == NULL ? 7 : 4;
        return false;
    }
    guest(v, !launched);
    f->field[CTL_ENTRY_INTR_INFO.encoding] &= 0x7fffffff;
    if (!(f->field[INFO_EXIT_REASON.encoding] & 0x80000000))
        f->launched = true;
    return true;
}
