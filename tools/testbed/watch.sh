# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Follows a machine's console: names the stages as they are reached, and decides when the run is over.

# What the console shows when a stage begins, and its name.  Each is reported once.
WATCH_STAGES=(
    'testbed: GRUB jumps' 'GRUB starts the hypervisor or kernel'
    'testbed: GRUB' 'GRUB'
    '(ABI: Xen ' 'Tenon'
    '(XEN) Xen version' 'Xen'
    'Linux version' 'kernel'
    'Run /init as init' 'initrd'
    'testbed: init' 'init'
    'testbed: starting the tools' 'tools start'
    'testbed: tools up' 'tools up'
    'testbed: batch ended' 'script ended'
    'testbed: going down' 'going down'
)

# What says that the machine will not come up. More may follow: the run ends when the console is quiet.
WATCH_FAILURES='Kernel panic - not syncing|Panic on CPU|Tenon (halts|waits) here|^error: '

# watch_lines: handles what the console got since the last call.
watch_lines() {
    local part
    while IFS= read -r -u "$WATCH_FD" part; do
        watch_line "$WATCH_PARTIAL$part"
        WATCH_PARTIAL=
    done
    WATCH_PARTIAL+=$part
    [ -z "$part" ] || WATCH_LAST_OUTPUT=$SECONDS
}

watch_line() {
    local line=${1%$'\r'} i
    WATCH_LAST_OUTPUT=$SECONDS
    if [[ -z $WATCH_FAILURE && $line =~ $WATCH_FAILURES ]]; then
        WATCH_FAILURE=$line
        [[ $line != *'Tenon halts here'* ]] || WATCH_FAILURE=$WATCH_PREVIOUS # the sentence
    fi
    WATCH_PREVIOUS=$line
    for ((i = 0; i < ${#WATCH_STAGES[@]}; i += 2)); do
        [[ $line == *"${WATCH_STAGES[i]}"* ]] || continue
        watch_stage "${WATCH_STAGES[i + 1]}"
        return
    done
}

watch_stage() {
    [[ $WATCH_SEEN != *"|$1|"* ]] || {
        # GRUB finds the serial port silent after some resets: what it starts counts as well.
        [[ $1 != GRUB && $1 != Tenon ]] || WATCH_REBOOTED=1
        return 0
    }
    WATCH_SEEN+="|$1|"
    say "$1"
}

# watch_machine CONSOLE_LOG TIMEOUT STALL [STAGE]: returns when the machine is off or STAGE is reached
# (0), or when it cannot go on (1, with WATCH_REASON).  TIMEOUT 0 is none; STALL limits the silence of
# the console before the tools are up (see watch_stalled).
watch_machine() {
    local log=$1 timeout=$2 stall=$3 until=${4:-off} begin=$SECONDS
    WATCH_PARTIAL='' WATCH_SEEN='' WATCH_FAILURE='' WATCH_REASON='' WATCH_REBOOTED='' WATCH_PREVIOUS='' WATCH_CPU_MARK=''
    WATCH_LAST_OUTPUT=$SECONDS
    exec {WATCH_FD}<"$log"
    while :; do
        watch_lines
        if [[ $WATCH_SEEN == *"|$until|"* ]]; then break; fi
        if watch_failed || machine_ended; then break; fi
        if ((timeout > 0 && SECONDS - begin > timeout)); then
            WATCH_REASON="no end after $timeout s" && break
        fi
        if [[ $WATCH_SEEN != *'|tools up|'* ]] && watch_stalled "$stall"; then
            WATCH_REASON="the console has been silent for $((SECONDS - WATCH_LAST_OUTPUT)) s" && break
        fi
        sleep 1
    done
    sleep 0.2
    watch_lines
    exec {WATCH_FD}<&-
    [ -z "$WATCH_REASON" ]
}

# watch_stalled SECONDS: silent for so long, measured in the emulator's CPU time, because a busy host
# makes everything slow; or for four times as long by the clock, because an idle machine takes no time.
watch_stalled() {
    local silent=$((SECONDS - WATCH_LAST_OUTPUT)) cpu
    cpu=$(machine_cpu_seconds)
    if ((silent <= 1)) || [ -z "$WATCH_CPU_MARK" ]; then WATCH_CPU_MARK=$cpu; fi
    ((cpu - WATCH_CPU_MARK > $1 || silent > 4 * $1))
}

# watch_failed: sets WATCH_REASON if console or emulator said that the machine cannot go on.
watch_failed() {
    if [ -s "$RUN_DIR/machine.log" ]; then   # QEMU keeps none: no process for it in each round
        WATCH_REASON=$(machine_fault) && return
    fi
    if [ -n "$WATCH_REBOOTED" ]; then WATCH_REASON='the machine rebooted' && return; fi
    [ -n "$WATCH_FAILURE" ] && ((SECONDS - WATCH_LAST_OUTPUT >= 2)) &&
        WATCH_REASON=$WATCH_FAILURE
}

# batch_result FILE: prints the script's output and sets BATCH_STATUS from the mark behind it (see
# dom0/usr/lib/testbed/batch).  Without a mark it prints what there is and returns 1.
batch_result() {
    local mark size bytes
    size=$(stat -c %s "$1")
    mark=$(tail -n 1 "$1" | tr -d '\0')
    if [[ ! $mark =~ ^'#batch status='([0-9]+)' bytes='([0-9]+)$ ]]; then
        cat "$1"
        return 1
    fi
    BATCH_STATUS=${BASH_REMATCH[1]}
    bytes=${BASH_REMATCH[2]}
    head -c "$bytes" "$1"
    if [ $((bytes + ${#mark} + 2)) -ne "$size" ]; then
        say "warning: dom0 wrote $bytes bytes, $((size - ${#mark} - 2)) arrived"
    fi
}
