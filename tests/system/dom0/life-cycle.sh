#!/bin/sh
# Runs in dom0: what a toolstack can do to a guest, with stock xl, on PVH guests of Debian's kernel.
. /root/guests.sh

add_modules

config life stay 2
s begin begin life
s up await 120 says life 'guest: done'
s console tr -d '\r' <life.console
s list xl list
s list-l xl list -l life
s vcpu-list xl vcpu-list life
s domid sh -c 'xl domname $(xl domid life)'
s uptime xl uptime life
s top xentop -b -i 1
s dry-run xl -N create life.cfg
s pause sh -c 'xl pause life && xl list life'
s unpause sh -c 'xl unpause life && xl list life'
s console-answers shows life /proc/version Linux
s vcpu-set-1 sh -c 'xl vcpu-set life 1'
s online-1 await_shows life /sys/devices/system/cpu/online '^0$'
s vcpu-list-1 xl vcpu-list life
s vcpu-set-2 xl vcpu-set --ignore-host life 2
s plugged-2 writes life /sys/devices/system/cpu/cpu1/online 1   # udev's part
s online-2 await_shows life /sys/devices/system/cpu/online '^0-1$'
s mem-max xl mem-max life 200
s meminfo-before shows life /proc/meminfo MemTotal
s mem-set xl mem-set life 128
is_small() { [ "$(xl list life | awk 'NR == 2 {print $3}')" -le 129 ]; }
s ballooned await 60 is_small
s meminfo shows life /proc/meminfo MemTotal
s mem-set-up xl mem-set life 160
is_large() { [ "$(xl list life | awk 'NR == 2 {print $3}')" -ge 159 ]; }
s grown await 60 is_large
s rename sh -c 'xl rename life other && xl list other && xl rename other life'
s nmi xl trigger life nmi 0
s nmi-seen await 30 says life NMI
s sysrq xl sysrq life s
s sysrq-seen await 30 says life 'Emergency Sync'

modprobe -a loop xen-blkback xen-netback bridge
dd if=/dev/zero of=disk.img bs=1M count=8 2>/dev/null
echo 'these are the first bytes' | dd of=disk.img conv=notrunc 2>/dev/null
loop=$(losetup -f --show disk.img)
s block-attach xl block-attach life "phy:$loop" xvda w
s block-list xl block-list life
s block-size await_shows life /sys/block/xvda/size '^16384$'
s block-read shows life /dev/xvda 'first bytes'
s block-detach xl block-detach life xvda
s block-list-after xl block-list life
ip link add xenbr0 type bridge && ip link set xenbr0 up
s network-attach xl network-attach life mac=00:16:3e:00:00:01,bridge=xenbr0
s network-list xl network-list life
s network-address await_shows life /sys/class/net/eth0/address '^00:16:3e:00:00:01$'
s network-detach xl network-detach life 0
s network-list-after xl network-list life
s life-console tail -n 20 life.console
s shutdown xl shutdown life
s shut-down await 60 is_gone life
s shutdown-console tail -n 30 life.console
xl destroy life 2>/dev/null
losetup -d "$loop"

config again stay 1 'on_reboot = "restart"'
s again-begin sh -c 'xl create again.cfg'   # not paused: nor will be its successor
s again-reader reader again
s again-up await 120 shows again /proc/version Linux
first=$(xl domid again)
s reboot xl reboot again
has_another_id() { id=$(xl domid again 2>/dev/null) && [ -n "$id" ] && [ "$id" != "$first" ]; }
s rebooted await 120 has_another_id
: >again.console
s again-reader-2 reader again
s again-runs await_shows again /proc/version Linux
s again-destroy xl destroy again

config crash crash 1 'on_crash = "destroy"'
s crash-begin begin crash
s crash-gone await 120 is_gone crash
config off off 1 'on_poweroff = "preserve"'
s off-begin begin off
is_shut_down() { xl list off | grep -q -- '---s--'; }
s off-preserved await 120 is_shut_down
s off-destroy xl destroy off
before=$(free)

# Guests that never run, and one whose building is cut short.
config small stay 2
for i in $(seq "${CYCLES:-20}"); do
    xl create -pq small.cfg && xl destroy small || echo "cycle $i failed"
done >cycles 2>&1
s cycles cat cycles
for i in 1 2 3 4; do
    timeout -s KILL 0.$((i * 2)) xl create -pq small.cfg
    for id in $(xl list | awk 'NR > 2 {print $(NF - 4)}'); do xl destroy "$id"; done
done >cut 2>&1
s cut cat cut
s list-end xl list
sleep 2
after=$(free)
echo "=== memory"
[ "$before" = "$after" ] && echo "the same" || echo "before $before, after $after"
s dom0-log dmesg
s dmesg-end xl dmesg
echo "=== end"
exit 0
