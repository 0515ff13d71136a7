#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# xl builds HVM guests with Debian's QEMU as device model on Tenon, and takes them away without a trace. They do not run.
. "$(dirname "$(realpath "$0")")/lib.sh"
rig_enter "$@"

# hvm_config FILE NAME MIB VCPUS
hvm_config() {
    printf 'type = "hvm"\nname = "%s"\nmemory = %s\nvcpus = %s\nvnc = 0\nserial = "null"\nboot = "c"\n' "${@:2}" >"$1"
}

row() { tool "${@:2}" | grep -E "^$1 "; }
qemu_of() { pgrep -f "xen-domid $1( |\$)"; }
hvm_create() { tool timeout 120 xl create -p "$1" >>"$TEST_LOG/log" 2>&1; }

check 'xenstored, rigd and xen-init-dom0 start' start_tools xenstored --fifo
tool xenconsoled --pid-file=/run/xen/xenconsoled.pid >>"$TEST_LOG/xenconsoled" 2>&1
tool xl list >/dev/null
hvm_config /run/hvm.cfg hvm 64 2
hvm_create /run/hvm.cfg && tool xl destroy hvm >>"$TEST_LOG/log" 2>&1
before=$(rig_settled)
check 'xl create -p makes an HVM guest' hvm_create /run/hvm.cfg
id=$(tool xl domid hvm)
check 'xl list shows it' has "$(row hvm xl list)" " $id +64 +1 +--p---"
check 'QEMU serves it' eval 'qemu_of $id'
check 'QEMU is ready' eval '[ "$(tool xenstore-read /local/domain/0/device-model/$id/state)" = running ]'
check 'its ports are the hypervisor'\''s own: two vCPUs and the ring' eval '[ "$(rig_report xen_ports)" = 3 ]'
check 'xl trigger power, sleep' eval 'tool xl trigger hvm power && tool xl trigger hvm sleep'
for device in PIC: IOAPIC: PIT: RTC: HPET: 'ACPI PM'; do
    check "xen-hvmctx shows the state of $device" eval 'has "$(tool xen-hvmctx $id)" "$device"'
done
check 'xl unpause, pause' eval 'tool xl unpause hvm && tool xl pause hvm'
check 'xl destroy' tool timeout 60 xl destroy hvm
check 'QEMU has gone' eval 'wait_for "end of QEMU" eval "! qemu_of $id"'
check 'its memory, its ports and what dom0 had mapped are free again' is_settled "$before"
check 'no reference to its memory is lost' eval '[ "$(rig_report lost_references)" = 0 ]'

# As many vCPUs as a large guest has, and as many as there can be; a CD that is changed.
for vcpus in 16 ${TEST_FULL:+128}; do
    hvm_config /run/large.cfg large 64 $vcpus
    hvm_create /run/large.cfg && tool xl destroy large >>"$TEST_LOG/log" 2>&1      # for what the heap keeps
    before_large=$(rig_settled)
    check "xl create makes one with $vcpus vCPUs" hvm_create /run/large.cfg
    check "xl vcpu-list shows $vcpus" eval '[ "$(tool xl vcpu-list large | grep -c "^large ")" = $vcpus ]'
    check "they go" tool timeout 60 xl destroy large
    check "without a trace ($vcpus)" is_settled "$before_large"
done
truncate -s 1M /run/one.iso /run/two.iso
hvm_config /run/cd.cfg cd 64 1
echo 'disk = [ "format=raw,vdev=hdc,devtype=cdrom,access=ro,target=/run/one.iso" ]' >>/run/cd.cfg
medium() { tool xenstore-read "/local/domain/0/backend/qdisk/$(tool xl domid cd)/$(tool xl block-list cd | awk 'NR == 2 {print $1}')/params"; }
hvm_create /run/cd.cfg && tool xl cd-insert cd hdc /run/two.iso && tool xl destroy cd >>"$TEST_LOG/log" 2>&1
before=$(rig_settled)
check 'xl -N create shows what would be made' eval 'has "$(tool xl -N create /run/cd.cfg)" "one.iso" && ! tool xl domid cd'
check 'xl create with a CD' hvm_create /run/cd.cfg
check 'xl cd-insert changes it' eval 'tool timeout 60 xl cd-insert cd hdc /run/two.iso && has "$(medium)" "two.iso"'
check 'xl cd-eject empties the drive' eval 'tool timeout 60 xl cd-eject cd hdc && ! has "$(medium)" "iso"'
check 'that guest goes, too' tool timeout 60 xl destroy cd
check 'and leaves nothing behind' is_settled "$before"

# Enlightenments for Windows: those of viridian=1, and one that is not there.
hvm_config /run/windows.cfg windows 64 1
echo 'viridian = 1' >>/run/windows.cfg
check 'xl create with viridian=1' hvm_create /run/windows.cfg
check 'and xl destroy' tool timeout 60 xl destroy windows
sed -i 's/^viridian = .*/viridian = [ "defaults", "synic", "stimer" ]/' /run/windows.cfg
hvm_create /run/windows.cfg
before=$(rig_settled)
hvm_create /run/windows.cfg
check 'the log names the one that is not there' eval 'has "$(tool xl dmesg)" "HVMOP_set_param: value: 0x1[0-9a-f]{3} refused .errno 22."'
! tool xl domid windows || tool timeout 60 xl destroy windows
check 'and nothing is left behind' is_settled "$before"

# The device model dies first.
before=$(rig_settled)
check 'a guest whose QEMU was killed can be destroyed' eval \
    'hvm_create /run/hvm.cfg && kill -9 $(qemu_of $(tool xl domid hvm)) && tool timeout 60 xl destroy hvm'
check 'and leaves nothing behind' is_settled "$before"

# Every call of the device model refused in turn: no guest, or one that can be destroyed; nothing stays behind.
for op in 1 2 5 3; do
    check "create with dm_op $op failing ends in order" eval \
        "TENON_RIG_FAIL=dm.$op=12 hvm_create /run/hvm.cfg; ! tool xl domid hvm || tool timeout 60 xl destroy hvm"
    check "and leaves nothing behind after dm_op $op" is_settled "$before"
done
kill "$(cat /run/xen/xenconsoled.pid)" "$(cat /run/xen/xenstored.pid)"
check 'rigd ends without a finding' stop_rigd
