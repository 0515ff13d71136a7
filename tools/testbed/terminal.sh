# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The machine's console on the user's terminal.  The machine's serial line is a pty whose output always
# goes to the log com1 and whose input comes from the fifo "keys"; the terminal joins when dom0 is up.

TERMINAL_PACKAGES=(socat)

# terminal_line: opens the pty, before the machine starts.
terminal_line() {
    : >"$RUN_DIR/com1"
    rm -f "$RUN_DIR/keys"
    mkfifo "$RUN_DIR/keys"
    exec {TERMINAL_KEYS}<>"$RUN_DIR/keys"
    (cd "$RUN_DIR" && exec socat PTY,link=pty,rawer 'OPEN:keys,rdonly!!OPEN:com1,append') \
        >"$RUN_DIR/pty.log" 2>&1 &
    TERMINAL_LINE=$!
    while [ ! -e "$RUN_DIR/pty" ]; do
        kill -0 $TERMINAL_LINE 2>/dev/null || die "no pty: see $RUN_DIR/pty.log"
        sleep 0.1
    done
}

# terminal_join: the console from its last lines on, and the user's keys, until the machine is off or
# Ctrl-] is pressed.
terminal_join() {
    local state socat tty
    exec {tty}<&0 # a background command's own standard input is /dev/null
    say "dom0's console; Ctrl-] ends the machine"
    state=$(stty -g)
    (cd "$RUN_DIR" && exec socat STDIO,raw,echo=0,escape=0x1d \
        "EXEC:'tail -s 0.1 -n 3 -f com1'!!OPEN:keys,wronly") <&"$tty" &
    socat=$!
    while kill -0 $socat 2>/dev/null && ! machine_ended; do sleep 0.3; done
    sleep 0.5
    kill $socat 2>/dev/null
    wait $socat 2>/dev/null
    stty "$state"
    printf '\n' >&2
}

terminal_end() {
    kill "$TERMINAL_LINE" 2>/dev/null
    exec {TERMINAL_KEYS}>&-
}
