#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# In dom0: which scheduler this boot has, what its debug key says, and that dom0 works under it.
part() { echo "=== $1"; }
part info
xl info | grep -E '^(xen_scheduler|nr_cpus|xen_commandline)'
xl cpupool-list
part parameters
xl sched-credit2
part vcpus
xl vcpu-list
part key
xl dmesg -c >/dev/null
xl debug-keys r
xl dmesg
part load
for i in 1 2 3 4; do (for ((n = 0; n < 20000; n++)); do :; done) & done
wait
echo "status $?"
part pin
xl vcpu-pin 0 0 0 && xl vcpu-list && xl vcpu-pin 0 0 all
echo "status $?"
part pool
last=$(($(nproc) - 1))
xl vcpu-set 0 1
for ((i = 0; i < 50; i++)); do [ "$(cat /sys/devices/system/cpu/online)" != 0 ] || break; sleep 0.1; done
xl cpupool-cpu-remove Pool-0 $last && xl cpupool-create 'name="other"' 'sched="null"' "cpus=[\"$last\"]" >/dev/null
xl cpupool-list -c
xl cpupool-destroy other && xl cpupool-cpu-add Pool-0 $last && xl vcpu-set 0 $((last + 1))
echo "status $?"
xl list
