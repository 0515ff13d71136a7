#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# With --full: sequential reads of dom0 against those of the bare kernel in the same machine, NVMe and virtio-blk. dom0 uses
# bounce buffers (swiotlb=force, which Tenon appends); what they take is shown by dom0 without and the bare kernel with them.
# By the host's clock, so the host should have nothing else to do. SPEED_CLOCK=instructions in the environment: a machine
# whose clock counts instructions, where that does not matter (QEMU 7.2 has hung there). ROUNDS (1) of each. DEPTH: reads in flight.
# SPEED_WHO: some of them; "xen" is Debian's Xen 4.17 with a PVH dom0 in the same machine, which wants an IOMMU for that.
. "$(dirname "$0")/lib.sh"
. "$SOURCE_DIR/tests/bench/debian-xen.sh"
[ -n "${TEST_FULL:-}" ] || exit 77

export QEMU_EXTRA='-blockdev null-co,node-name=a,size=268435456 -blockdev null-co,node-name=b,size=268435456'
QEMU_EXTRA+=' -device nvme,serial=a,drive=a -device virtio-blk-pci,drive=b,disable-legacy=on'
if [ "${SPEED_CLOCK:-}" = instructions ]; then
    export QEMU_TCG=tcg,thread=single
    QEMU_EXTRA+=' -icount shift=0'
fi

# watch_speed NAME FILE: for each measurement of the boot a line "DISK KiB CPU-CLOCK-TICKS KiB/s" in FILE.
watch_speed() {
    local com2=$TEST_LOG/$1/com2 pid='' line words fields begin=0
    until pid=$(pgrep -f -- "-serial file:$com2\$"); do sleep 1; done
    while read -r line; do
        read -r -a words <<<"$line"
        read -r -a fields <"/proc/$pid/stat"
        case $line in
        'begin '*) begin=$((fields[13] + fields[14])) ;;
        *' KiB/s'*) echo "${words[0]} ${words[2]} $((fields[13] + fields[14] - begin)) ${words[5]}" >>"$2" ;;
        esac
    done < <(tail -n +1 -s 0.1 -f --pid="$pid" "$com2")
}

speed() {
    local watcher
    watch_speed "$1-$round" "$TEST_LOG/$1" &
    watcher=$!
    boot "$1-$round" --emulator tcg --machine q35 --cpus 1 --timeout 3600 \
        --add "$TEST_LOG/depth" --batch "$SOURCE_DIR/tests/system/dom0/disk-speed.sh" "${@:2}"
    check "$1, round $round" [ "$BOOT_STATUS" -eq 0 ]
    kill $watcher 2>/dev/null
    wait $watcher 2>/dev/null
}

speed_xen() {
    local xen
    xen=$(debian_xen "$TEST_LOG/package") || return
    QEMU_CPU=EPYC,+svm,+npt,-smap,-smep,-monitor,-rdtscp QEMU_EXTRA+=' -device amd-iommu' speed xen --hypervisor "$xen" --cmdline dom0=pvh
}

echo "${DEPTH:-8}" >"$TEST_LOG/depth"
everyone='bare bare-bounced tenon direct'
for ((round = 1; round <= ${ROUNDS:-1}; round++)); do
    for who in ${SPEED_WHO:-$everyone}; do
        case $who in
        bare) speed bare --hypervisor none ;;
        bare-bounced) speed bare-bounced --hypervisor none --dom0-cmdline swiotlb=force ;;
        tenon) speed tenon --kernel lz4 ;;
        direct) speed direct --kernel lz4 --dom0-cmdline swiotlb=noforce ;;
        xen) speed_xen ;;
        esac
    done
done

# median DISK FILE EXPRESSION: of the file's lines.
median() {
    awk -v disk="$1" '$1 == disk && $3 > 0 {print int('"$3"')}' "$TEST_LOG/$2" | sort -n |
        awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)] + 0}'
}
for disk in nvme0n1 vda; do
    for who in ${SPEED_WHO:-$everyone}; do
        echo "$disk, $who: $(median $disk $who '$4') KiB/s; $(median $disk $who '100 * $2 / $3') per second of the host's CPU time"
    done
    tenon=$(median $disk tenon '$4') bare=$(median $disk bare '$4')
    check "$disk: at least 0.85 of the bare kernel's speed" [ $((100 * tenon)) -ge $((85 * bare)) -a "$bare" -gt 0 ]
done
