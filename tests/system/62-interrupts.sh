#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# With --full: 100,000 interrupts of two devices, counted where they are raised (QEMU's trace) and where they arrive
# (/proc/interrupts of dom0); then what one costs: exits, and instructions inside Tenon, on a machine whose TSC counts
# instructions.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tour.sh"
[ -n "${TEST_FULL:-}" ] || exit 77

extra='-blockdev null-co,node-name=a,size=67108864 -blockdev null-co,node-name=b,size=67108864'
extra+=' -device nvme,serial=a,drive=a -device virtio-blk-pci,drive=b'

# interrupts NAME COUNT RUN-OPTION...
interrupts() {
    local name=$1
    { printf '#!/bin/sh\nCOUNT=%s\n' "$2"; cat "$SOURCE_DIR/tests/system/dom0/interrupts.sh"; } >"$TEST_LOG/$name.sh"
    boot "$name" --emulator tcg --kernel lz4 --machine q35 --timeout 3600 --batch "$TEST_LOG/$name.sh" "${@:3}"
    check "$name: the script comes to its end" [ "$BOOT_STATUS" -eq 0 ]
    check "$name: dom0's kernel complains of nothing" tour_complaints dmesg
}

# arrived WHAT: the sum of these rows of /proc/interrupts.
arrived() {
    section interrupts | awk -v what="$1" '$0 ~ what {for (i = 2; $i ~ /^[0-9]+$/; i++) n += $i} END {print n + 0}'
}

trace=$TEST_LOG/raised
QEMU_EXTRA="$extra -trace pci_nvme_irq_msix -trace virtio_notify -trace virtio_notify_irqfd -D $trace" interrupts count "${COUNT:-50000}" --cpus 2
for device in nvme virtio; do
    # The disk's own queues: the one for administration is used again when dom0 goes down.
    case $device in
    nvme) raised=$(grep -c 'pci_nvme_irq_msix.* [1-9]' "$trace") rows=' nvme0q[1-9]' ;;
    virtio) raised=$(grep -c virtio_notify "$trace") rows=' virtio0-req' ;;
    esac
    arrived=$(arrived "$rows")
    echo "$device: $raised raised, $arrived arrived in dom0"
    check "$device: as many interrupts arrive as are raised" [ "$raised" = "$arrived" ]
    check "$device: of at least ${COUNT:-50000}" [ "$raised" -ge "${COUNT:-50000}" ]
done
rm -f "$trace"

# cost FROM TO COUNT: exits and ticks between two dumps, for each of COUNT interrupts.
cost() {
    { section "$1" | sed 's/^/a /'; section "$2" | sed 's/^/b /'; } | awk -v count="$3" '
        / exits / {
            for (i = 1; i <= NF; i++) if ($i == "exits") break
            sign = $1 == "a" ? -1 : 1
            name = ""; for (j = 4; j < i - 1; j++) name = name " " $j
            exits[name] += sign * $(i - 1); ticks[name] += sign * $(i - 1) * $(i + 1)
        }
        END {
            for (n in exits) { all += exits[n]; sum += ticks[n]
                if (exits[n] > count / 50) printf " %s %.2f (%d each);", n, exits[n] / count, ticks[n] / exits[n] }
            printf " all: %.2f exits, %d instructions\n", all / count, sum / count
        }'
}
if [ -z "${COUNT:-}" ]; then
    QEMU_TCG=tcg,thread=single QEMU_EXTRA="$extra -icount shift=0,sleep=off" interrupts cost 10000 --cpus 1
    echo "an interrupt of NVMe costs:$(cost exits-0 exits-1 10000)"
    echo "an interrupt of virtio-blk costs:$(cost exits-1 exits-2 10000)"
fi
exit 0
