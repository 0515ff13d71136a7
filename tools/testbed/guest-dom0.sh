# SPDX-License-Identifier: BSD-2-Clause
# Runs in dom0 for ./run --guest: creates the guest of guest.cfg on the disk that carries it. "console": joins its console
# until it is gone; "batch": says what the guest's script said and ends with its status.

guest_disk() {
    for disk in /dev/sd? /dev/vd? /dev/nvme?n1; do
        [ "$(blkid -o value -s LABEL "${disk}1" 2>/dev/null)" = tenon-guest ] && echo "$disk" && return
        [ "$(blkid -o value -s LABEL "${disk}p1" 2>/dev/null)" = tenon-guest ] && echo "$disk" && return
    done
    return 1
}

is_there() { xl list guest >/dev/null 2>&1; }

# The name of the guest's console in the store: an emulated serial port's, or Xen's own.
console_path() {
    path=/local/domain/$(xl domid guest)
    if grep -q '^serial' guest.cfg; then echo "$path/serial/0/tty"; else echo "$path/console/tty"; fi
}

# Everything on the guest's console until the guest is gone, or has said nothing for so many seconds.
follow() {
    tty=$(xenstore-read "$(console_path)") || return
    stty -F "$tty" raw -echo
    cat "$tty" >/tmp/guest-console 2>/dev/null &       # the line breaks when the guest goes
    reader=$!
    xl unpause guest
    left=$silence said=0
    while is_there && [ $((left = left - 1)) -gt 0 ]; do
        sleep 1
        now=$(stat -c %s /tmp/guest-console)
        [ "$now" = "$said" ] || { said=$now left=$silence; }
    done
    kill $reader 2>/dev/null
}

silence=300
cd /root || exit
modprobe -a xen-blkback loop
disk=$(guest_disk) || { echo "no disk has the guest"; exit 1; }
sed -i "s#@DISK@#$disk#" guest.cfg
if [ "$1" = console ]; then
    echo "creating the guest on $disk (configuration: /root/guest.cfg)"
    xl create -q guest.cfg || exit
    if grep -q '^serial' guest.cfg; then type=serial; else type=pv; fi
    xl console -t $type guest
    exit
fi
xl create -q -p guest.cfg >&2 || exit 125
follow
tr -d '\r' </tmp/guest-console >/tmp/guest-text
if ! grep -q '^#guest batch status=' /tmp/guest-text; then
    cat /tmp/guest-text
    xl list
    xl dmesg | tail -n 30
    exit 125
fi
sed -n '/^#guest batch begins/,/^#guest batch status=/p' /tmp/guest-text | sed '1d;$d'
exit "$(sed -n 's/^#guest batch status=//p' /tmp/guest-text)"
