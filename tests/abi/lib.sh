# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The ABI rig for shell scripts: Debian's Xen tools, unmodified and not installed, in a root of their own over this
# machine's, talking to rigd. A script sources this file and calls rig_enter first: what follows runs inside.
#
# Seen inside: / is an overlay (changes are lost), the packages are unpacked in it, processes end with the script.

RIG_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SOURCE_DIR=${SOURCE_DIR:-$(cd "$RIG_DIR/../.." && pwd)}
RIG_BUILD=${RIG_BUILD:-$SOURCE_DIR/build/host/tests/abi}
RIG_PACKAGES=(xen-utils-4.17 xenstore-utils xen-utils-common qemu-system-xen seabios)

# ---- outside ----

# Builds what is missing; ./test has built it already.
rig_build() {
    (
        . "$SOURCE_DIR/tools/testbed/lib.sh"
        [ -f "$SOURCE_DIR/build/host/build.ninja" ] ||
            quietly "$1" cmake -S "$SOURCE_DIR" -B "$SOURCE_DIR/build/host" -G Ninja -DCMAKE_C_COMPILER=clang \
                -DCMAKE_BUILD_TYPE=Debug -DTENON_PRODUCT=OFF -DTENON_HOST=ON
        quietly "$1" ninja -C "$SOURCE_DIR/build/host" rigd rig rig_memory rig_report rig_shutdown rig_guest rig_storm test_vcpu_trace
    ) 9>"$SOURCE_DIR/build/rig.lock"
}

# Sets RIG_ROOT: the packages and what they need beyond what is installed here, unpacked.
rig_unpack() {
    . "$SOURCE_DIR/tools/testbed/lib.sh"
    local log=$1 names hash
    mkdir -p "$CACHE_DIR"
    (
        flock 9
        apt-cache show "${RIG_PACKAGES[0]}" >/dev/null 2>&1 || quietly "$log" as_root apt-get update
    ) 9>"$CACHE_DIR/apt.lock"
    names=$(apt-get install -s --no-install-recommends "${RIG_PACKAGES[@]}" 2>>"$log" |
        awk '/^Inst/ && $3 !~ /^\[/ {print $2 "=" substr($3, 2)}') || true
    hash=$(echo "$names" | sha256sum | cut -c1-16)
    RIG_ROOT=$CACHE_DIR/abi-$hash
    (
        flock 9
        [ ! -f "$RIG_ROOT.done" ] || exit 0
        say "unpacking $(echo "$names" | wc -w) Debian packages"
        mkdir -p "$RIG_ROOT.debs" "$RIG_ROOT"
        cd "$RIG_ROOT.debs" || exit
        # shellcheck disable=SC2086
        [ -z "$names" ] || quietly "$log" apt-get download $names
        for deb in *.deb; do [ ! -f "$deb" ] || quietly "$log" dpkg-deb -x "$deb" "$RIG_ROOT"; done
        for dir in bin sbin lib lib64; do   # / has links to /usr there
            [ ! -d "$RIG_ROOT/$dir" ] || { mkdir -p "$RIG_ROOT/usr/$dir" && cp -a "$RIG_ROOT/$dir/." "$RIG_ROOT/usr/$dir" &&
                rm -r "${RIG_ROOT:?}/$dir"; }
        done
        touch "$RIG_ROOT.done"
    ) 9>"$CACHE_DIR/abi.lock"
}

# rig_enter "$@": outside, runs the calling script again inside and ends with its status.
rig_enter() {
    local script log=${TEST_LOG:-$SOURCE_DIR/build/rig-log}
    [ -z "${RIG_INSIDE:-}" ] || return 0
    script=$(realpath "$0")
    mkdir -p "$log"
    log=$(realpath "$log")
    mkdir -p "$SOURCE_DIR/build"
    if ! rig_build "$log/rig-build" || ! rig_unpack "$log/rig-packages"; then
        echo "not ok the rig is built and has Debian's tools (see rig-build, rig-packages)"
        exit 1
    fi
    local root=()
    [ "$(id -u)" -eq 0 ] || root=(sudo)
    exec "${root[@]}" unshare --mount --pid --fork --kill-child \
        env RIG_INSIDE=1 TEST_FULL="${TEST_FULL:-}" RIG_SEED="${RIG_SEED:-}" RIG_VMLINUZ="${RIG_VMLINUZ:-}" RIG_ROOT="$RIG_ROOT" SOURCE_DIR="$SOURCE_DIR" TEST_LOG="$log" \
        bash -c '. "$0"; rig_make_root "$@"' "$RIG_DIR/lib.sh" "$script" "$@"
}

# ---- on the way in ----

