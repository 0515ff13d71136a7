/* SPDX-License-Identifier: BSD-2-Clause */
/* Who owns which interrupt vector. One space for all CPUs: a vector means the same everywhere. */
#ifndef X86_VECTORS_H
#define X86_VECTORS_H

#define VECTOR_PIC_FIRST 0x20U      /* masked PICs still can raise their spurious IRQ 7 and 15 */
#define VECTOR_PIC_LAST 0x2fU
#define VECTOR_DYNAMIC_FIRST 0x30U  /* devices: GSIs and MSIs */
#define VECTOR_DYNAMIC_LAST 0xefU
#define VECTOR_TIMER 0xf0U
#define VECTOR_CALL 0xf1U           /* smp_call() */
#define VECTOR_KICK 0xf2U           /* nothing to do but to have left the guest or HLT */
#define VECTOR_LAPIC_ERROR 0xfeU
#define VECTOR_SPURIOUS 0xffU       /* low four bits set: older LAPICs force that */

#endif
