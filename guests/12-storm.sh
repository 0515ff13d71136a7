#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Arbitrary arguments to every hypercall, in boots of their own; --full: more of them.
. "$(dirname "$0")/lib.sh"
count=200
[ -z "${TEST_FULL:-}" ] || count=3000
GUEST_CMDLINE="storm=$count" guest_tests storm 1 hypercall_storm
