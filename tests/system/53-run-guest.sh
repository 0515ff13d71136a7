#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# ./run --guest: a Debian system from its own disk, in each of the three kinds, and a script in it.
# GUEST_MODES in the environment: some of them.
. "$(dirname "$0")/lib.sh"
[ -n "${TEST_FULL:-}" ] || exit 77

cat >"$TEST_LOG/script" <<'END'
#!/bin/sh
echo "=== kernel"; uname -sr; cat /etc/debian_version
echo "=== root"; findmnt -n -o SOURCE /
echo "=== modules"; lsmod
echo "=== log"; dmesg --color=never
echo "=== end"
exit 7
END

for mode in ${GUEST_MODES:-pvhvm hvm pvh}; do
    boot "$mode" --kernel lz4 --guest --mode "$mode" --batch "$TEST_LOG/script"
    check "$mode: the status of the guest's script comes back" [ "$BOOT_STATUS" -eq 7 ]
    check "$mode: it is Debian 12" section_has kernel '^12\.'
    case $mode in
    hvm) check "$mode: its root is on an AHCI disk" section_has root '^/dev/sda1' ;;
    *)
        check "$mode: its root is on Xen's disk" section_has root '^/dev/xvda1'
        check "$mode: by blkfront" section_has modules '^xen_blkfront'
        check "$mode: its events come through FIFO channels" section_has log 'xen:events: Using FIFO-based ABI'
        ;;
    esac
done
