#!/bin/sh
# Runs in dom0: guests.elf as guest measures what its operations cost it. Its lines are in the hypervisor's log.

created=0                                # domains so far: ids are given in order

# config NAME TYPE VCPUS RUN [LINE...]: NAME.cfg
config() {
    config_name=$1
    {
        echo "type = \"$2\""
        echo "name = \"$1\""
        if [ "$2" = hvm ]; then
            echo 'kernel = "/root/guests.bzimage"'
            printf 'xen_platform_pci = 0\nvnc = 0\nvga = "stdvga"\nserial = "null"\n'
        else
            echo 'kernel = "/root/guests.elf"'
        fi
        echo "cmdline = \"guest-test log $4\""
        echo 'memory = 64'
        echo "vcpus = $3"
        echo 'tsc_mode = "native"'
        shift 4
        for line; do echo "$line"; done
    } >"$config_name.cfg"
}

is_gone() { ! xl list "$1" >/dev/null 2>&1; }

# await SECONDS COMMAND...; an xl is a hundred million instructions, time that nobody uses is free.
await() {
    left=$(($1 / 5))
    shift
    until "$@"; do
        [ $((left = left - 1)) -gt 0 ] || return 1
        sleep 5
    done
}

# ended NAME: waits for its end; what it said.
ended() {
    sleep 2
    await 300 is_gone "$1"
    echo "status $?"
    xl dmesg -c | grep -a 'guest: ' | tee said.txt
    is_gone "$1" || xl destroy "$1"
}

# measure NAME: runs the guest of NAME.cfg.
measure() {
    echo "=== $1"
    created=$((created + 1))
    xl create -q "$1.cfg" || echo 'not created'
    ended "$1"
}

# says TEXT: is it in the hypervisor's log?
says() { xl dmesg | grep -aq "$1"; }

# Two guests that know each other's id and the server's port.
measure_pair() {
    server=$((created + 1))
    client=$((created + 2))
    config server pvh 1 "run=bench_server peer=$client"
    echo "=== server"
    xl create -q server.cfg && await 60 says "guest: serves domain $client"
    echo "status $?"
    port=$(xl dmesg | sed -n "s/.*guest: serves domain $client at port //p" | tr -d '\r')
    config client pvh 1 "run=bench_client peer=$server port=$port"
    created=$server
    measure client
    await 60 is_gone server || xl destroy server
}

# figure NAME VALUE: one that dom0 itself has found.
figure() { echo "guest: bench $1 $2 $2 $2 1"; }

# From the call of xl to the guest's first instructions, in nanoseconds; what lies between the two calls is left out. Xen
# tells a guest the date once dom0's clock is set.
measure_create() {
    config "create-$1" "$1" 1 run=bench_date
    created=$((created + 1))
    echo "=== create-$1"
    begin=$(date +%s%N)
    xl create -q -p "create-$1.cfg"
    paused=$(($(date +%s%N) - begin))
    date -s "@$(date +%s.%N)" >/dev/null
    begin=$(date +%s%N)
    xl unpause "create-$1"
    ended "create-$1"
    at=$(sed -n 's/.*guest: began at //p' said.txt | tr -d '\r')
    [ -z "$at" ] || figure "xl-create-$1" $((paused + at - begin))
}

# What a paused guest takes of the machine's memory beside its own 64 MiB, in KiB, by four of them.
measure_memory() {
    free=$(xl info free_memory)
    for guest in 1 2 3 4; do
        config "idle$guest" pvh 1 ''
        created=$((created + 1))
        xl create -q -p "idle$guest.cfg" >/dev/null
    done
    echo "=== idle"
    figure idle-memory-kib $(((free - $(xl info free_memory) - 256) * 256))
    for guest in 1 2 3 4; do xl destroy "idle$guest"; done
}

xl dmesg -c >/dev/null
config pvh pvh 1 run=bench_cpu,bench_apic,bench_timer,bench_memory
measure pvh
config smp pvh 2 run=bench_ipi
measure smp
measure_pair
measure_create pvh
measure_memory
if [ ! -f /root/pvh-only ]; then
    config hvm hvm 1 'hvm run=bench_platform'
    measure hvm
    measure_create hvm
fi
echo "=== end"
exit 0
