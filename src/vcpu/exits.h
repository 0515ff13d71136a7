/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside src/vcpu: the handlers of exits.def and what they share. A handler returns what shall happen
 * next (enum exit_action) and never moves RIP itself. */
#ifndef VCPU_EXITS_H
#define VCPU_EXITS_H

#include <domain/domain.h>
#include <hvm/emul.h>

#define EXIT(reason, hw, handler, reads, label) \
    enum exit_action handler(struct vcpu *v, const struct vmexit *x);
#include <hv/exits.def>
#undef EXIT

/* Makes an exception the next thing the guest sees. */
enum exit_action vcpu_fault(struct vcpu *v, uint8_t vector, uint32_t error);
enum exit_action vcpu_page_fault(struct vcpu *v, uint32_t error, uint64_t cr2);
#define vcpu_gp(v) vcpu_fault(v, X86_GP, 0)
#define vcpu_ud(v) vcpu_fault(v, X86_UD, 0)

/* exit_viridian.c: MSRs from 0x40000000 (false: #GP), CPUID leaves below 0x40000100 of a domain with enlightenments, and its hypercalls
 * that are none of Xen's. */
bool synthetic_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *value);
bool synthetic_wrmsr(struct vcpu *v, uint32_t msr, uint64_t value);
void viridian_cpuid_leaf(const struct vcpu *v, uint32_t leaf, uint32_t out[4]);
bool viridian_takes_hypercall(const struct vcpu *v, uint64_t rax);
void viridian_call(struct vcpu *v, bool bits32);

/* WRMSR of an x2APIC register, with its effects; false: #GP. */
bool vcpu_wrmsr_x2apic(struct vcpu *v, uint32_t msr, uint64_t value);
/* Effects of a virtual APIC access, applied with no lock held. */
void vcpu_apic_effect(struct vcpu *v, const struct vlapic_effect *e);
/* Runs the instruction at RIP against emulated memory. may_ports: the CPU has found that it may access the port. */
enum exit_action vcpu_emulate(struct vcpu *v, bool may_ports, const char *why);
/* One access to guest-physical memory that is no RAM, or to a port: data in and out of req. IO_DONE, or IO_PENDING: it is
 * with a device model, and v->io.purpose is to be set. */
enum io_result vcpu_mmio_access(struct vcpu *v, struct io_req *req);
enum io_result vcpu_port_access(struct vcpu *v, struct io_req *req);
/* The same for the instruction being emulated, *next its accesses so far: EMUL_DONE, EMUL_RETRY (the answer will come), or
 * EMUL_UNHANDLED. vcpu_emul_done: the instruction has come to an end. */
enum emul_result vcpu_emul_access(struct vcpu *v, unsigned int *next, struct io_req *req);
/* A run of elements between a port, or emulated memory, and memory. IO_UNCLAIMED: one by one. *run: at most as many were made. */
enum io_result vcpu_port_run(struct vcpu *v, const struct io_req *req, gpa_t memory, uint32_t run);
enum io_result vcpu_mmio_run(struct vcpu *v, const struct io_req *req, gpa_t memory, uint32_t run);
enum emul_result vcpu_emul_run(struct vcpu *v, unsigned int *next, struct io_req *req, gpa_t memory, uint32_t *run);
void vcpu_emul_done(struct vcpu *v);
static inline void vcpu_port_result(struct vcpu *v, unsigned int size, uint64_t data)
{
    uint64_t mask = io_all_ones(size), *rax = &v->hw.regs.rax;

    *rax = size == 4 ? (uint32_t)data : (*rax & ~mask) | (data & mask);
}
enum exit_action vcpu_io_complete(struct vcpu *v);
void vcpu_io_forget(struct vcpu *v);                /* it was reset: an answer that is still to come is nobody's */
/* What others have asked of a vCPU, before it enters the guest (run.c). */
void vcpu_settle(struct vcpu *v);
bool vcpu_gpa_is_emulated(struct vcpu *v, gpa_t a);

void vcpu_apic_mode_changed(struct vcpu *v);
/* Before entry with virtual-interrupt delivery: hand the CPU what has come in. IRQs off. */
void vcpu_virtual_interrupts(struct vcpu *v);

/* The instruction at RIP, where the CPU told neither its length nor its registers (hv/vmexit.h). Crashes the domain, or
 * false, when there is none that exits. */
unsigned int vcpu_insn_length(struct vcpu *v);
bool vcpu_decode_cr(struct vcpu *v, struct exit_cr *c) must_check;

/* trace.c, while a trace is taken. vcpu_trace_exit: an exit came at `since`; returns 0, so that the run loop comes to
 * vcpu_trace_close: what was done about it; the `since` of then, 0: no exit was traced. vcpu_trace_entry: the guest is next. */
uint64_t vcpu_trace_exit(struct vcpu *v, const struct vmexit *x, uint64_t since);
uint64_t vcpu_trace_close(const struct vcpu *v, const struct vmexit *x);
void vcpu_trace_entry(const struct vcpu *v);

bool vcpu_has_event(struct vcpu *v);
/* HLT with interrupts off: offline; the last vCPU takes the domain with it. */
void vcpu_halt_forever(struct vcpu *v);

#endif
