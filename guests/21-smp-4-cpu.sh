#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 4 CPUs: start, IPIs, sleep and wake, memory and time between them.
. "$(dirname "$0")/lib.sh"
GUEST_CMDLINE="rounds=500" guest_tests smp-4 4 \
    smp_start,smp_ids,smp_ipi,smp_wake,smp_ping_pong,smp_nmi,smp_memory,smp_tsc,smp_restart
