#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tables (on standard output) and docs/sched-guests-*.svg of what tests/bench/sched.sh printed in two dom0s.

Usage: sched.py TENON.out XEN.out [DIRECTORY for the SVGs].
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/model/credit2"))
from report import plot  # noqa: E402

NS_PER_INSTRUCTION = 4      # counted_time 4 2


def sections(path):
    found, lines = {}, []
    for line in pathlib.Path(path).read_text(errors="replace").splitlines():
        if line.startswith("=== "):
            lines = found.setdefault(line[4:], [])
        else:
            lines.append(line)
    return found


def speeds(lines):
    """name -> (units of work a second, hundredths of a CPU run)"""
    return {m[1]: (float(m[2]), float(m[3])) for m in (re.match(r"(\w+) done ([\d.]+) run ([\d.]+)", t) for t in lines) if m}


def shares(world, which):
    """weight -> the error of a guest's part of the work (which: 0) or of the CPU time (1) against its part of the weights, per cent"""
    had = {int(n[1:]): v[which] for n, v in speeds(world.get("shares", [])).items() if n[0] == "w"}
    total, weights = sum(had.values()), sum(had)
    return {w: (had[w] / total) / (w / weights) * 100 - 100 for w in had}


def delays(world, name):
    """part of ten thousand -> microseconds"""
    found = (re.match(r"load: delay (\d+) (\d+)", t) for t in world.get("latency-" + name, []))
    return {int(m[1]): int(m[2]) / 1000 for m in found if m}


