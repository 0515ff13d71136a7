#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Debian's xentrace takes a trace of the hypercall layer, its xenalyze reads it.
. "$(dirname "$(realpath "$0")")/lib.sh"
rig_enter "$@"

check 'rigd, oxenstored and xen-init-dom0 start' start_tools oxenstored

# take FILE OPTION...: a trace while the scheduler's parameters change and a guest comes and goes, however long that takes.
take() {
    local file=$1 pid i
    shift
    rm -f "$file"
    tool xentrace "$@" -T 300 "$file" 2>>"$TEST_LOG/log" &
    pid=$!
    for ((i = 0; i < 100; i++)); do
        tool xl sched-credit2 -d 0 -w $((300 + i)) || return
        [ ! -s "$file" ] || break                 # it has begun
    done
    tool xl create -p /tmp/guest.cfg >>"$TEST_LOG/log" 2>&1
    tool xl unpause traced && tool xl pause traced && tool xl destroy traced || return
    pkill -TERM -P "$pid" xentrace                # it takes what is left and ends, as when its time is over
    wait "$pid"
}

# analyse FILE OPTION...: what xenalyze makes of it in $out; nothing that it calls strange or lost.
analyse() {
    local file=$1
    shift
    out=$(tool xenalyze "$@" "$file" 2>"$TEST_LOG/xenalyze") || return
    echo "$out" >>"$TEST_LOG/analysed"
}

# Every byte of a trace belongs to a record, each record to a window of a CPU.
cat >/tmp/walk.py <<'END2'
import struct, sys
data = open(sys.argv[1], "rb").read()
at, records, last, begin = 0, {}, {}, None
while at < len(data):
    head, cpu, size = struct.unpack_from("<III", data, at)
    assert head & 0x0fffffff == 0x1f003 and head >> 28 & 7 == 2, hex(head)
    at += 12
    end = at + size
    assert end <= len(data)
    while at < end:
        head, = struct.unpack_from("<I", data, at)
        at += 4
        if head >> 31:
            tsc, = struct.unpack_from("<Q", data, at)
            at += 8
            assert tsc >= last.get(cpu, 0), "time goes back on a CPU"
            last[cpu] = tsc
            begin = min(begin or tsc, tsc)
        at += 4 * (head >> 28 & 7)
        records[head & 0x0fffffff] = records.get(head & 0x0fffffff, 0) + 1
    assert at == end
for event, count in sorted(records.items()):
    print(f"{event:#x} {count}")
print("time", begin, max(last.values(), default=0))
END2

tool xenconsoled --pid-file=/run/xen/xenconsoled.pid >>"$TEST_LOG/xenconsoled" 2>&1
# ends 1|2 WALKED: time of the first or the last record.
ends() { sed -n 's/^time //p' <<<"$2" | cut -d' ' -f"$1"; }

guest_config /tmp/guest.cfg traced "$RIG_BUILD/rig_guest" 16 2

check 'xentrace takes a trace of everything' take /tmp/trace -D -e all
check 'the file is whole records of known windows' eval 'walked=$(python3 /tmp/walk.py /tmp/trace) && echo "$walked"'
check 'changes of parameters are in it' has "$walked" '^0x28009 [0-9]+$'
check 'a domain that came and one that went are in it' eval 'has "$walked" "^0x28001 1$" && has "$walked" "^0x28002 1$"'
check 'changes of runstates are in it' has "$walked" '^0x21[0-9a-f]{2}1 '
check 'xenalyze --dump-all shows them by name' eval \
    'analyse /tmp/trace --dump-all && has "$out" "sched_adjust d0" && has "$out" "sched_init_domain d1"'
check 'xenalyze --summary reads it' eval 'analyse /tmp/trace --summary && has "$out" "Total time"'
check 'xenalyze found nothing wrong' eval '! has "$(cat "$TEST_LOG/xenalyze")" "FATAL|invalid|Unknown"'

check 'a second trace uses the same rings' take /tmp/trace2 -D -e all -S 64
check 'with nothing of the first in it' eval \
    'later=$(python3 /tmp/walk.py /tmp/trace2) && [ "$(ends 1 "$later")" -gt "$(ends 2 "$walked")" ]'
check 'xentrace -e sched leaves other classes out' eval \
    'take /tmp/trace3 -D -e sched && walked=$(python3 /tmp/walk.py /tmp/trace3) && ! grep -Eqv "^(0x2[0-9a-f]*|time) " <<<"$walked"'
check 'xentrace -c with CPU 1 alone leaves CPU 0 out' eval 'take /tmp/trace4 -D -e all -c 1 && [ ! -s /tmp/trace4 ]'
check 'xl dmesg says that rings stay as they are' eval 'has "$(tool xl dmesg)" "XEN_SYSCTL_tbuf_op: size: 0x40 refused .errno 22."'
# ---- exits: the real CPU loop with a guest of its own, without the rig ----
check 'a run of the CPU loop leaves a trace' eval \
    'TRACE_FILE=/tmp/exits ASAN_OPTIONS=detect_leaks=0 setarch -R "$RIG_BUILD/../unit/vcpu/test_vcpu_trace" && python3 /tmp/walk.py /tmp/exits'
check 'xenalyze --summary knows each exit' eval 'analyse /tmp/exits --summary'
for line in 'CPUID +[0-9]+ ' 'HLT +[0-9]+ ' 'VMCALL +[0-9]+ ' 'IO_INSTRUCTION +[0-9]+ ' 'MSR_READ +[0-9]+ ' 'MSR_WRITE +[0-9]+ ' \
    'PENDING_INTERRUPT +[0-9]+ '; do check "as ${line%% *}" has "$out" "^ $line"; done
check 'and hypercalls by name, ports by number' eval 'has "$out" "\[xen_version\]" && has "$out" " 5678:\[r\]"'
check 'runstates, and two domains' eval 'has "$out" "Domain 0 " && has "$out" "Domain 1 " && has "$out" "^ +blocked: "'
check 'with nothing strange about it' eval '! has "$(cat "$TEST_LOG/xenalyze")" "[Ss]trange|FATAL|[Ii]nvalid|skew|Unknown"'

kill "$(cat /run/xen/xenconsoled.pid)" "$(cat /run/xen/xenstored.pid)"
check 'who maps the rings leaves nothing behind' wait_for 'no port, no mapping' eval \
    '[ "$(rig_report tool_ports) $(rig_report scratch) $(rig_report maptrack)" = "0 0 0" ]'
check 'rigd ends without a finding' stop_rigd
