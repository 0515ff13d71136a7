#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Arbitrary arguments to every hypercall from four CPUs at once.
. "$(dirname "$0")/lib.sh"
count=40
[ -z "${TEST_FULL:-}" ] || count=1000
GUEST_CMDLINE="storm=$count" guest_tests storm-4 4 hypercall_storm_smp
