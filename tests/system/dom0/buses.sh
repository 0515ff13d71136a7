#!/bin/sh
# Runs in dom0 (./run --batch): its devices at work, moved from CPU to CPU, taken away and found again.
s() { echo "=== $1"; shift; "$@" 2>&1; echo "status $?"; }

# The disk that is the root, read in the background while something else goes on.
disk=$(findmnt -no SOURCE /)
read_disk() { dd if="$disk" of=/dev/null bs=1M count=64 iflag=direct 2>&1; }

# Each interrupt of the disk's and the cards' goes round the CPUs while the disk is read, again and again. Those that
# the kernel manages itself (NVMe's queues) stay where they are.
affinity() {
    moved=0
    : >/tmp/moving
    while [ -e /tmp/moving ]; do read_disk || echo "read failed"; done >/tmp/reads 2>&1 &
    reader=$!
    irqs=$(sed -n 's/^ *\([0-9]*\):.*\(PCI-MSI\|ata_piix\|fasteoi  *[^a]\).*/\1/p' /proc/interrupts)
    for n in 1 2 3 4 5 6 7 8 9 10; do
        for irq in $irqs; do
            { echo $((n % 2 + 1)) >/proc/irq/$irq/smp_affinity; } 2>/dev/null && moved=$((moved + 1))
        done
        sleep 0.2
    done
    rm /tmp/moving
    wait $reader
    grep -E 'bytes|failed' /tmp/reads
    echo "moved $moved times"
}

# A megabyte to a server that sends back what it gets, and is compared.
echo_test() {
    ip addr add 10.0.2.15/24 dev "$1" && ip link set "$1" up || return
    python3 - <<'END'
import os, socket, threading, time
for attempt in range(20):
    try:
        s = socket.create_connection(("10.0.2.100", 7), 5)
        break
    except OSError:
        time.sleep(0.5)
data = os.urandom(1 << 20)
threading.Thread(target=lambda: s.sendall(data)).start()
got = b""
while len(got) < len(data):
    piece = s.recv(65536)
    if not piece:
        break
    got += piece
print("echo", "good" if got == data else "bad", len(got))
END
    ip addr flush dev "$1"
    ip link set "$1" down
}

cards() {
    for card in /sys/class/net/eth*; do
        [ -e "$card" ] || continue
        driver=$(basename "$(readlink "$card/device/driver")")
        echo "card $(basename "$card") $driver: $(echo_test "$(basename "$card")" 2>&1 | tr '\n' ' ')"
    done
}

# The PCI function of a card; a virtio card is one below it.
function_of() {
    path=$(readlink -f "$1/device")
    case $path in */virtio[0-9]*) path=${path%/*} ;; esac
    echo "$path"
}

# The first card leaves and comes back with a rescan of the bus.
rescan() {
    [ -e /sys/class/net/eth0 ] || return 0
    echo 1 >"$(function_of /sys/class/net/eth0)/remove"
    sleep 1
    echo 1 >/sys/bus/pci/rescan
    sleep 2
    cards
}

# Resets of functions, the way that the kernel knows for each: an NVMe disk while it is read, a card while it has no driver.
reset() {
    for path in /sys/bus/pci/drivers/nvme/0*; do
        [ -e "$path/reset" ] || continue
        read_disk >/tmp/reset-read &
        reader=$!
        { echo 1 >"$path/reset"; } 2>&1 && echo "reset nvme by $(cat "$path/reset_method")"
        wait $reader
        tail -n 1 /tmp/reset-read
    done
    for card in /sys/class/net/eth*; do
        [ -e "$card" ] || continue
        path=$(function_of "$card")
        driver=$(readlink -f "$path/driver")
        [ -e "$path/reset" ] || { echo "no reset for $(basename "$driver")"; continue; }
        echo "${path##*/}" >"$driver/unbind"
        { echo 1 >"$path/reset"; } 2>&1 && echo "reset $(basename "$driver") by $(cat "$path/reset_method")"
        echo "${path##*/}" >"$driver/bind"
    done
    sleep 2
    cards
}

offline() {
    [ -e /sys/devices/system/cpu/cpu1/online ] || { echo "one CPU"; return; }
    echo 0 >/sys/devices/system/cpu/cpu1/online && read_disk >/dev/null && nproc &&
        echo 1 >/sys/devices/system/cpu/cpu1/online && read_disk >/dev/null && nproc
}

# A variable written, read back and deleted; then what the firmware boots.
efi() {
    [ -d /sys/firmware/efi ] || { echo "no UEFI"; return; }
    modprobe efivarfs
    mount -t efivarfs efivarfs /sys/firmware/efi/efivars
    variable=/sys/firmware/efi/efivars/TenonTest-74656e6f-6e74-6573-7400-000000000001
    printf '\007\000\000\000written' >$variable && cat $variable | tail -c 7 && echo
    chattr -i $variable 2>/dev/null
    rm $variable
    ls /sys/firmware/efi/efivars | wc -l
    efibootmgr
}

# What only some machines have: a USB disk of zeroes, and a device whose second BAR is large.
usb() {
    [ -e /sys/bus/pci/drivers/xhci_hcd ] || modprobe xhci_pci || return
    modprobe -a usb_storage sd_mod
    for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        stick=$(ls -d /sys/bus/usb/drivers/usb-storage/*/host*/target*/*/block/sd* 2>/dev/null) && break
        sleep 0.5
    done
    [ -n "$stick" ] && dd if=/dev/"$(basename "$stick")" of=/dev/null bs=1M iflag=direct
}

window() {
    for path in /sys/bus/pci/devices/*; do
        [ "$(cat "$path/vendor" "$path/device" | tr '\n' ' ')" = '0x1af4 0x1110 ' ] || continue
        echo 1 >"$path/enable"
        python3 - "$path" <<'END'
import mmap, sys
start, end = (int(n, 0) for n in open(sys.argv[1] + "/resource").read().splitlines()[2].split()[:2])
with open(sys.argv[1] + "/resource2", "r+b") as f:
    page = mmap.mmap(f.fileno(), 4096, offset=end - start + 1 - 4096)
page[-8:] = b"lastword"
print("bar %#x" % start, "size %#x" % (end - start + 1), "last word kept" if page[-8:] == b"lastword" else "lost")
END
    done
}

for module in virtio_pci virtio_net e1000 e1000e; do modprobe $module 2>/dev/null; done
sleep 1
s uname uname -a
s lspci sh -c 'lspci -vv | grep -E "^[0-9a-f]|MSI|Kernel driver"'
s list xl list
s cpus nproc
s memory sh -c 'grep MemTotal /proc/meminfo; cat /proc/iomem; xl info -n'
s read read_disk
s cards cards
s affinity affinity
s rescan rescan
s reset reset
s offline offline
s efi efi
! lspci | grep -qi xhci || s usb usb
s window window
s interrupts cat /proc/interrupts
s dmesg dmesg
s xl-dmesg xl dmesg
echo "=== end"
