#!/bin/sh
# Runs in dom0 (./run --batch): shows what a user would look at. The host judges.
: "${MEGABYTES:=100}" # on the disk
s() { echo "=== $1"; shift; "$@" 2>&1; echo "status $?"; }

s uname uname -a
s info xl info
s list xl list
s vcpu-list xl vcpu-list
s dmesg dmesg
s lsblk lsblk
s cpus nproc
s xenstore xenstore-ls -f /local/domain/0
s interrupts cat /proc/interrupts

disk() {
    head -c 1M /dev/urandom >/tmp/block
    for i in $(seq "$MEGABYTES"); do cat /tmp/block; done >/root/original
    sum=$(md5sum </root/original)
    cp /root/original /root/copy
    sync
    echo 3 >/proc/sys/vm/drop_caches
    [ "$(md5sum </root/copy)" = "$sum" ] && echo "$MEGABYTES MB copied and read back from the disk"
    rm /root/original /root/copy
}
s disk disk

compile() {
    cat >/tmp/hello.c <<'END'
#include <stdio.h>
int main(void) { int s = 0; for (int i = 0; i < 1000; i++) s += i; printf("sum %d\n", s); return 7; }
END
    tcc -o /tmp/hello /tmp/hello.c && /tmp/hello
}
s tcc compile
s dmesg-after dmesg
echo "=== end"
