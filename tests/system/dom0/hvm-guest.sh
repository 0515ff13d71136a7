#!/bin/sh
# Runs in dom0: an HVM guest without a disk, until its firmware has the screen; twice, to see what stays behind.
s() { echo "=== $1"; shift; "$@" 2>&1; echo "status $?"; }

cat >hvm.cfg <<END
type = "hvm"
name = "hvm"
memory = 64
vcpus = 1
vnc = 0
serial = "null"
boot = "c"
END
has_screen() { xl dmesg | grep -q "d$1 Turning on vga text mode"; }

# up ID: waits until it is that far.
up() {
    left=120
    until has_screen "$1"; do
        [ $((left = left - 1)) -gt 0 ] || return 1
        sleep 1
    done
}

s create timeout 200 xl create hvm.cfg
up 1
s list xl list
s log sh -c 'xl dmesg | grep "d1 "'
s destroy timeout 60 xl destroy hvm
s list-destroyed xl list
sleep 2
before=$(xl info free_memory)
s create-2 timeout 200 xl create hvm.cfg
s destroy-2 timeout 60 xl destroy hvm
sleep 2
after=$(xl info free_memory)
echo "=== memory"
[ "$before" = "$after" ] && echo "the same" || echo "before $before, after $after"
echo "=== end"
exit 0
