#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Prints the table of tests/bench/guests or alone from what the guests said: guests_report.py TENON-OUTPUT XEN-OUTPUT."""
import re
import sys

# Name in the guest's output, what it is, the most that Tenon's figure may be of Xen's.
THIRD, NOT_ABOVE = 1 / 3, 1.0
ROWS = [
    ("cpuid", "CPUID", THIRD),
    ("xen-version", "VMCALL of xen_version", THIRD),
    ("cr8-read", "MOV from CR8", NOT_ABOVE),
    ("cr8-write", "MOV to CR8", NOT_ABOVE),
    ("xapic-tpr-read", "TPR read, xAPIC", NOT_ABOVE),
    ("xapic-tpr-write", "TPR written, xAPIC", NOT_ABOVE),
    ("x2apic-tpr-read", "TPR read, x2APIC", NOT_ABOVE),
    ("x2apic-tpr-write", "TPR written, x2APIC", NOT_ABOVE),
    ("xapic-eoi", "EOI, xAPIC", THIRD),
    ("x2apic-eoi", "EOI, x2APIC", THIRD),
    ("xapic-self-ipi", "self-IPI, xAPIC", THIRD),
    ("x2apic-self-ipi", "self-IPI, x2APIC", THIRD),
    ("tsc-deadline-program", "TSC deadline: programming", NOT_ABOVE),
    ("tsc-deadline-running", "TSC deadline: late by, running", NOT_ABOVE),
    ("tsc-deadline-halted", "TSC deadline: late by, halted", NOT_ABOVE),
    ("page-back-and-again", "a page given back and taken", NOT_ABOVE),
    ("page-first-touch", "first touch of such a page", NOT_ABOVE),
    ("memory-nobody-read", "read where no memory is", NOT_ABOVE),
    ("ipi-send", "IPI: sending", NOT_ABOVE),
    ("ipi-running", "IPI to a vCPU that runs", NOT_ABOVE),
    ("ipi-halted", "IPI to a vCPU in HLT", NOT_ABOVE),
    ("pm-timer-read", "PM timer read", THIRD),
    ("hpet-read", "HPET read", THIRD),
    ("ioapic-read", "IO-APIC read", THIRD),
    ("qemu-port-read", "port read that QEMU answers", NOT_ABOVE),
    ("qemu-mmio-read", "MMIO read that QEMU answers", NOT_ABOVE),
    ("event-to-itself", "event to the same vCPU, until its handler", NOT_ABOVE),
    ("event-send-pending", "event sent that is pending", NOT_ABOVE),
    ("event-round-trip-halted", "event there and back, in HLT", NOT_ABOVE),
    ("event-round-trip-polled", "event there and back, polled", NOT_ABOVE),
    ("grant-map-unmap", "grant mapped and unmapped", NOT_ABOVE),
    ("grant-map-touch-unmap", "the same, written in between", NOT_ABOVE),
    ("grant-copy-page", "grant copy of a page", NOT_ABOVE),
    ("xl-create-pvh", "xl create to the first instruction, PVH", NOT_ABOVE),
    ("xl-create-hvm", "the same, HVM (QEMU, hvmloader, SeaBIOS)", NOT_ABOVE),
    ("kernel-to-init-pvh", "kernel's clock at its init, PVH", NOT_ABOVE),
    ("kernel-to-init-pvhvm", "the same, PVHVM", NOT_ABOVE),
    ("kernel-to-init-hvm", "the same, HVM", NOT_ABOVE),
    ("disk-sequential-pvh", "blkfront, 64 KiB read in order, PVH", NOT_ABOVE),
    ("disk-random-pvh", "blkfront, 4 KiB read anywhere, PVH", NOT_ABOVE),
    ("disk-sequential-pvhvm", "blkfront, 64 KiB read in order, PVHVM", NOT_ABOVE),
    ("disk-random-pvhvm", "blkfront, 4 KiB read anywhere, PVHVM", NOT_ABOVE),
    ("network-in-pvh", "netfront, 64 KiB to the guest, PVH", NOT_ABOVE),
    ("network-out-pvh", "netfront, 64 KiB from the guest, PVH", NOT_ABOVE),
    ("network-in-pvhvm", "netfront, 64 KiB to the guest, PVHVM", NOT_ABOVE),
    ("network-out-pvhvm", "netfront, 64 KiB from the guest, PVHVM", NOT_ABOVE),
    ("idle-memory-kib", "memory beside its own, KiB, of a PVH guest of 64 MiB", NOT_ABOVE),
]


def figures(path):
    """{name: median}"""
    try:
        with open(path, encoding="latin1") as file:
            text = file.read().replace("\r", "")
    except FileNotFoundError:
        return {}
    return {found[0]: int(found[1]) for found in
            re.findall(r"guest: bench (\S+) \d+ (\d+) \d+ \d+$", text, re.M)}


def cell(value):
    return "-" if value is None else "{:,}".format(value)


def row(tenon, xen, name, what, limit):
    mine, theirs = tenon.get(name), xen.get(name)
    target = "1/3" if limit == THIRD else "1"
    if mine is None or not theirs:
        return [what, cell(mine), cell(theirs), "-", target, ""]
    ratio = mine / theirs
    return [what, cell(mine), cell(theirs), "%.2f" % ratio, target, "" if ratio <= limit else "missed"]


def main():
    tenon, xen = figures(sys.argv[1]), figures(sys.argv[2])
    print("| operation | Tenon | Xen 4.17 | ratio | to reach | |\n|---|---|---|---|---|---|")
    for entry in (e for e in ROWS if e[0] in tenon or e[0] in xen):
        print("| " + " | ".join(row(tenon, xen, *entry)) + " |")


main()
