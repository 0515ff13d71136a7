#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# From GRUB to xl, disk and compiler in dom0, with 4 CPU(s).
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77
. "$(dirname "$0")/tour.sh"
tour 4
