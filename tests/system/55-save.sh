#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PVH guests of Debian's kernel are saved, restored, migrated to the same machine and dumped, with a disk and a network card; three at
# once reach each other.
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77
. "$SOURCE_DIR/tests/system/guest/build.sh"

guest_pvh_boot save save.sh --timeout 3600

# works WHAT SECTION
works() { check "$1" section_has "$2" '^status 0$'; }

check "the script's exit status comes back" [ "$BOOT_STATUS" -eq 0 ]
works "a guest with a disk and a card comes up" up
works "dom0 answers it" knock
works "xl save" save
works "xl restore" restore
works "it goes on" restored
works "with both vCPUs" restored-cpus
works "and Xen's clock" restored-clock
works "its card works" restored-knock
works "and its disk" restored-disk
works "xl save -c" checkpoint
works "and it goes on" checkpoint-on
works "its card still works" checkpoint-knock
works "xl migrate, live" migrate
works "it goes on" migrated
works "its card works" migrated-knock
works "two more guests: one" up-two
works "two more guests: the other" up-three
check "xl list shows all three" eval '[ "$(section list-three | grep -cE "^(one|two|three) ")" -eq 3 ]'
works "the second reaches the third" knock-two
works "the third reaches the first" knock-three
check "free memory is what it was" section_has memory '^the same$'
works "xl dump-core" core
check "the dump is an ELF file with its memory" eval 'section_has core-kind "^ELF" && [ "$(section core-size | head -n 1)" -gt $((128 << 20)) ]'
works "and the guest goes on" core-on
check "dom0's kernel complains of nothing" section_lacks dom0-log 'BUG:|WARNING: CPU|unhandled|segfault'
