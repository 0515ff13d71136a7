# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# dom0 on one of QEMU's machines, its devices at work and judged: used for many machines. The tests that source it are
# to have sourced lib.sh and tour.sh.

# buses NAME VECTORS CARDS RUN-OPTION...: boots, and looks at what tests/system/dom0/buses.sh found. VECTORS: what
# /proc/interrupts calls those of the disk; CARDS: drivers of network cards, each with options for QEMU's device behind
# an @. BUSES="NAME..." in the environment: these machines alone.
buses() {
    local name=$1 vectors=$2 card device options=()
    [[ -z ${BUSES:-} || " $BUSES " == *" $name "* ]] || return 1
    for card in $3; do
        case $card in virtio_net*) device=virtio-net-pci ;; *) device=${card%%@*} ;; esac
        case $card in *@*) device+=,${card#*@} ;; esac
        options+=(--net "$device")
    done
    boot "$name" --emulator tcg --cpus 2 --kernel lz4 --timeout 2400 \
        --batch "$SOURCE_DIR/tests/system/dom0/buses.sh" "${options[@]}" "${@:4}"
    check "$name: the script comes to its end" [ "$BOOT_STATUS" -eq 0 ]
    check "$name: xl list shows Domain-0" section_has list '^Domain-0 '
    check "$name: the disk interrupts by $vectors" section_has interrupts "[1-9][0-9]* .*$vectors"
    check "$name: the disk is read" section_has read '67108864 bytes'
    check "$name: and while its interrupts move from CPU to CPU" section_has affinity '67108864 bytes'
    check "$name: which they do" section_has affinity '^moved [1-9]'
    check "$name: without an error" section_lacks affinity 'failed|error'
    check "$name: a CPU goes and comes back" section_has offline '^status 0'
    buses_cards "$name" "$3"
    if [[ $vectors == *nvme* ]]; then
        check "$name: a reset of the disk's function, while it is read" section_has reset '^reset nvme by flr'
        check "$name: harms it not" section_has reset '67108864 bytes'
    fi
    if [[ " $* " == *' --firmware uefi '* ]]; then
        check "$name: efibootmgr shows the variables" section_has efi '^BootCurrent: [0-9]+'
        check "$name: dom0 writes a variable" section_has efi '^written$'
    fi
    check "$name: dom0's kernel complains of nothing" tour_complaints dmesg
    check "$name: no interrupt went astray" section_lacks xl-dmesg 'names no vCPU|leads to nobody|to nobody'
}

# buses_cards NAME CARDS: each carries data, also when it was taken away and found again, and reset.
buses_cards() {
    local name=$1 card part count=0
    for card in $2; do
        count=$((count + 1))
        for part in cards rescan reset; do
            check "$name: ${card/@/ at } carries data ($part)" section_has $part "${card%%@*}: .*echo good 1048576"
        done
    done
    for part in cards rescan reset; do
        check "$name: all cards do ($part)" [ "$(section $part | grep -c 'echo good 1048576')" = $count ]
    done
}
