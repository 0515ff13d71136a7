#!/bin/sh
# Runs in dom0: PVH guests of Debian's kernel and an initramfs of our own, made and ended in several ways.
s() { echo "=== $1"; shift; "$@" 2>&1; echo "status $?"; }
free() { xl info free_memory; }

# config ACTION VCPUS
config() {
    cat >guest.cfg <<END
type = "pvh"
name = "pvh"
kernel = "/root/vmlinuz-lz4"
ramdisk = "/root/guest-initrd"
cmdline = "console=hvc0 earlyprintk=xen act=$1"
memory = 160
vcpus = $2
on_crash = "preserve"
END
}

# begin FILE: makes the guest, its console in FILE.
begin() {
    xl create -p guest.cfg || return
    tty=$(xenstore-read "/local/domain/$(xl domid pvh)/console/tty") || return
    cat "$tty" >"$1" &
    xl unpause pvh
}

# await SECONDS COMMAND...
await() {
    left=$1
    shift
    until "$@"; do
        [ $((left = left - 1)) -gt 0 ] || return 1
        if [ $((left % 10)) = 0 ]; then echo "waiting: $(xl list pvh 2>&1 | tail -n 1)"; fi
        sleep 1
    done
}
is_gone() { ! xl list 2>/dev/null | grep -q '^pvh '; }
says() { tr -d '\r' <"$1" | grep -q "$2"; }
crashed() { xl list pvh | grep -q -- '---s\?c'; }

uname -r
config off 1
s create begin console-1
s list xl list
await 300 is_gone
s list-after is_gone
s console tr -d '\r' <console-1
s dmesg xl dmesg
before=$(free)

config stay 2
s create-2 begin console-2
await 300 says console-2 'guest: done'
s vcpu-list xl vcpu-list pvh
s pause xl pause pvh
s list-paused xl list
s unpause xl unpause pvh
s destroy xl destroy pvh
s list-destroyed xl list
s console-2 tail -n 60 console-2

config crash 1
s create-3 begin console-3
await 300 crashed
s crashed xl list
s destroy-crashed xl destroy pvh
s console-3 tail -n 20 console-3

sleep 2
after=$(free)
echo "=== memory"
[ "$before" = "$after" ] && echo "the same" || echo "before $before, after $after"
s dom0-log dmesg
s dmesg-end xl dmesg
s keys sh -c 'xl debug-keys q; xl debug-keys x; xl dmesg'
echo "=== end"
exit 0
