#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Prints the table of tests/bench/run from the logs of its boots."""
import os
import re
import sys


def read(*path):
    try:
        with open(os.path.join(*path), "rb") as file:
            return file.read().decode("latin1")
    except FileNotFoundError:
        return ""


class Boot:
    """One boot: times in ticks, and what of them was instructions."""

    def __init__(self, log_dir, name, step, msr):
        self.console = read(log_dir, name, "com1")
        self.output = read(log_dir, name + ".out")
        self.breakpoints = []
        self.curve = []          # (tick, instructions up to it), from the first step on
        self.jump = self.first_tick(read(log_dir, name, "machine.log"), msr)
        self.read_debugger(read(log_dir, name, "emulator.out"), step)
        found = re.search(r"testbed: init .*at tick (\d+)", self.console)
        self.init = int(found.group(1)) if found else None

    @staticmethod
    def first_tick(log, msr):
        found = re.search(r"^(\d+)\w\[.*register %s" % msr, log, re.M)
        return int(found.group(1)) if found else None

    def read_debugger(self, text, step):
        at_breakpoint = False
        for line in text.splitlines():
            if "reakpoint" in line:
                at_breakpoint = True
            found = re.match(r"Next at t=(\d+)", line)
            if not found:
                continue
            tick = int(found.group(1))
            if at_breakpoint:
                self.breakpoints.append(tick)
                self.curve = [(tick, 0)]
            elif self.curve:
                last, done = self.curve[-1]
                self.curve.append((tick, done + min(step, tick - last)))
            at_breakpoint = False

    def executed(self, tick):
        """Instructions from the last breakpoint (the kernel's first instruction) to a tick."""
        if tick is None:
            return None
        for (t0, n0), (t1, n1) in zip(self.curve, self.curve[1:]):
            if t0 <= tick <= t1:
                return n0 + (n1 - n0) * (tick - t0) // max(t1 - t0, 1)
        return None


def millions(count):
    return "-" if count is None else "%.1f M" % (count / 1e6)


def difference(later, earlier):
    return None if later is None or earlier is None else later - earlier


def kept_memory(output):
    found = re.search(r"^Domain-0 +0 +(\d+)", output, re.M)
    return "-" if not found else "%d MiB" % (2048 - int(found.group(1)))


def table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def tenon_own_part(boot):
    """GRUB's jump to dom0's first instruction, without unpacking: breakpoints at both ends of that."""
    if boot.jump is None or len(boot.breakpoints) < 3:
        return None
    begin, end, entry = boot.breakpoints[:3]
    return entry - boot.jump - (end - begin)


def main():
    log_dir, image, step, msr = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    step_boots = {name: Boot(log_dir, name, step, msr) for name in ("tenon-steps", "bare")}
    plain = {name: Boot(log_dir, name, step, msr) for name in ("tenon", "xen")}
    tenon, bare = step_boots["tenon-steps"], step_boots["bare"]
    to_init = [boot.executed(boot.init) for boot in (tenon, bare)]
    ratio = "%.3f" % (to_init[0] / to_init[1]) if all(to_init) else "-"
    xen_image = os.path.join(log_dir, "xen", "boot", "xen-4.17-amd64.gz")
    xen_size = "%d" % os.path.getsize(xen_image) if os.path.exists(xen_image) else "-"
    table([
        ("Bochs, 1 CPU, 2048 MiB", "Tenon", "bare", "Xen 4.17 PV", "to reach"),
        ("GRUB's jump to dom0's first instruction, without unpacking",
         millions(tenon_own_part(tenon)), "-", "-", "100 M"),
        ("kernel's first instruction to init, instructions", millions(to_init[0]), millions(to_init[1]),
         "-", "-"),
        ("  relative to the bare kernel", ratio, "1", "-", "1.10"),
        ("GRUB's jump to init, with unpacking and idle time",
         millions(difference(tenon.init, tenon.jump)), millions(difference(bare.init, bare.jump)),
         millions(difference(plain["xen"].init, plain["xen"].jump)), "-"),
        ("image, bytes compressed", "%d" % os.path.getsize(image), "-", xen_size, "524288"),
        ("memory kept from dom0", kept_memory(plain["tenon"].output), "-",
         "as dom0_mem= says", "72.6 MiB"),
    ])
    print("\nTenon's VM exits until the tools were up (instructions inside the hypervisor)")
    rows = [("exit", "count", "mean", "max")]
    for label, count, mean, top in re.findall(
            r"d0v0 (.+?) +(\d+) exits +(\d+) mean +(\d+) max", plain["tenon"].output):
        rows.append((label, count, mean, top))
    table(rows)


main()
