#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Both of Debian's xenstore daemons start on Tenon and answer; xen-init-dom0 and xenconsoled find what they need.
. "$(dirname "$(realpath "$0")")/lib.sh"
rig_enter "$@"

watch_is_told() {
    local pid
    rm -f "$TEST_LOG/watch"
    tool timeout 60 xenstore-watch -n 2 /tenon/watched >"$TEST_LOG/watch" &
    pid=$!
    wait_for 'first event' test -s "$TEST_LOG/watch"   # fires once by itself
    tool xenstore-write /tenon/watched again
    wait $pid
    [ "$(grep -c '^/tenon/watched$' "$TEST_LOG/watch")" -eq 2 ]
}

many_keys() {
    local i
    for i in 1 2 3; do tool xenstore-write /tenon/many/$i "value $i" || return; done
    [ "$(tool xenstore-list /tenon/many | sort | tr '\n' ' ')" = '1 2 3 ' ] &&
        tool xenstore-rm /tenon/many && ! tool xenstore-exists /tenon/many
}

for store in xenstored oxenstored; do
    [ $store = xenstored ] && events=--fifo || events=
    check "$store: rigd starts" start_rigd --preempt $events
    check "$store starts and answers" start_store $store
    check "$store: is bound to dom0's port and to VIRQ_DOM_EXC" eval \
        'has "$(tool lsevtchn 0)" "Interdomain \(Connected\) - Remote Domain 0" && has "$(tool lsevtchn 0)" "Virtual IRQ 3"'
    check "$store: what is written can be read" eval \
        'tool xenstore-write /tenon/key "a value" && [ "$(tool xenstore-read /tenon/key)" = "a value" ]'
    check "$store: lists and removes" many_keys
    check "$store: a key that is not there is an error" eval '! tool xenstore-read /tenon/none'
    check "$store: a watch fires" watch_is_told
    check "$store: xen-init-dom0 ends well" tool xen-init-dom0
    for key in /local/domain/0/name=Domain-0 /local/domain/0/domid=0 /local/pool/0/name=Pool-0; do
        check "$store: ${key%=*} is ${key#*=}" eval '[ "$(tool xenstore-read ${key%=*})" = "${key#*=}" ]'
    done
    check "$store: xenstore-ls shows the tree" eval 'has "$(tool xenstore-ls)" "^   name = .Domain-0.$"'
    tool xenconsoled --pid-file=/run/xen/xenconsoled.pid --log=hv >>"$TEST_LOG/xenconsoled" 2>&1
    check "$store: xenconsoled starts" wait_for xenconsoled test -s /run/xen/xenconsoled.pid
    check "$store: xenconsoled keeps the hypervisor's log" wait_for 'hypervisor.log' \
        grep -q "Tenon's hypercall layer" /var/log/xen/console/hypervisor.log
    sleep 1
    check "$store: xenconsoled stays" kill -0 "$(cat /run/xen/xenconsoled.pid)"
    check "$store: is still there" tool xenstore-read /local/domain/0/name
    kill "$(cat /run/xen/xenconsoled.pid)" "$(cat /run/xen/xenstored.pid)"
    check "$store: dom0's ports are closed when the daemons are gone" wait_for 'closed ports' eval \
        '[ "$(rig_report tool_ports)" -eq 0 ]'
    check "$store: no page of another domain stays mapped" eval '[ "$(rig_report scratch)" -eq 0 ]'
    check "$store: rigd ends without a finding" stop_rigd
    rm -rf /run/xen/* /run/xenstored/* $RIG_RUN /var/lib/xenstored/*
done
