#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Wild page tables and registered areas, storms of events, any value in the local APIC.
. "$(dirname "$0")/lib.sh"
rounds=200
[ -z "${TEST_FULL:-}" ] || rounds=4000
GUEST_CMDLINE="rounds=$rounds" GUEST_TIMEOUT=1200 GUEST_STALL=240 guest_tests hostile 1 wild_tables,wild_registers,storm_apic,storm_events
