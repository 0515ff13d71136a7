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
    is_gone kind || xl destroy kind
}

before=$(free)
drivers
if [ -f vmlinuz-686 ]; then
    config 'memory = 192' 'vcpus = 1' 'kernel = "/root/vmlinuz-686"' 'ramdisk = "/root/guest-initrd32"' 'cmdline = "console=ttyS0 quiet"'
    guest i386 300 is_gone kind
fi
if [ -f memtest.bin ]; then
    config 'memory = 32' 'vcpus = 1' 'kernel = "/root/memtest.bin"' 'cmdline = "console=ttyS0,115200"'
    guest memtest 150 says serial 'Test #[ 0-9]*[1-9]|#[1-9]'
fi
if [ -f uefi.img ]; then
    config 'memory = 256' 'vcpus = 1' 'firmware = "ovmf"' 'disk = [ "format=raw,vdev=hda,access=rw,target=/root/uefi.img" ]'
    guest uefi 500 is_gone kind
fi
memory_is "$before"
s dmesg xl dmesg
echo "=== end"
exit 0
