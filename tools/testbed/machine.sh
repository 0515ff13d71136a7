# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# The emulated machine: an i440FX PC with two serial ports and three IDE disks (GRUB, dom0's root,
# payload) that is the same in Bochs and in QEMU.  QEMU has others as well: MACHINE, FIRMWARE.  Callers set
#   RUN_DIR CPUS MEMORY ROOT_DISK [CONSOLE=file|pty] [MACHINE=pc|q35] [FIRMWARE=bios|uefi]
#   [DISKS=ide|ahci|nvme|virtio|scsi] [NETS="DEVICE..."] [GUEST_DISK=FILE, a fourth disk]
# and get MACHINE_PID; RUN_DIR then holds com1 (console), com2 (batch output) machine.log
# (Bochs's own) and emulator.out.

MACHINE_BOCHS_PACKAGES=(bochs bochs-term bochsbios vgabios)
MACHINE_QEMU_PACKAGES=(qemu-system-x86 seabios)
MACHINE_UEFI_PACKAGES=(ovmf)
MACHINE_UEFI_CODE=/usr/share/OVMF/OVMF_CODE_4M.fd
MACHINE_UEFI_VARS=/usr/share/OVMF/OVMF_VARS_4M.fd

# For experiments, from the environment.  BOCHS_EXTRA: lines for bochsrc; BOCHS_RC: debugger commands;
# QEMU_EXTRA: options for QEMU, before those of the disks and cards (bridges and ports for --net DEVICE,bus=...).
BOCHS_CPU=${BOCHS_CPU:-corei7_skylake_x}
BOCHS_IPS=${BOCHS_IPS:-40000000}
BOCHS_TIME0=${BOCHS_TIME0:-1790000000}
# What hypervisors have to be told because of Bochs 2.7's faults: docs/caveats.md.
BOCHS_HV_CMDLINE='cpuid=no-xsavec,no-xsaves apicv=0'
# Of QEMU's own emulation; what it gets wrong of others: docs/caveats.md.
QEMU_CPU=${QEMU_CPU:-EPYC,+svm,+npt,-smap,-smep,-monitor}
QEMU_TCG=${QEMU_TCG:-tcg,thread=multi}

# machine_start bochs|kvm|tcg
machine_start() {
    : >"$RUN_DIR/com1"
    : >"$RUN_DIR/com2"
    : >"$RUN_DIR/machine.log"
    ln -sf "$ROOT_DISK" "$RUN_DIR/root.img"
    [ -z "${GUEST_DISK:-}" ] || ln -sf "$GUEST_DISK" "$RUN_DIR/guest.img"
    case $1 in
    bochs) machine_bochs ;;
    *) machine_qemu "$1" ;;
    esac
}

