#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# With --full: PVH guests whose cards Debian's scripts connect by routing and by NAT, and one whose card and disk have two queues.
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77
. "$SOURCE_DIR/tests/system/guest/build.sh"

image_make "$TEST_LOG/image.log"
guest_work_initrd "$TEST_LOG/guest-initrd" xen-blkfront xen-netfront || exit
boot networks --kernel lz4 --timeout 3600 --cmdline "dom0_mem=640M,max:640M guest_loglvl=all" \
    --add "$IMAGE_DIR/vmlinuz" --add "$TEST_LOG/guest-initrd" --add "$SOURCE_DIR/tests/system/dom0/guests.sh" \
    --add "$SOURCE_DIR/tests/system/dom0/guest-lib.sh" --batch "$SOURCE_DIR/tests/system/dom0/networks.sh"

field() { section "$1" | sed -n "s/^\(guest: \)\?$2 //p"; }
works() { check "$1" section_has "$2" '^status 0$'; }
comes_back() { [ -n "$(field "$1" went)" ] && [ "$(field "$1" went)" = "$(field "$1" came)" ]; }

check "the script's exit status comes back" [ "$BOOT_STATUS" -eq 0 ]
for n in routed nat queues; do
    works "$n: xl create makes it" "$n-create"
    works "$n: its card is up" "$n-up"
    check "$n: what is sent to it comes back" comes_back "$n-net"
    works "$n: it has powered itself off" "$n-gone"
done
check "routed: dom0's end has the bridge's address alone" section_has routed-address 'inet 192\.168\.77\.1/32'
check "routed: the way there is that card" section_has routed-route '192\.168\.77\.2 dev vif[0-9]+\.0 src 192\.168\.77\.1 '
check "nat: dom0's end has the router's address" section_has nat-address 'inet 192\.168\.77\.129'
check "nat: the way there is that card" section_has nat-route '192\.168\.77\.2 dev vif[0-9]+\.0 src 192\.168\.77\.129 '
check "queues: the card has two" section_has queues-negotiated 'vif/0/multi-queue-num-queues = "2"'
check "queues: and dom0's end" section_has queues-queues '^rx-1'
check "queues: the disk has two" section_has queues-negotiated 'vbd/51712/multi-queue-num-queues = "2"'
check "queues: each has its interrupt" eval '[ "$(section queues-interrupts | grep -cE "vif.*-q[01]-rx")" -eq 2 ]'
check "queues: the disk reads right" section_has queues-console "guest: disk read $(field image read)\$"
check "queues: what it wrote is in the image" section_has queues-console "guest: disk written $(field disk written)\$"
check "the routes are gone with the guests" section_lacks routes 'vif'
check "free memory is what it was" section_has memory '^the same$'
check "dom0's kernel complains of nothing" section_lacks dom0-log '\] (BUG|WARNING):|unhandled|segfault'
