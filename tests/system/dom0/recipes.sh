#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# In dom0, 4 CPUs: what an admin does with the scheduler, by stock xl, and how fast guests are before and after.
. /root/guests.sh
. /root/loads.sh

s free-before free
s begin load guest 'load_hog report=400' 4
s before-weight xl sched-credit2

echo '=== dom0-alone'
dom0_busy 4
sleep 1
speeds 5 guest
s weight xl sched-credit2 -d Domain-0 -w 512
s after-weight xl sched-credit2
echo '=== dom0-512'
sleep 1
speeds 5 guest
s weight-back xl sched-credit2 -d Domain-0 -w 256

# dom0 on CPU 0 alone, the guest on the others: what dom0 does is nothing to it.
s pin-dom0 xl vcpu-pin Domain-0 all 0
s pin-guest xl vcpu-pin guest all 1-3
sleep 1
s placed xl vcpu-list
echo '=== pinned-busy'
speeds 5 guest
dom0_idle
echo '=== pinned-idle'
speeds 5 guest
s unload unload guest

# Beside the configuration's own keys: on CPU 2 by preference.
s keys load keys 'load_hog report=400' 2 'maxvcpus = 3' 'cpus = "1-3"' 'cpus_soft = "2"' 'cpu_weight = 300' 'cap = 150'
s keys-parameters xl sched-credit2 -d keys
s keys-vcpus xl vcpu-list keys
echo '=== keys-speed'
speeds 5 keys
s keys-unload unload keys

# A guest with a cap beside one without.
s capped load capped 'load_hog report=400' 2
s free-one load open 'load_hog report=400' 2
s cap xl sched-credit2 -d capped -c 50
sleep 1
echo '=== capped-speed'
speeds 5 capped open
s uncap xl sched-credit2 -d capped -c 0
sleep 1
echo '=== uncapped-speed'
speeds 5 capped open

# A second pool of two CPUs with the null scheduler; a guest goes there and back.
cat >/root/pool.cfg <<'END'
name = "other"
sched = "null"
cpus = ["2", "3"]
END
s pool-remove xl cpupool-cpu-remove Pool-0 2-3
s pool-create xl cpupool-create /root/pool.cfg
s pools xl cpupool-list
s pool-cpus xl cpupool-list -c
sleep 1
echo '=== pool-before'
speeds 5 capped open
s migrate xl cpupool-migrate capped other
s migrated xl cpupool-list
s migrated-vcpus xl vcpu-list
sleep 1
echo '=== pool-apart'
speeds 5 capped open
s key xl debug-keys r
s log xl dmesg
s back xl cpupool-migrate capped Pool-0
sleep 1
echo '=== pool-after'
speeds 5 capped open
s pooled unload capped
s in-pool load pooled 'load_hog report=400' 2 'pool = "other"'
s in-pool-list xl cpupool-list
echo '=== in-pool-speed'
speeds 5 pooled open
s unload unload pooled open
s pool-destroy xl cpupool-destroy other
s pool-add xl cpupool-cpu-add Pool-0 2-3
s pools-after xl cpupool-list -c
s list xl list
sleep 2
s free-after free
