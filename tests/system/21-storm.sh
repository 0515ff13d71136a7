#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every hypercall number with senseless arguments, from dom0: errors for dom0, nothing for anybody else.
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77
. "$(dirname "$0")/tour.sh"

gcc -O1 -static -o "$TEST_LOG/storm.bin" "$SOURCE_DIR/tests/system/dom0/storm.c" || exit 1
boot storm --kernel lz4 --add "$TEST_LOG/storm.bin:/root/storm" --batch "$SOURCE_DIR/tests/system/dom0/storm.sh"
check "dom0 gets through the storm" section_has storm '^storm: survived$'
check "every hole answers ENOSYS" section_has storm '^storm: 0 holes that were not ENOSYS$'
check "xl list still works" section_has list '^Domain-0'
check "dom0's kernel complains of nothing" tour_complaints kernel-log
