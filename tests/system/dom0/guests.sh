# SPDX-License-Identifier: BSD-2-Clause
# What dom0's scripts about guests share: sourced, not run.
s() { echo "=== $1"; shift; "$@" 2>&1; echo "status $?"; }
free() { xl info free_memory; }

# The guest's initramfs gets its drivers, behind what is there.
add_modules() {
    mkdir -p /root/add/modules
    for m in block/xen-blkfront net/xen-netfront; do
        cp "/lib/modules/$(uname -r)/kernel/drivers/$m.ko" /root/add/modules/
    done
    (cd /root/add && find . | cpio -o -H newc 2>/dev/null) >>/root/guest-initrd
}

# config NAME ACTION VCPUS [LINE...]: NAME.cfg of a PVH guest with Debian's kernel.
config() {
    config_name=$1
    {
        echo 'type = "pvh"'
        echo "name = \"$1\""
        echo 'kernel = "/root/vmlinuz-lz4"'
        echo 'ramdisk = "/root/guest-initrd"'
        echo "cmdline = \"console=hvc0 earlyprintk=xen sysrq_always_enabled=1 act=$2\""
        echo 'memory = 160'
        echo "vcpus = $3"
        shift 3
        for line in "$@"; do echo "$line"; done
    } >"$config_name.cfg"
}

# guest NAME VCPUS WORDS [LINE...]: NAME.cfg of a guest with the project's own kernel; PVH if no lines are given.
guest() {
    guest_name=$1
    case $* in *'type = "hvm"'*) guest_kernel=guests.bzimage ;; *) guest_kernel=guests.elf ;; esac
    {
        echo "name = \"$1\""
        echo "kernel = \"/root/$guest_kernel\""
        echo "vcpus = $2"
        echo "cmdline = \"guest-test cpus=$2 $3\""
        echo 'memory = 64'
        echo 'on_poweroff = "destroy"'
        echo 'on_reboot = "destroy"'
        echo 'on_crash = "destroy"'
        shift 3
        [ $# -gt 0 ] || echo 'type = "pvh"'
        for line; do echo "$line"; done
    } >"$guest_name.cfg"
}

# await SECONDS COMMAND...
await() {
    left=$(($1 * 2))
    shift
    until "$@"; do
        [ $((left = left - 1)) -gt 0 ] || { echo "not within the time: $*" && return 1; }
        sleep 0.5
    done
}

has_console() { xenstore-exists "/local/domain/$(xl domid "$1")/console/tty" 2>/dev/null; }

# reader NAME: follows the guest's console into NAME.console.
reader() {
    await 30 has_console "$1" || return
    tty=$(xenstore-read "/local/domain/$(xl domid "$1")/console/tty") || return
    stty -F "$tty" raw -echo
    cat "$tty" >>"$1.console" 2>/dev/null &
}

# begin NAME: makes a guest of NAME.cfg, paused until its console is read.
begin() { xl create -p "$1.cfg" && reader "$1" && xl unpause "$1"; }

# tell NAME LINE: types it on the guest's console.
tell() { has_console "$1" && printf '%s\r' "$2" >"$(xenstore-read "/local/domain/$(xl domid "$1")/console/tty")"; }

# answers NAME LINE REGEX: what the guest says to that line.
answers() {
    : >"$1.console"
    tell "$1" "$2" && await 90 says "$1" "guest: $3"
}
# writes NAME PATH TEXT: the guest puts text into a file.
writes() { answers "$1" "write $2 $3" written; }

is_gone() { ! xl list 2>/dev/null | grep -q "^$1 "; }
# says NAME REGEX [FROM-LINE]
says() { tr -d '\r' <"$1.console" | grep -q -- "$2"; }
state_of() { xl list "$1" | awk 'NR == 2 {print $5}'; }
# shows NAME PATH REGEX: what the guest has in that file.
shows() {
    : >"$1.console"
    tell "$1" "show $2" || return
    await 60 says "$1" 'guest: shown' || return
    tr -d '\r' <"$1.console" | sed "s|^guest: $2 ||" | grep -- "$3"
}
# the same until it is so
await_shows() {
    tries=20
    until shows "$@"; do
        [ $((tries = tries - 1)) -gt 0 ] || return 1
        sleep 1
    done
}