def costs(world):
    found = (re.match(r"load: cost (\w+) least (\d+) middle (\d+)", t) for t in world.get("cost", []))
    return {m[1]: int(m[3]) // NS_PER_INSTRUCTION for m in found if m}


def numbers(world, section, word):
    return sorted(int(t.split()[1]) for t in world.get(section, []) if t.startswith(word + " "))


def row(name, *values):
    print(f"| {name} | " + " | ".join("–" if v is None else str(v) for v in values) + " |")


def shares_table(worlds):
    print("| | Tenon | Xen |\n|---|---|---|")
    for which, what in ((1, "CPU time"), (0, "work")):
        found = [shares(w, which) for w in worlds]
        for weight in (256, 512, 1024):
            row(f"weight {weight}, error of the share of {what}", *(f"{f[weight]:+.1f} %" if f else None for f in found))
    row("work of the three together, units a second", *(f"{sum(v[0] for v in speeds(w.get('shares', [])).values()):.0f}" for w in worlds))
    for cap in (25, 50, 150):
        row(f"cap {cap}, time run", *(f"{s[f'c{cap}'][1]:.1f} %" if f"c{cap}" in s else None
                                       for s in (speeds(w.get("caps", [])) for w in worlds)))


LATENCIES = [("idle", "on an idle machine"), ("beside-hogs", "beside 8 hogs"),
             ("beside-hogs-pinned", "the same, pinned to a CPU"), ("four-beside-hogs", "4 wakers beside 8 hogs"),
             ("two-hogs-one-cpu", "pinned to a CPU with 2 hogs")]


def latency_table(worlds):
    print("\n| waker | Tenon p50, p99, p99.9, most (µs) | Xen | p99, Tenon to Xen |\n|---|---|---|---|")
    for name, title in LATENCIES:
        found = [delays(w, name) for w in worlds]
        text = [d and ", ".join(f"{d[p]:.0f}" for p in (5000, 9900, 9990, 10000)) or None for d in found]
        ratio = f"{found[0][9900] / found[1][9900]:.2f}" if all(found) and found[1][9900] else None
        row(title, *text, ratio)


def cost_table(worlds):
    print("\n| instructions | Tenon | Xen | Tenon to Xen |\n|---|---|---|---|")
    found = [costs(w) for w in worlds]

    def line(title, value):
        values = []
        for c in found:
            try:
                values.append(value(c))
            except KeyError:
                values.append(None)
        row(title, *values, f"{values[0] / values[1]:.2f}" if all(values) else None)

    line("hypercall that does nothing", lambda c: c["null"])
    line("yield with nobody to yield to", lambda c: c["yield"])
    line("yield to another vCPU", lambda c: c["switch"])
    line("event sent and taken by oneself", lambda c: c["send"])
    line("event that wakes another, and sleep until the answer: wake-up, switch, both hypercalls", lambda c: c["ping"])
    line("context switch: the one yield less the other", lambda c: c["switch"] - c["yield"])
    line("wake-up, sleep and switch: less the event and a hypercall", lambda c: c["ping"] - c["send"] - c["null"])
    line("interruption of a CPU that computes alone", lambda c: c["tick"])


def other_table(worlds):
    print("\n| | Tenon | Xen |\n|---|---|---|")
    alone = [speeds(w.get("talk-alone", [])).get("fetch") for w in worlds]
    beside = [speeds(w.get("talk-beside-hog", [])).get("fetch") for w in worlds]
    row("answers a second, alone on a CPU", *(a and f"{a[0]:.0f}" for a in alone))
    row("beside a hog", *(b and f"{b[0]:.0f}" for b in beside))
    row("of what it was alone", *(f"{b[0] / a[0] * 100:.0f} %" if a and b else None for a, b in zip(alone, beside)))
    for name in ("idle", "loaded"):
        times = [numbers(w, "list-" + name, "list") for w in worlds]
        row(f"`xl list`, {name}: middle and longest of 20, ms",
            *(t and f"{t[len(t) // 2] / 1000:.1f}, {t[-1] / 1000:.1f}" for t in times))
    storm = [speeds(w.get("storm", [])).get("hog") for w in worlds]
    row("CPUs that a guest with 4 busy vCPUs has beside one that yields, wakes and sleeps all the time", *(h and f"{h[1] / 100:.2f}" for h in storm))
    for name in ("alone", "beside-hog"):
        times = [numbers(w, "forks-" + name, "forks") for w in worlds]
        row(f"4 shells of dom0 that fork and exec, {name.replace('-', ' a ')}, ms each", *(t and f"{sum(t) / len(t) / 50000:.1f}" for t in times))
    for name in ("one", "two"):
        jobs = [speeds(w.get("jobs", [])).get(name) for w in worlds]
        row(f"jobs a second, weight {256 if name == 'one' else 512}", *(j and f"{j[0]:.0f}" for j in jobs))


def plots(worlds, docs):
    lines = []
    for world, who in zip(worlds, ("Tenon", "Xen")):
        for name, title in (("beside-hogs", "8 hogs"), ("two-hogs-one-cpu", "1 CPU, 2 hogs")):
            found = delays(world, name)
            if found:
                lines.append((f"{who}, {title}", [(max(us, 1), p / 100) for p, us in sorted(found.items())], False))
    if lines:
        plot(docs / "sched-guests-latency.svg", "A guest that wakes each millisecond", "microseconds late", "per cent of wake-ups",
             lines, (1, 100000), (0, 100), x_log=True)
    lines = []
    for world, who in zip(worlds, ("Tenon", "Xen")):
        found = {}
        for weight in (256, 512, 1024):
            points = [t.split() for t in world.get("shares", []) if t.startswith(f"at w{weight} ")]
            found[weight] = [(int(p[2]) / 1e9, int(p[6]) / 1e9) for p in points]
        if not all(found.values()):
            continue
        # While all three were there.
        begin, end = max(p[0][0] for p in found.values()) + 1, min(p[-1][0] for p in found.values())
        for weight, points in found.items():
            rates = [(t1, (r1 - r0) / (t1 - t0)) for (t0, r0), (t1, r1) in zip(points, points[1:]) if begin < t0 and t1 <= end]
            lines.append((f"{who}, weight {weight}", [(t - begin, rate) for t, rate in rates], False))
    if lines:
        most = max(t for _, points, _ in lines for t, _ in points)
        plot(docs / "sched-guests-fairness.svg", "Three guests of 4 vCPUs on 4 CPUs, dom0 beside them", "seconds", "CPUs, in each half second",
             lines, (0, most), (0, 3))


def main():
    worlds = [sections(p) for p in sys.argv[1:3]]
    docs = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else ROOT / "docs"
    shares_table(worlds)
    latency_table(worlds)
    cost_table(worlds)
    other_table(worlds)
    plots(worlds, docs)


if __name__ == "__main__":
    main()
