# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# What every part of the test bed needs: progress, packages, the cache and the log directory.
# Sourced by ./run, ./test and .ci/run; prints on standard error only.

TESTBED_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SOURCE_DIR=$(cd "$TESTBED_DIR/../.." && pwd)
CACHE_DIR=${TENON_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tenon}
STARTED=$(date +%s)

# say TEXT: one progress line, led by the seconds since the start.
say() {
    printf '[%4ds] %s\n' $(($(date +%s) - STARTED)) "$*" >&2
}

die() {
    say "error: $*"
    exit 1
}

# quietly LOG COMMAND...: runs COMMAND with all its output in LOG; shows the end of it on failure.
quietly() {
    local log=$1 status=0
    shift
    "$@" >>"$log" 2>&1 </dev/null || status=$?
    if [ $status -ne 0 ]; then
        tail -n 20 "$log" >&2
        die "'$*' failed (status $status); its output is in $log"
    fi
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# need_packages LOG NAME...: installs the Debian packages that are missing.
need_packages() {
    local log=$1 name missing=()
    shift
    for name; do
        dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null | grep -q '^ii' ||
            missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing packages: ${missing[*]}"
    mkdir -p "$CACHE_DIR"
    (
        flock 9
        quietly "$log" as_root apt-get update
        quietly "$log" as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y --no-install-recommends "${missing[@]}"
    ) 9>"$CACHE_DIR/apt.lock" || exit
}

# has_nested_kvm: can QEMU/KVM run a hypervisor here?  /dev/kvm alone does not say so.
has_nested_kvm() {
    local pair
    [ -w /dev/kvm ] || return
    for pair in vmx:kvm_intel svm:kvm_amd; do
        grep -qw "${pair%:*}" /proc/cpuinfo &&
            grep -q '[1Y]' "/sys/module/${pair#*:}/parameters/nested" 2>/dev/null && return
    done
    return 1
}
