#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the simulator and writes docs/sched-*.svg and the tables of docs/scheduling.md on standard output.

Usage: report.py [--quick] [DIRECTORY for the SVGs, docs/ if not given]. Wants gcc, valgrind (instructions per decision
are counted by callgrind, the same on every machine with the same compiler) and nothing else.
"""
import math
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
FLAGS = ("-std=gnu11 -O2 -g -fno-strict-aliasing -ftrivial-auto-var-init=zero -DHV_DEBUG=0 -Isrc/credit2/include "
         "-Isrc/credit2 -Isrc/lib/include -Iinclude").split()
COLOURS = ["#1b6ca8", "#c8553d", "#3a7d44", "#8e5aa8", "#b8860b", "#555555"]


def build(where, cpus):
    binary = pathlib.Path(where) / f"simulate-{cpus}"
    sources = sorted(str(p) for p in (ROOT / "src/credit2").glob("*.c"))
    sources += [f"tests/model/credit2/{n}.c" for n in ("sim", "worlds", "simulate")]
    subprocess.run(["gcc", *FLAGS, f"-DCREDIT2_MAX_CPUS={cpus}U", *sources, "-lm", "-o", binary], cwd=ROOT, check=True)
    return binary


def simulate(binary, *options, prefix=()):
    run = subprocess.run([*prefix, binary, *map(str, options)], capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in run.stdout.splitlines() if "=" in line)


def instructions(binary, where, *options):
    """Of credit2_pick() and credit2_wake(), all that they call included, per call of one of them."""
    out = pathlib.Path(where) / "callgrind"
    prefix = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--toggle-collect=credit2_pick",
              "--toggle-collect=credit2_wake"]
    result = simulate(binary, *options, "--no-clock", prefix=prefix)
    total = int(re.search(r"^summary: (\d+)", out.read_text(), re.M).group(1))
    return total / int(result["decisions"])


# ---- plots ----

def nice_ticks(low, high, log):
    if log:
        return [10.0 ** e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
    step = 10 ** math.floor(math.log10(max(high - low, 1e-9) / 4))
    step *= next(m for m in (1, 2, 5, 10) if (high - low) / (step * m) <= 6)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def plot(path, title, x_label, y_label, lines, x_range, y_range, x_log=False, y_log=False):
    """lines: (name, [(x, y), ...], with marks)."""
    width, height, left, right, top, bottom = 760, 400, 70, 190, 40, 50

    def place(value, span, low, high, log):
        a, b, v = (math.log10(t) for t in (low, high, max(value, low))) if log else (low, high, value)
        return (v - a) / (b - a) * span

    def x_of(x):
        return left + place(x, width - left - right, *x_range, x_log)

    def y_of(y):
        return height - bottom - place(min(max(y, y_range[0]), y_range[1]), height - top - bottom, *y_range, y_log)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
           f'font-size="12">', f'<rect width="{width}" height="{height}" fill="white"/>',
           f'<text x="{left}" y="22" font-size="14">{title}</text>']
    for tick in nice_ticks(*x_range, x_log):
        if x_range[0] <= tick <= x_range[1]:
            out += [f'<path d="M{x_of(tick):.1f} {top}V{height - bottom}" stroke="#ddd"/>',
                    f'<text x="{x_of(tick):.1f}" y="{height - bottom + 16}" text-anchor="middle">{tick:g}</text>']
    for tick in nice_ticks(*y_range, y_log):
        if y_range[0] <= tick <= y_range[1]:
            out += [f'<path d="M{left} {y_of(tick):.1f}H{width - right}" stroke="#ddd"/>',
                    f'<text x="{left - 6}" y="{y_of(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>']
    out += [f'<path d="M{left} {top}V{height - bottom}H{width - right}" fill="none" stroke="black"/>',
            f'<text x="{(left + width - right) / 2}" y="{height - 12}" text-anchor="middle">{x_label}</text>',
            f'<text transform="translate(16 {(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle">{y_label}</text>']
    for i, (name, points, marks) in enumerate(lines):
        colour = COLOURS[i % len(COLOURS)]
        way = "L".join(f"{x_of(x):.1f} {y_of(y):.1f}" for x, y in points)
        out.append(f'<path d="M{way}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        if marks:
            out += [f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3" fill="{colour}"/>' for x, y in points]
        y = top + 14 + 18 * i
        out += [f'<path d="M{width - right + 12} {y - 4}h18" stroke="{colour}" stroke-width="2"/>',
                f'<text x="{width - right + 36}" y="{y}">{name}</text>']
    path.write_text("\n".join(out + ["</svg>", ""]))
    print(f"wrote {path}", file=sys.stderr)


def numbers(path):
    return [[float(n) for n in line.split()] for line in pathlib.Path(path).read_text().splitlines()]


def fairness(binary, where, docs):
    lines = []
    for cpus, units in ((16, 64), (64, 512)):
        simulate(binary, "--cpus", cpus, "--units", units, "--load", "hogs", "--seconds", 10, "--series",
                 f"{where}/series", "--no-clock")
        rows = numbers(f"{where}/series")
        for column, weight in ((1, 256), (3, 1024)):
            lines.append((f"{units} on {cpus} CPUs, {weight}", [(r[0], r[column]) for r in rows if r[0] >= 0.02], False))
    plot(docs / "sched-fairness.svg", "CPU time so far of domains of two weights, against what is due", "seconds",
         "got / due", lines, (0, 10), (0.9, 1.1))


def latency(binary, where, docs):
    lines = []
    for load, units in (("io", 64), ("bursty", 64), ("mixed", 64), ("mixed", 256)):
        simulate(binary, "--cpus", 16, "--units", units, "--load", load, "--seconds", 5, "--latencies", f"{where}/lat",
                 "--no-clock")
        lines.append((f"{load}, {units} vCPUs", [(max(us, 1), p / 10) for p, us in numbers(f"{where}/lat")], False))
    plot(docs / "sched-latency.svg", "From wake-up to running, 16 CPUs on one run queue", "microseconds", "per cent of wake-ups",
         lines, (1, 100000), (0, 100), x_log=True)


def scaling(binaries, where, docs, quick):
    print("| vCPUs on a queue of 16 CPUs | hogs | mixed |\n|---|---|---|")
    lines = {"hogs": [], "mixed": []}
    for units in (32, 64, 256, 1024) if quick else (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192):
        row = []
        for load, points in lines.items():
            n = instructions(binaries[128], where, "--cpus", 16, "--units", units, "--load", load, "--milliseconds",
                             100 if units <= 1024 else 150)
            points.append((units, n))
            row.append(f"{n:.0f}")
        print(f"| {units} | {' | '.join(row)} |", flush=True)
    whole = []
    print("\n| CPUs, 16 on a queue | vCPUs | instructions per decision, mixed | a second on this host |\n|---|---|---|---|")
    for cpus in (16, 64) if quick else (1, 4, 16, 64, 128, 256, 512):
        units = cpus * 16
        options = ["--cpus", cpus, "--units", units, "--load", "mixed", "--milliseconds", max(20, 1600 // cpus)]
        n = instructions(binaries[512], where, *options)
        whole.append((units, n))
        rate = float(simulate(binaries[512], *options)["host_decisions_per_second"])
        print(f"| {cpus} | {units} | {n:.0f} | {rate:,.0f} |", flush=True)
    plot(docs / "sched-scaling.svg", "Instructions per decision (pick or wake)", "vCPUs", "instructions",
         [("hogs, one queue", lines["hogs"], True), ("mixed, one queue", lines["mixed"], True),
          ("1 to 512 CPUs, mixed", whole, True)], (10, 10000), (100, 10000), x_log=True, y_log=True)


def table(binary, quick):
    print("\n| world | share error, domains | vCPUs | wake-up p50, p99, p99.9 (µs) | switches /CPU/s | moves between queues /s | "
          "decisions /CPU/s |\n|---|---|---|---|---|---|---|")
    worlds = [(c, u, load) for c, u in ((16, 64), (64, 512), (512, 2048)) for load in ("hogs", "io", "mixed", "barrier", "bursty")]
    for cpus, units, load in worlds[:5] if quick else worlds:
        r = simulate(binary, "--cpus", cpus, "--units", units, "--load", load, "--seconds", 2 if quick else 10, "--no-clock",
                     "--check-every", 99991)
        shares = [f"{float(r[k]):.2f} %" if k in r else "–" for k in ("share_error_worst_percent", "vcpu_error_worst_percent")]
        wakes = ", ".join(f"{float(r[k]):.0f}" for k in ("wake_p50_us", "wake_p99_us", "wake_p99.9_us")) if "wake_p50_us" in r else "–"
        print(f"| {load}, {units} on {cpus} | {shares[0]} | {shares[1]} | {wakes} | {float(r['switches_per_cpu_second']):.0f} | "
              f"{float(r['queue_moves_per_second']):.0f} | {float(r['decisions_per_cpu_second']):.0f} |", flush=True)


def locks(binary):
    """A decision of 850 instructions is taken for 400 ns, with the lock's way from CPU to CPU."""
    print("\n| world | one lock is held | wait for it, mean | for one per queue |\n|---|---|---|---|")
    for cpus in (4, 16, 64, 128):
        for load in ("hogs", "mixed", "bursty"):
            r = simulate(binary, "--cpus", cpus, "--units", cpus * 4, "--load", load, "--seconds", 2, "--no-clock",
                         "--check-every", 99991, "--lock-ns", 400)
            print(f"| {load}, {cpus * 4} on {cpus} | {float(r['one_lock_busy_percent']):.1f} % | {r['one_lock_wait_ns']} ns | "
                  f"{r['queue_lock_wait_ns']} ns |", flush=True)


def main():
    arguments = [a for a in sys.argv[1:] if a != "--quick"]
    quick = "--quick" in sys.argv
    docs = pathlib.Path(arguments[0]) if arguments else ROOT / "docs"
    with tempfile.TemporaryDirectory() as where:
        binaries = {cpus: build(where, cpus) for cpus in (128, 512)}
        fairness(binaries[512], where, docs)
        latency(binaries[512], where, docs)
        scaling(binaries, where, docs, quick)
        table(binaries[512], quick)
        locks(binaries[512])


if __name__ == "__main__":
    main()
