#!/bin/bash
# Runs in dom0: guests of sixteen vCPUs, of our own and of Debian's kernel, PVH and HVM.
. /root/guests.sh
. /root/guest-lib.sh

tests=smp_start,smp_ids,smp_ipi,smp_wake,smp_ping_pong,smp_nmi,smp_memory,smp_tsc,smp_restart,smp_events

# run NAME [hvc]: makes the guest of NAME.cfg and waits for its end; what it said, in a file (Xen's console has to be read for it) or in
# the log.
run() {
    xl dmesg -c >/dev/null
    : >"$1.console"
    s "$1-create" timeout 600 xl create -p "$1.cfg"
    [ -z "$2" ] || reader "$1"
    xl unpause "$1"
    s "$1-gone" await 1200 is_gone "$1"
    is_gone "$1" || { s "$1-keys" sh -c 'xl debug-keys q; xl vcpu-list' && xl destroy "$1"; }
    echo "=== $1-says"
    tr -d '\r' <"$1.console"
    xl dmesg
}

# linux NAME TYPE CONSOLE LINE...
linux() {
    name=$1
    {
        echo "type = \"$2\""
        echo "name = \"$1\""
        printf '%s\n' 'memory = 256' 'vcpus = 16' 'kernel = "/root/vmlinuz"' 'ramdisk = "/root/guest-initrd"' 'on_crash = "preserve"'
        echo "cmdline = \"console=$3 quiet log=Brought\""
        shift 3
        for line; do echo "$line"; done
    } >"$name.cfg"
}

before=$(free)
guest own 16 "log run=$tests"
run own
guest own-hvm 16 "log hvm run=$tests" 'type = "hvm"' 'vnc = 0' 'vga = "none"' 'serial = "null"'
run own-hvm
linux pvh pvh hvc0
run pvh hvc
linux pvhvm hvm ttyS0 'vnc = 0' 'serial = "file:/root/pvhvm.console"'
run pvhvm
memory_is "$before"
s dmesg xl dmesg
s dom0-log dmesg
echo "=== end"
exit 0
