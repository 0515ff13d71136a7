#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# xl builds PVH guests on Tenon, shows and changes them, and takes them away without a trace. They do not run.
. "$(dirname "$(realpath "$0")")/lib.sh"
if [ -z "${RIG_INSIDE:-}" ]; then
    # Debian's kernel, if it can be had.
    KERNELS=${XDG_CACHE_HOME:-$HOME/.cache}/tenon/kernel
    "$SOURCE_DIR/tests/unit/dom0/fetch-kernel" >&2
    RIG_VMLINUZ=$(find "$KERNELS" -name vmlinuz 2>/dev/null | sort | tail -n 1)
    export RIG_VMLINUZ
fi
rig_enter "$@"

moves_pools() {
    tool xl cpupool-cpu-remove Pool-0 3 &&
        tool xl cpupool-create 'name="other"' 'sched="null"' 'cpus=["3"]' || return
    tool xl cpupool-migrate guest other && has "$(row other xl cpupool-list)" ' null +y +1$' || return
    ! tool xl cpupool-destroy other || return
    tool xl cpupool-migrate guest Pool-0 && has "$(row other xl cpupool-list)" ' null +y +0$' || return
    tool xl cpupool-destroy other && tool xl cpupool-cpu-add Pool-0 3
}

row() { tool "${@:2}" | grep -E "^$1 "; }
in_store() { [ "$(tool xenstore-read "$1")" = "$2" ]; }

# create_and_look STORE NAME KERNEL MIB
create_and_look() {
    local name="$1, $2" mib=$4 before id home
    guest_config /run/guest.cfg guest "$3" $mib 2
    # Once for what dom0's page tables and the heap keep.
    { tool timeout 120 xl create -p /run/guest.cfg && tool xl destroy guest; } >>"$TEST_LOG/log" 2>&1
    before=$(rig_settled)
    check "$name: xl create -p" tool timeout 120 xl create -p /run/guest.cfg
    id=$(tool xl domid guest)
    home=/local/domain/$id
    check "$name: xl list shows it paused" has "$(row guest xl list)" " $id +$mib +1 +--p--- +0\.0$"
    check "$name: xl vcpu-list: the first vCPU is up, the second down" eval \
        'has "$(row guest xl vcpu-list)" " 0 +[0-9] +--[-p] +0\.0 +all / all$" && has "$(row guest xl vcpu-list)" " 1 +- +--p +0\.0 +all / all$"'
    check "$name: it has a store and a console" eval \
        'in_store $home/store/ring-ref 1044476 && in_store $home/console/ring-ref 1044479 && in_store $home/console/type xenconsoled'
    check "$name: xenconsoled serves it" eval '[ -c "$(tool xenstore-read $home/console/tty)" ]'
    check "$name: both daemons are connected to its ports" eval \
        '[ "$(tool lsevtchn $id | grep -c "Connected) - Remote Domain 0")" -eq 2 ]'
    check "$name: vCPU 0 stands at the kernel's entry in flat 32-bit mode" eval \
        'has "$(tool xen-hvmctx $id)" "cr0 0x0000000000000011 .*" && ! has "$(tool xen-hvmctx $id)" "rip 0x0000000000000000"'
    check "$name: xl unpause, pause" eval \
        'tool xl unpause guest && ! has "$(row guest xl list)" "--p" && tool xl pause guest && has "$(row guest xl list)" "--p"'
    check "$name: xl trigger nmi" tool xl trigger guest nmi 0
    check "$name: xl vcpu-pin all 1" eval \
        'tool xl vcpu-pin guest all 1 && [ "$(row guest xl vcpu-list | grep -c " 1 / all$")" -eq 2 ]'
    check "$name: xl sched-credit2 -w" eval \
        'tool xl sched-credit2 -d guest -w 300 && has "$(row guest xl sched-credit2)" " 300 +0$"'
    check "$name: xl mem-max, mem-set" eval \
        'tool xl mem-max guest $((mib + 8)) && tool xl mem-set guest $((mib - 8)) && in_store $home/memory/target $(((mib - 8) * 1024))'
    check "$name: xl rename" eval 'tool xl rename guest other && [ "$(tool xl domid other)" = $id ] && tool xl rename other guest'
    check "$name: xl sched-credit2 sets weight and cap" eval \
        'tool xl sched-credit2 -d guest -w 1024 -c 50 && has "$(row guest xl sched-credit2)" " 1024 +50$"'
    check "$name: a cap beyond its vCPUs is refused" eval '! tool xl sched-credit2 -d guest -c 12801'
    check "$name: moves to a pool with another scheduler and back" moves_pools
    check "$name: a second guest of that name is refused" eval '! tool xl create -p /run/guest.cfg'
    check "$name: xl destroy" tool timeout 60 xl destroy guest
    check "$name: it has gone from xl list" eval '! row guest xl list'
    check "$name: and from the store" eval 'wait_for "cleaned store" eval "! tool xenstore-exists $home"'
    check "$name: its memory, its ports and what dom0 had mapped are free again" is_settled "$before"
}

many_guests() {
    local i before
    before=$(rig_settled)
    for i in 1 2 3 4 5 6 7 8; do
        guest_config /run/g$i.cfg g$i "$RIG_BUILD/rig_guest" 32 2
        tool xl create -p /run/g$i.cfg || return
    done
    [ "$(tool xl list | grep -c '^g[1-8] ')" -eq 8 ] || return
    for i in 3 1 8 2 7 4 6 5; do tool xl destroy g$i || return; done
    is_settled "$before"
}

for store in oxenstored xenstored; do
    [ $store = oxenstored ] && events=--fifo || events=
    check "$store, rigd and xen-init-dom0 start" start_tools $store --preempt $events
    tool xenconsoled --pid-file=/run/xen/xenconsoled.pid >>"$TEST_LOG/xenconsoled" 2>&1
    tool xl list >/dev/null   # fills in what xl keeps of dom0
    create_and_look $store 'small kernel' "$RIG_BUILD/rig_guest" 32
    [ -z "$RIG_VMLINUZ" ] || create_and_look $store "Debian's kernel" "$RIG_VMLINUZ" 256
    check "$store: eight guests come and go" many_guests
    if [ $store = oxenstored ]; then
        check 'test-resource of xen-utils' tool test-resource
        check 'test-paging-mempool of xen-utils' tool test-paging-mempool
        check 'test-tsx of xen-utils' tool test-tsx
    fi
    guest_config /run/huge.cfg huge "$RIG_BUILD/rig_guest" 4000 1
    tool timeout 60 xl create -p /run/huge.cfg >>"$TEST_LOG/log" 2>&1
    before=$(rig_settled)
    check "$store: a guest larger than the machine is refused" eval '! tool timeout 60 xl create -p /run/huge.cfg'
    check "$store: and leaves nothing behind" is_settled "$before"
    check "$store: no reference to memory of dead domains is lost" eval '[ "$(rig_report lost_references)" = 0 ]'
    kill "$(cat /run/xen/xenconsoled.pid)" "$(cat /run/xen/xenstored.pid)"
    check "$store: rigd ends without a finding" stop_rigd
    rm -rf /run/xen/* /run/xenstored/* $RIG_RUN /var/lib/xenstored/*
done
