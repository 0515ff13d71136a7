#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What a toolstack can do to a guest: PVH guests of Debian's kernel under stock xl, in one boot.
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77
. "$SOURCE_DIR/tests/system/guest/build.sh"

guest_pvh_boot life life-cycle.sh

# works WHAT SECTION
works() { check "$1" section_has "$2" '^status 0$'; }

check "the script's exit status comes back" [ "$BOOT_STATUS" -eq 0 ]
works "a guest comes up" up
works "xl list -l" list-l
check "xl list -l shows its configuration" section_has list-l '"type": "pvh"'
check "xl vcpu-list shows two vCPUs" eval '[ "$(section vcpu-list | grep -c "^life ")" -eq 2 ]'
check "xl domid, domname" section_has domid '^life$'
check "xl uptime" section_has uptime '^life '
check "xl top" section_has top ' life '
check "xl -N create shows the configuration" section_has dry-run '"name": "life"'
check "xl pause" section_has pause '^life .* ..p---'
check "xl unpause" section_lacks unpause '^life .* ..p'
works "its console takes what is typed" console-answers
works "xl vcpu-set takes a vCPU away" online-1
check "xl vcpu-list shows it gone" section_has vcpu-list-1 '^life +[0-9]+ +1 +- +--p'
works "xl vcpu-set brings it back" online-2
works "xl mem-max" mem-max
works "xl mem-set makes it smaller" ballooned
works "and larger" grown
works "xl rename" rename
works "xl trigger nmi reaches its kernel" nmi-seen
works "xl sysrq reaches its kernel" sysrq-seen
works "xl block-attach" block-attach
check "xl block-list" section_has block-list '^51712 '
works "its kernel has the disk" block-size
works "and reads it" block-read
works "xl block-detach" block-detach
check "the disk is gone" section_lacks block-list-after '^51712 '
works "xl network-attach" network-attach
check "xl network-list" section_has network-list '00:16:3e:00:00:01'
works "its kernel has the card" network-address
works "xl network-detach" network-detach
check "the card is gone" section_lacks network-list-after '00:16:3e:00:00:01'
works "xl shutdown" shut-down
works "xl reboot makes it anew" rebooted
works "and it comes up again" again-runs
works "on_crash=destroy" crash-gone
works "on_poweroff=preserve" off-preserved
check "twenty guests come and go" section_lacks cycles 'failed|error'
check "nothing is left of those whose building was cut short" eval '[ "$(section list-end | grep -c "^[a-z(]")" -le 3 ]'
check "free memory is what it was" section_has memory '^the same$'
check "dom0's kernel complains of nothing" section_lacks dom0-log 'BUG:|WARNING: CPU|unhandled|segfault'
