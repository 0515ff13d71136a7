#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A table of grants and instructions that change while they are used; a CPU that is started and given registers at once.
. "$(dirname "$0")/lib.sh"
rounds=200
[ -z "${TEST_FULL:-}" ] || rounds=4000
GUEST_CMDLINE="rounds=$rounds" GUEST_TIMEOUT=1200 GUEST_STALL=240 guest_tests hostile-2 2 storm_grants,rewrite_instructions,storm_initialise,storm_init
