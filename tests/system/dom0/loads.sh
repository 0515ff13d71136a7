# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Guests that are loads (guests/load) and say how far they have come: sourced by dom0's scripts, behind guests.sh.

# load NAME RUN VCPUS [LINE...]: begins such a guest; RUN is its command line, LINEs go into its configuration.
load() {
    {
        echo 'type = "pvh"'
        echo "name = \"$1\""
        echo 'kernel = "/root/guests.elf"'
        echo "cmdline = \"run=$2\""
        echo 'memory = 40'
        echo "vcpus = $3"
        for line in "${@:4}"; do echo "$line"; done
    } >"$1.cfg"
    : >"$1.console"
    begin "$1"
}

unload() {
    for name; do xl destroy "$name"; done
}

reports() { tr -d '\r' <"$1.console" | grep -c '^load: .* each'; }

has_reports() { [ "$(reports "$1")" -ge "$2" ]; }

# speeds COUNT NAME...: what each has done per second of Xen's time, over its next COUNT reports: "NAME done run wait", the
# last two as hundredths of a CPU. The first report from now on was on its way already. Whoever looks takes CPU time: so
# it sleeps until the reports (of half a second at most) can all be there.
speeds() {
    count=$1
    shift
    for name; do printf -v "from_$name" %s $(($(reports "$name") + 1)); done
    sleep $((count / 2 + 2))
    for name; do
        from="from_$name"
        await 600 has_reports "$name" $((${!from} + count)) || return
    done
    for name; do
        from="from_$name"
        tr -d '\r' <"$name.console" | grep '^load: .* each' | awk -v name="$name" -v from="${!from}" -v to=$((${!from} + count)) '
            NR == from {at = $4; done = $6; run = $8; wait = $10}
            NR == to {t = $4 - at; printf "%s done %.1f run %.2f wait %.2f\n", name, ($6 - done) * 1e9 / t,
                      ($8 - run) * 100 / t, ($10 - wait) * 100 / t}'
    done
}

# dom0_busy COUNT: so many loops in dom0, until dom0_idle.
dom0_busy() {
    busy=
    for ((i = 0; i < $1; i++)); do
        (while :; do :; done) &
        busy="$busy $!"
    done
}
dom0_idle() {
    # shellcheck disable=SC2086
    kill $busy
    # shellcheck disable=SC2086
    wait $busy 2>/dev/null
}
