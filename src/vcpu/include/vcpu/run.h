/* SPDX-License-Identifier: BSD-2-Clause */
/* The run loop of a CPU (docs/exit-path.md): pick a vCPU, enter it, handle its exits, idle. */
#ifndef VCPU_RUN_H
#define VCPU_RUN_H

#include <domain/domain.h>

/* Never returns; each CPU ends its boot here, IRQs on. */
noreturn_fn void cpu_loop(void);
/* The last exit of this CPU, for the panic message. */
const struct vmexit *cpu_last_exit(unsigned int cpu);
void exit_stats_dump(void);

#endif
