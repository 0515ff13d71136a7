#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# 4 CPUs, shared out between guests of the test guest: weights and caps. (Bochs makes sockets of its CPUs: one run queue for all of them, as on
# a machine whose CPUs are cores. run_limit: it does not interrupt a guest that is entered with
# interrupts off.)
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77
GUEST_HV_CMDLINE='dom0_mem=128M,max:128M dom0_max_vcpus=1 run_limit=1000 credit2_runqueue=all' GUEST_MEMORY=512 GUEST_TIMEOUT=1200 GUEST_STALL=600 \
    GUEST_CMDLINE='children seconds=4' guest_tests shares-4 4 load_shares,load_caps
