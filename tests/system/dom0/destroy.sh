#!/bin/sh
# Runs in dom0: guests are destroyed while they are built, boot, run, wait for their device model, are saved. Nothing is left of any.
. /root/guests.sh

exists() { xl domid "$1" >/dev/null 2>&1; }
now_is() { echo "$(free) free, $(xl list | awk 'NR > 1' | wc -l) domains"; }

# gone NAME: destroyed; what is left then.
gone() {
    s "$1-destroyed" timeout 120 xl destroy "$2"
    s "$1-gone" await 60 is_gone "$2"
}

# A first one of each kind: what the tools and the kernel keep afterwards is not counted.
guest busy 2 run=load_hog 'type = "pvh"'
guest plain 1 'run=ports_every_one,ports_every_one,ports_every_one,ports_every_one' 'type = "hvm"' 'vnc = 0' 'vga = "none"' 'serial = "null"'
for name in busy plain; do
    s "$name-first" timeout 300 xl create "$name.cfg"
    gone "$name" "$name"
done
sleep 2
before=$(now_is)

# While it is built, or begins to run: xl goes on until it finds the domain gone.
for i in 1 2 3 4 5 6; do
    timeout 200 xl create -q busy.cfg >/dev/null 2>&1 &
    await 60 exists busy
    sleep 0.$i
    gone "early-$i" busy
    wait $!
    exists busy && gone "late-$i" busy
done
# While it runs on all CPUs.
s run-create xl create busy.cfg
sleep 3
gone run busy
# While it is paused.
s paused-create xl create -p busy.cfg
gone paused busy
# While it waits for QEMU, and while QEMU starts.
for i in 0 2 4; do
    timeout 300 xl create -q plain.cfg >/dev/null 2>&1 &
    await 120 exists plain
    sleep $i
    gone "io-$i" plain
    wait $!
    exists plain && gone "io-late-$i" plain
done
s io-create timeout 300 xl create plain.cfg
sleep 5
gone io plain
# Its device model first: killed like any process.
s killed-create timeout 300 xl create plain.cfg
s kill sh -c 'kill -9 $(pgrep -f "qemu-system.*-xen-domid $(xl domid plain)")'
gone killed plain
# While it is saved.
for i in 0 1 2; do
    s "save-create-$i" timeout 300 xl create plain.cfg
    sleep 2
    timeout 200 xl save plain saved >"save-$i.log" 2>&1 &
    sleep $i
    gone "save-$i" plain
    wait $!
    s "save-log-$i" tail -n 3 "save-$i.log"
    rm -f saved
done
# Coming and going.
guest small 2 run=load_hog 'type = "pvh"'
for i in $(seq "$CYCLES"); do
    xl create -q small.cfg && xl destroy small || echo "cycle $i failed"
done >cycles 2>&1
s cycles cat cycles
sleep 3
after=$(now_is)
s list xl list
s qemu pgrep -fa 'qemu-system.*-xen-domid [1-9]'
echo "=== memory"
[ "$before" = "$after" ] && echo "the same" || echo "before $before, after $after"
s dom0-log dmesg
s dmesg xl dmesg
echo "=== end"
exit 0
