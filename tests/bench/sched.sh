#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# In dom0, 4 CPUs: figures of the scheduler, the same for Tenon and for Debian's Xen (tests/bench/sched runs both).
. /root/guests.sh
. /root/loads.sh
[ ! -f /root/what.env ] || . /root/what.env

shares() {
    echo '=== shares'
    for w in 256 512 1024; do load "w$w" "load_hog report=500" 4 "cpu_weight = $w"; done
    sleep 2
    speeds "$1" w256 w512 w1024
    for w in 256 512 1024; do tr -d '\r' <"w$w.console" | sed -n "s/^load: .* at/at w$w/p"; done
    for w in 256 512 1024; do xl destroy "w$w"; done
}

caps() {
    echo '=== caps'
    for c in 25 50 150; do load "c$c" "load_hog report=500" 2 "cap = $c"; done
    sleep 2
    speeds "$1" c25 c50 c150
    for c in 25 50 150; do xl destroy "c$c"; done
}

# latency NAME SECONDS VCPUS [LINE...]: a guest that wakes each millisecond, beside whatever is there.
latency() {
    echo "=== latency-$1"
    load waker "load_wake seconds=$2 report=1000" "$3" "${@:4}"
    await 600 is_gone waker
    tr -d '\r' <waker.console | grep '^load: delay'
}

wakers() {
    latency idle "$1" 1
    load hogs 'load_hog report=1000' 8
    sleep 1
    latency beside-hogs "$1" 1
    latency beside-hogs-pinned "$1" 1 'cpus = "2"'
    latency four-beside-hogs "$1" 4
    xl destroy hogs
    load hogs 'load_hog report=1000' 2 'cpus = "2"'
    sleep 1
    latency two-hogs-one-cpu "$1" 1 'cpus = "2"'
    xl destroy hogs
}

# A guest on CPU 2 that lives on the answers of one on CPU 3, alone and beside a hog. The first guest is there to tell
# which number the next ones will have.
talk() {
    load first 'load_hog' 1
    first=$(xl domid first)
    xl destroy first
    load serve "load_serve remote=$((first + 2)) report=500" 1 'cpus = "3"'
    await 60 grep -q '^load: port' serve.console
    port=$(tr -d '\r' <serve.console | awk '/^load: port/ {print $3}')
    load fetch "load_fetch remote=$((first + 1)) port=$port report=500" 1 'cpus = "2"'
    echo '=== talk-alone'
    speeds "$1" fetch
    load hog 'load_hog report=500' 1 'cpus = "2"'
    echo '=== talk-beside-hog'
    sleep 1
    speeds "$1" fetch hog
    for name in serve fetch hog; do xl destroy $name; done
}

cost() {
    echo '=== cost'
    load cost load_cost 2 'cpus = "2"'
    await 600 is_gone cost
    tr -d '\r' <cost.console | grep '^load: '
}

# Milliseconds of twenty times xl list, one after the other.
listing() {
    echo "=== list-$1"
    for ((i = 0; i < 20; i++)); do
        begin=${EPOCHREALTIME/./}
        xl list >/dev/null
        end=${EPOCHREALTIME/./}
        echo "list $((end - begin))"
    done
}

lists() {
    listing idle
    load hogs 'load_hog report=1000' 8
    load more 'load_hog report=1000' 4
    sleep 1
    listing loaded
    xl destroy hogs
    xl destroy more
}

# Twice as many busy vCPUs as CPUs: short work and short sleep, as processes of a build have.
overcommit() {
    echo '=== jobs'
    load one 'load_jobs report=500 work=500 sleep=300' 4
    load two 'load_jobs report=500 work=500 sleep=300' 4 'cpu_weight = 512'
    sleep 1
    speeds "$1" one two
    xl destroy one
    xl destroy two
}

# Four shells of dom0 that fork and exec, alone and beside a guest with as many busy vCPUs as there are CPUs.
forks() {
    echo "=== forks-$1"
    makers=
    for ((j = 0; j < 4; j++)); do
        (
            begin=${EPOCHREALTIME/./}
            for ((i = 0; i < 50; i++)); do /bin/true; done
            end=${EPOCHREALTIME/./}
            echo "forks $((end - begin))"
        ) &
        makers="$makers $!"
    done
    # shellcheck disable=SC2086
    wait $makers
}

building() {
    forks alone
    load hog 'load_hog report=1000' 4
    sleep 1
    forks beside-hog
    xl destroy hog
}

# A guest whose vCPUs do nothing but yield, wake each other and sleep, beside one that computes: what the latter has.
storms() {
    load hog 'load_hog report=500' 4
    load storm 'load_storm report=500' 4
    sleep 1
    echo '=== storm'
    speeds "$1" hog storm
    xl destroy hog
    xl destroy storm
}

s info xl info
for what in ${WHAT:-shares:16 caps:8 wakers:8 talk:6 cost lists overcommit:10 storms:6 building}; do
    ${what%%:*} ${what#*:}
done
echo '=== dmesg'
xl dmesg | tail -15
