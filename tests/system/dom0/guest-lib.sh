# SPDX-License-Identifier: BSD-2-Clause
# What the scripts that make guests in dom0 share; sourced from /root.

s() { echo "=== $1"; shift; "$@" 2>&1; echo "status $?"; }
free() { xl info free_memory; }

# drivers: those of backends; no udev loads them here when the first device comes.
drivers() { modprobe -a xen-blkback xen-netback loop tun bridge; }

# await SECONDS COMMAND...; not often: each xl takes an emulated CPU half a second
await() {
    end=$(($(date +%s) + $1))
    shift
    until "$@"; do
        [ "$(date +%s)" -lt $end ] || return 1
        sleep 2
    done
}
is_gone() { ! xl list 2>/dev/null | grep -q "^$1 "; }
is_settled() { [ "$(free)" = "$1" ]; }

# until_says SECONDS DOMAIN FILE REGEX: or until the domain is gone
until_says() {
    end=$(($(date +%s) + $1))
    tries=0
    while ! says "$3" "$4"; do
        [ "$(date +%s)" -lt $end ] || return 1
        [ $((tries = tries + 1)) -lt 15 ] || { is_gone "$2" && return 1; tries=0; }
        sleep 1
    done
}

# says FILE REGEX: has the guest written this on its serial port (or any other file)?
says() { tr -d '\r' <"$1" 2>/dev/null | grep -aqE "$2"; }

# memory_is MIB: a section that says whether free memory is again what it was (the last pages go after the domain).
memory_is() {
    await 20 is_settled "$1"
    echo "=== memory"
    if is_settled "$1"; then echo "the same"; else echo "before $1, after $(free)"; fi
}

# disk_image FILE MIB: something to read, different in each sector.
disk_image() {
    truncate -s "$2"M "$1"
    seq 1000000 | head -c 5M | dd of="$1" conv=notrunc 2>/dev/null
}
disk_sums() {
    echo "read $(head -c 4M "$1" | cksum)"
    echo "written $(tail -c +4194305 "$1" | head -c 65536 | cksum)"
}

# bridge: xenbr0 with an address of its own.
bridge() {
    ip link add xenbr0 type bridge || return
    ip addr add 192.168.77.1/24 dev xenbr0
    ip link set xenbr0 up
}

# echoed BYTES: sends so many to the guest's server and says the checksums of what went and what came back.
echoed() {
    seq 1000000 | head -c "$1" >/tmp/went
    bash -c 'exec 3<>/dev/tcp/192.168.77.2/7 || exit; cat /tmp/went >&3 & head -c '"$1"' <&3 >/tmp/came'
    echo "went $(cksum </tmp/went)"
    echo "came $(cksum </tmp/came)"
}
