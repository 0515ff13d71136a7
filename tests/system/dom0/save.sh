#!/bin/sh
# Runs in dom0: guests are saved, restored, migrated and dumped while they have a disk and a network card; three at once.
. /root/guests.sh

add_modules
modprobe -a loop xen-blkback xen-netback bridge
echo 'these are the first bytes' >disk.img && truncate -s 8M disk.img
loop=$(losetup -f --show disk.img)
ip link add xenbr0 type bridge && ip link set xenbr0 up && ip address add 10.0.0.1/24 dev xenbr0
vif() { echo "vif = [ \"mac=00:16:3e:00:00:0$1,bridge=xenbr0\" ]"; }
before=$(free)

config one stay 2 'memory = 128' "disk = [ \"phy:$loop,xvda,r\" ]" "$(vif 1)"
s begin begin one
s up await 120 says one 'guest: done'
s address answers one 'address 10.0.0.2' 'eth0 is up'
s knock answers one 'knock 10.0.0.1' answered

s save xl save one saved
s gone is_gone one
s save-size stat -c %s saved
s restore xl restore saved
rm saved
: >one.console
s restored-reader reader one
s restored shows one /proc/version Linux
s restored-cpus shows one /sys/devices/system/cpu/online '^0-1$'
s restored-clock shows one /sys/devices/system/clocksource/clocksource0/current_clocksource '^xen$'
s restored-knock answers one 'knock 10.0.0.1' answered
s restored-disk shows one /dev/xvda 'first bytes'
s restored-list xl list
s restored-console tail -n 40 one.console

s checkpoint xl save -c one saved
rm saved
s checkpoint-on shows one /proc/version Linux
s checkpoint-knock answers one 'knock 10.0.0.1' answered

printf '#!/bin/sh\nshift\nexec sh -c "$*"\n' >here && chmod +x here
s migrate xl migrate -s ./here one localhost
: >one.console
s migrated-reader reader one
s migrated shows one /proc/version Linux
s migrated-knock answers one 'knock 10.0.0.1' answered

config two stay 1 'memory = 128' "$(vif 2)"
config three stay 2 'memory = 128' "$(vif 3)"
s begin-two begin two
s begin-three begin three
s up-two await 120 says two 'guest: done'
s up-three await 120 says three 'guest: done'
s list-three xl list
s address-two answers two 'address 10.0.0.3' 'eth0 is up'
s address-three answers three 'address 10.0.0.4' 'eth0 is up'
s knock-two answers two 'knock 10.0.0.4' answered
s knock-three answers three 'knock 10.0.0.2' answered
s vcpu-list xl vcpu-list
s destroy-two xl destroy two
s destroy-three xl destroy three
s destroy-one xl destroy one
sleep 2
after=$(free)
echo "=== memory"
[ "$before" = "$after" ] && echo "the same" || echo "before $before, after $after"

# xl asks for each of a million pages on its own.
config core stay 1 'memory = 128'
s core-begin begin core
s core-up await 120 says core 'guest: done'
s core timeout 600 xl dump-core core core.elf
s core-size stat -c %s core.elf
s core-kind sh -c 'head -c 4 core.elf | tail -c 3'
s core-on shows core /proc/version Linux
s core-destroy xl destroy core
s dom0-log dmesg
s dmesg-end xl dmesg
echo "=== end"
exit 0
