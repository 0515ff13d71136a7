#!/bin/sh
# Runs in dom0: other kinds of HVM guests: a 32-bit kernel, memtest86+, UEFI firmware.
. /root/guest-lib.sh

# config LINE...
config() {
    cat >kind.cfg <<END
type = "hvm"
name = "kind"
vnc = 0
serial = "file:/root/serial"
on_crash = "preserve"
END
    for line; do echo "$line" >>kind.cfg; done
}

# guest NAME SECONDS COMMAND...: until COMMAND is true
guest() {
    name=$1
    left=$2
    shift 2
    rm -f serial
    s "$name-create" timeout 300 xl create kind.cfg
    await "$left" "$@"
    s "$name-gone" is_gone kind
    s "$name-serial" sh -c "tr -d '\r' <serial | tr '\033' '~'"
    is_gone kind || s "$name-screen" screen
    is_gone kind || xl destroy kind
}

# screen: what the guest shows in text mode, read by its device model out of the VGA's memory.
screen() {
    xl qemu-monitor-command kind 'xp /2000hx 0xb8000' |
        perl -ne 'print map { chr hex } /0x..(..)/g' | fold -w 80
    echo
}

# tested: memtest86+ has passed its first test.
tested() { screen 2>/dev/null | grep -qE 'Test #[ 0-9]*[1-9]|#[1-9]'; }

before=$(free)
drivers
config 'memory = 192' 'vcpus = 1' 'kernel = "/root/vmlinuz-686"' 'ramdisk = "/root/guest-initrd32"' 'cmdline = "console=ttyS0 quiet log=version"'
guest i386 900 is_gone kind
config 'memory = 512' 'vcpus = 1' 'firmware = "ovmf"' 'disk = [ "format=raw,vdev=hda,access=rw,target=/root/uefi.img" ]'
guest uefi 900 is_gone kind
config 'memory = 32' 'vcpus = 1' 'kernel = "/root/memtest.bin"'
guest memtest-direct 600 tested
config 'memory = 32' 'vcpus = 1' 'disk = [ "format=raw,vdev=hdc,devtype=cdrom,target=/root/memtest.iso" ]' 'boot = "d"'
guest memtest-iso 600 tested
memory_is "$before"
s dmesg xl dmesg
echo "=== end"
exit 0