machine_bochs() {
    local console="mode=file, dev=$RUN_DIR/com1"
    [ "$CONSOLE" = pty ] && console="mode=term, dev=$RUN_DIR/pty"
    cat >"$RUN_DIR/bochsrc" <<END
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=1, parallel=0, serial=1
cpu: model=$BOCHS_CPU, count=$CPUS, ips=$BOCHS_IPS, quantum=${BOCHS_QUANTUM:-32}, reset_on_triple_fault=0, ignore_bad_msrs=1
memory: guest=$MEMORY, host=$MEMORY
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
boot: disk
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
ata0-master: type=disk, path=$RUN_DIR/boot.img, mode=volatile
ata0-slave: type=disk, path=$RUN_DIR/root.img, mode=volatile, journal=$RUN_DIR/root.redolog
ata1-master: type=disk, path=$RUN_DIR/payload.img, mode=volatile
${GUEST_DISK:+ata1-slave: type=disk, path=$RUN_DIR/guest.img, mode=volatile, journal=$RUN_DIR/guest.redolog}
com1: enabled=1, $console
com2: enabled=1, mode=file, dev=$RUN_DIR/com2
display_library: rfb, options="timeout=0"
clock: sync=none, time0=$BOCHS_TIME0
log: $RUN_DIR/machine.log
panic: action=report
error: action=report
info: action=report
${BOCHS_EXTRA:-}
END
    echo "${BOCHS_RC:-c}" >"$RUN_DIR/bochs.rc"
    rm -f "$RUN_DIR"/*.lock
    bochs -q -f "$RUN_DIR/bochsrc" -rc "$RUN_DIR/bochs.rc" </dev/null >"$RUN_DIR/emulator.out" 2>&1 &
    MACHINE_PID=$!
}

machine_qemu() {
    local options=(-machine "${MACHINE:-pc}" -smp "$CPUS,sockets=$CPUS" -m "$MEMORY" -display none -nic none
        -monitor none -no-reboot)
    case $1 in
    kvm) options+=(-accel kvm -cpu host) ;;
    tcg) options+=(-accel "$QEMU_TCG" -cpu "$QEMU_CPU") ;;
    esac
    # shellcheck disable=SC2206
    options+=(${QEMU_EXTRA:-})
    machine_disks
    options+=("${DISK_OPTIONS[@]}")
    machine_firmware
    options+=("${FIRMWARE_OPTIONS[@]}")
    if [ "$CONSOLE" = pty ]; then
        options+=(-chardev "serial,id=com1,path=$RUN_DIR/pty" -serial chardev:com1)
    else
        options+=(-serial "file:$RUN_DIR/com1")
    fi
    qemu-system-x86_64 "${options[@]}" -serial "file:$RUN_DIR/com2" \
        </dev/null >"$RUN_DIR/emulator.out" 2>&1 &
    MACHINE_PID=$!
}

# machine_disks: sets DISK_OPTIONS for the three disks, boot first, and the network cards. On q35 the
# machine's own (ide) are AHCI's. Each card has a user-mode network of its own, with a server at
# 10.0.2.100, port 7, that sends back what it gets.
MACHINE_ECHO='guestfwd=tcp:10.0.2.100:7-cmd:cat'
machine_disks() {
    local disk index=0 net
    DISK_OPTIONS=()
    case ${DISKS:-ide} in
    ahci) DISK_OPTIONS+=(-device ahci,id=disks) ;;
    scsi) DISK_OPTIONS+=(-device virtio-scsi-pci,id=disks) ;;
    esac
    for disk in boot root payload ${GUEST_DISK:+guest}; do
        if [ "${DISKS:-ide}" = ide ]; then
            DISK_OPTIONS+=(-drive "file=$RUN_DIR/$disk.img,format=raw,if=ide,index=$index,snapshot=on")
        else
            DISK_OPTIONS+=(-drive "file=$RUN_DIR/$disk.img,format=raw,if=none,id=$disk,snapshot=on")
        fi
        case ${DISKS:-ide} in
        ahci) DISK_OPTIONS+=(-device "ide-hd,bus=disks.$index,drive=$disk,bootindex=$index") ;;
        nvme) DISK_OPTIONS+=(-device "nvme,serial=$disk,drive=$disk,bootindex=$index") ;;
        virtio) DISK_OPTIONS+=(-device "virtio-blk-pci,drive=$disk,bootindex=$index") ;;
        scsi) DISK_OPTIONS+=(-device "scsi-hd,bus=disks.0,drive=$disk,bootindex=$index") ;;
        esac
        index=$((index + 1))
    done
    for net in ${NETS:-}; do
        DISK_OPTIONS+=(-netdev "user,id=net$index,$MACHINE_ECHO" -device "$net,netdev=net$index,romfile=")
        index=$((index + 1))
    done
}

# machine_firmware: sets FIRMWARE_OPTIONS; UEFI keeps its variables in a file of this run's own.
machine_firmware() {
    FIRMWARE_OPTIONS=()
    [ "${FIRMWARE:-bios}" = uefi ] || return 0
    cp "$MACHINE_UEFI_VARS" "$RUN_DIR/uefi-vars.img"
    FIRMWARE_OPTIONS=(
        -drive "if=pflash,unit=0,format=raw,readonly=on,file=$MACHINE_UEFI_CODE"
        -drive "if=pflash,unit=1,format=raw,file=$RUN_DIR/uefi-vars.img"
    )
}

# machine_stop: ends the emulator, if it still runs.
machine_stop() {
    [ -n "${MACHINE_PID:-}" ] || return 0
    kill "$MACHINE_PID" 2>/dev/null
    wait "$MACHINE_PID" 2>/dev/null
    MACHINE_PID=
    rm -f "$RUN_DIR"/*.lock "$RUN_DIR"/*.redolog* "$RUN_DIR"/*.vol-* 2>/dev/null
    return 0
}

# machine_ended: did the machine power itself off?  (Bochs says so and may go on.)
machine_ended() {
    ! kill -0 "$MACHINE_PID" 2>/dev/null ||
        { [ -s "$RUN_DIR/machine.log" ] && grep -qs 'soft power off' "$RUN_DIR/machine.log"; }
}

machine_cpu_seconds() {
    local fields
    read -r -a fields 2>/dev/null <"/proc/$MACHINE_PID/stat" || return
    echo $(((fields[13] + fields[14]) / 100))
}

# machine_fault: the emulator's own word for a machine that cannot go on.
machine_fault() {
    grep -m1 -as 'shutdown status is\|exception with no resolution\|triple fault\|CPU shutdown' \
        "$RUN_DIR/machine.log"
}
