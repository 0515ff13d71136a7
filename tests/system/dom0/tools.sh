#!/bin/sh
# Runs in dom0: every xl command that only looks, with the C xenstored.
s() { echo "=== $1"; shift; "$@" 2>&1; echo "status $?"; }

s daemons ps -eo args
s info-n xl info -n
s list-l xl list -l
s dmesg xl dmesg
s uptime xl uptime
s debug-keys xl debug-keys q
s dmesg-keys xl dmesg
s sched-credit2 xl sched-credit2
s cpupool-list xl cpupool-list
s cpupool-list-c xl cpupool-list -c
s top xentop -b -i 1
s vcpu-pin xl vcpu-pin 0 0 all
s mem-max xl mem-max 0 4096
s xenstore sh -c 'xenstore-write /test/a b && xenstore-read /test/a && xenstore-rm /test'
s console-log sh -c 'ps -eo args | grep "[x]enconsoled"'
s kernel-log dmesg
echo "=== end"
exit 42
