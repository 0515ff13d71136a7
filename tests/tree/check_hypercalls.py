#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""docs/hypercalls.md names every row of src/hypercall's tables, and no call that is not there.

Usage: check_hypercalls.py SOURCE_DIR; exit status 0 if so, else 1 with a line for each difference.
"""
import pathlib
import re
import sys

ROW = re.compile(r'^\s+(?:EVTCHN|SCHED|SCHED_PLAIN|VCPU|VCPU_PLAIN|HVM|PHYSDEV|MEM|MEM_BARE|GNTTAB|PLATFORM|'
                 r'SYSCTL|SYSCTL_AS|DOMCTL|DOMCTL_BARE)\((\w+),|^\s+\[(HVMOP_\w+)\] =', re.M)
NUMBER = re.compile(r'^HYPERCALL\(__HYPERVISOR_(\w+),', re.M)
PREFIX = re.compile(r'^(EVTCHNOP|SCHEDOP|VCPUOP|HVMOP|PHYSDEVOP|GNTTABOP|XENPF)_')


def main():
    root = pathlib.Path(sys.argv[1])
    page = (root / "docs/hypercalls.md").read_text()
    folder = root / "src/hypercall"
    wrong = []
    calls = set(NUMBER.findall((folder / "hypercalls.def").read_text()))
    listed = {c for c in re.findall(r'^\| (\w+) \|', page, re.M) if c != "call"}
    wrong += [f"docs/hypercalls.md lacks the call {c}" for c in sorted(calls - listed)]
    wrong += [f"docs/hypercalls.md has {c}, which is not in hypercalls.def" for c in sorted(listed - calls)]
    for path in sorted(folder.glob("*.c")):
        for row in ROW.findall(path.read_text()):
            name = PREFIX.sub("", row[0] or row[1])
            if not re.search(rf'\b{name}\b', page):
                wrong.append(f"docs/hypercalls.md lacks {name} ({path.name})")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