rig_make_root() {
    local new=/mnt dir
    mount --make-rprivate / && mount -t tmpfs none $new && mkdir $new/{up,work,root} &&
        cp -a "$RIG_ROOT" $new/packages || exit   # layers may not lie inside each other
    mount -t overlay none -o "lowerdir=$new/packages:/,upperdir=$new/up,workdir=$new/work" $new/root || exit
    new=$new/root
    for dir in /dev /sys "$SOURCE_DIR" "$TEST_LOG" /boot; do
        [ -d "$dir" ] || continue
        mkdir -p "$new$dir"
        mount --rbind "$dir" "$new$dir" || exit
    done
    mount -t proc none $new/proc || exit
    mount -t tmpfs none $new/run || exit
    mkdir -p $new/run/xen $new/run/xenstored $new/var/lib/{xen,xenstored} $new/var/log/xen/console
    exec chroot $new "$@"
}

# ---- inside ----

RIG_RUN=/run/rig
TOOLS=/usr/lib/xen-4.17/bin

rig_files() {
    mkdir -p $RIG_RUN/files/proc/xen $RIG_RUN/files/sys/hypervisor/version $RIG_RUN/files/sys/bus/xen-backend/devices
    echo control_d >$RIG_RUN/files/proc/xen/capabilities
    echo xen >$RIG_RUN/files/sys/hypervisor/type
    echo 4 >$RIG_RUN/files/sys/hypervisor/version/major
    echo 17 >$RIG_RUN/files/sys/hypervisor/version/minor
}

# start_rigd [OPTION...]
start_rigd() {
    rig_files
    "$RIG_BUILD/rigd" $RIG_RUN/socket $RIG_RUN/files/proc/xen/xsd_port "$@" \
        >>"$TEST_LOG/trace" 2>>"$TEST_LOG/rigd" &
    RIGD_PID=$!
    wait_for rigd test -S $RIG_RUN/socket
}

rigd_is_up() { kill -0 "$RIGD_PID" 2>/dev/null; }

# Ends rigd in order, which looks for leaks. False: it died, or had something to say.
stop_rigd() {
    kill -TERM "$RIGD_PID" 2>/dev/null
    wait "$RIGD_PID"
}

# tool COMMAND...: one of Debian's programs.
tool() {
    TENON_RIG_SOCKET=$RIG_RUN/socket TENON_RIG_FILES=$RIG_RUN/files LD_PRELOAD=$RIG_BUILD/librig.so \
        PATH=$TOOLS:$PATH LD_LIBRARY_PATH=/usr/lib/xen-4.17/lib/x86_64-linux-gnu "$@"
}

# wait_for WHAT COMMAND...: up to 30 seconds.
wait_for() {
    local what=$1 i
    shift
    for ((i = 0; i < 600; i++)); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.05
    done
    echo "not ok $what came up within 30 seconds"
    return 1
}

# start_store xenstored|oxenstored
start_store() {
    STORE=$1
    case $1 in
    xenstored) tool xenstored --pid-file=/run/xen/xenstored.pid -T "$TEST_LOG/xenstored-trace" ;;
    oxenstored) tool oxenstored --pid-file /run/xen/xenstored.pid ;;
    esac >>"$TEST_LOG/$1" 2>&1 || return
    wait_for "$1" tool timeout 5 xenstore-read -s / 
}

start_tools() {
    start_rigd "${@:2}" && start_store "$1" && tool xen-init-dom0 >>"$TEST_LOG/xen-init-dom0" 2>&1
}

# ---- checks ----

# check WHAT COMMAND...
check() {
    local what=$1
    shift
    if "$@" >>"$TEST_LOG/log" 2>&1; then echo "ok $what"; else echo "not ok $what"; fi
}

# has TEXT REGEX
has() { grep -Eq -- "$2" <<<"$1"; }

# rig_report NAME: one number of what is in use, from rigd itself.
rig_report() { TENON_RIG_SOCKET=$RIG_RUN/socket "$RIG_BUILD/rig_report" "$@"; }

rig_in_use() { TENON_RIG_SOCKET=$RIG_RUN/socket "$RIG_BUILD/rig_report" | grep -v '^tool_ports'; }

# What is in use once nothing changes any more: half a second long, since the daemons may be slow to clean up.
rig_settled() {
    local last='' now same=0 i
    for ((i = 0; i < 300 && same < 5; i++)); do
        now=$(rig_in_use)
        if [ "$now" = "$last" ]; then same=$((same + 1)); else same=0; fi
        last=$now
        sleep 0.1
    done
    echo "$now"
}

# is_settled BEFORE: as much is in use as rig_settled said before, in the end. (Of free pages there may be more: the heap had
# kept an empty one.)
is_settled() {
    local i now
    for ((i = 0; i < 300; i++)); do
        now=$(rig_in_use)
        if [ "$(grep -v free_pages <<<"$now")" = "$(grep -v free_pages <<<"$1")" ] &&
            [ "$(sed -n 's/^free_pages //p' <<<"$now")" -ge "$(sed -n 's/^free_pages //p' <<<"$1")" ]; then return; fi
        sleep 0.1
    done
    echo "in use: $(rig_in_use); before: $1"
    return 1
}

# guest_config FILE NAME KERNEL MIB VCPUS
guest_config() {
    printf 'type = "pvh"\nname = "%s"\nkernel = "%s"\nmemory = %s\nvcpus = %s\n' "${@:2}" >"$1"
}
