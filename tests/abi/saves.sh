# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Saving guests that do not run. Sourced after lib.sh.

row() { tool "${@:2}" | grep -E "^$1 "; }
is_gone() { ! row "$1" xl list; }

# What a PVH guest's kernel does when xl asks it to suspend; until the domain is there no more.
suspends() {
    local id=$1 home=/local/domain/$1
    while tool xenstore-exists "$home"; do
        if [ "$(tool xenstore-read "$home/control/shutdown" 2>/dev/null)" = suspend ]; then
            tool xenstore-write "$home/control/shutdown" ''
            tool "$RIG_BUILD/rig_shutdown" "$id" 2
            return
        fi
        sleep 0.1
    done
}

# saved NAME FILE [OPTION...]: xl save of a guest that suspends itself.
saved() {
    suspends "$(tool xl domid "$1")" &
    tool timeout 60 xl save "${@:3}" "$1" "$2"
}
dumped() { rm -f "$2"; tool timeout 600 xl dump-core "$1" "$2"; }
restored() { tool timeout 60 xl restore -p "$1"; }

# migrated NAME: to this machine; what ssh would be is a shell.
migrated() {
    printf '#!/bin/sh\nshift\nexec sh -c "$*"\n' >/run/here
    chmod +x /run/here
    suspends "$(tool xl domid "$1")" &
    tool timeout 120 xl migrate -s /run/here "$1" localhost
}
