#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of the tree itself: what docs/architecture.md promises about layers, headers and the exit path.

Usage: check_tree.py SOURCE_DIR CHECK [CC ABI_DIR]; exit status 0 if the check holds, else 1 with one
line for each place that breaks it.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

LAYERS = {
    "lib": 0, "x86": 1, "mm": 2, "trace": 2.2, "slat": 2.5, "guestcpu": 2.5,
    "vmx": 3, "svm": 3, "ept": 3, "npt": 3, "hvm": 3, "pvhvm": 3, "devmodel-glue": 3, "credit2": 3,
    "hw": 3.5, "sched": 4, "domain": 4.5, "hypercall": 5, "vcpu": 5.5, "dom0": 6, "boot": 6.5,
}
# dom0's image builder knows ACPI tables and layouts, nothing of domains: it must stay testable alone.
EXTRA_DENIED = {"dom0": {"domain", "sched", "vcpu", "hypercall", "vmx", "svm", "ept", "npt", "hw", "slat", "hvm", "pvhvm"}}
VENDORS = {"vmx", "svm", "ept", "npt"}
NO_BUG_ON = {"hvm", "pvhvm", "hypercall", "devmodel-glue"}
MAX_FUNCTION = 100
INCLUDE = re.compile(r'^\s*#\s*include\s+<([\w-]+)/([\w./-]+)>', re.M)


def sources(root, *endings):
    for path in sorted((root / "src").rglob("*")) + sorted((root / "include").rglob("*")):
        if path.suffix in endings and path.is_file():
            yield path


def folder_of(root, path):
    parts = path.relative_to(root).parts
    return parts[1] if parts[0] == "src" else None


def check_layers(root):
    for path in sources(root, ".c", ".h", ".def"):
        folder = folder_of(root, path)
        for used, rest in INCLUDE.findall(path.read_text()):
            if used in ("hv", "xen", "abi") or used == folder:
                continue
            if used not in LAYERS:
                continue
            if folder is None:
                yield f"{path}: include/ may not include {used}/{rest}"
            elif used in VENDORS and folder != "hw":
                yield f"{path}: {folder} includes {used}/{rest}: only src/hw knows vendors"
            elif LAYERS[used] >= LAYERS[folder] or used in EXTRA_DENIED.get(folder, ()):
                yield f"{path}: {folder} (layer {LAYERS[folder]}) includes {used}/{rest}"


def check_spdx(root):
    for path in sources(root, ".c", ".h", ".S", ".def"):
        if not path.read_text().startswith("/* SPDX-License-Identifier: BSD-2-Clause */"):
            yield f"{path}: no SPDX line at the top"


def check_bug_on(root):
    for path in sources(root, ".c"):
        if folder_of(root, path) in NO_BUG_ON and re.search(r'\bBUG_ON\(|\bBUG\(', path.read_text()):
            yield f"{path}: BUG_ON where only guests' mistakes can arrive"


def functions(text):
    """Name and length in lines of every function of a K&R-formatted file: { and } in column 0."""
    lines = text.split("\n")
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            head = " ".join(lines[max(0, start - 3):start])
            names = re.findall(r'([A-Za-z_]\w*)\(', head)
            yield (names[0] if names else "?"), number - start + 1
            start = None


def check_function_length(root):
    for path in sources(root, ".c"):
        for name, length in functions(path.read_text()):
            if length > MAX_FUNCTION:
                yield f"{path}: {name} has {length} lines (limit {MAX_FUNCTION})"


def check_exit_path(root):
    page = (root / "docs/exit-path.md").read_text()
    for file, name in re.findall(r'`([\w/.-]+\.[chS]):\s*(\w+)`', page):
        path = root / "src" / file
        if not path.exists():
            yield f"docs/exit-path.md names src/{file}, which does not exist"
        elif not re.search(r'\b%s\b' % name, path.read_text()):
            yield f"docs/exit-path.md names {name}, which is not in src/{file}"
    rows = re.findall(r'^EXIT\((\w+),\s*(\d+),\s*(\w+),', (root / "include/hv/exits.def").read_text(), re.M)
    for reason, _, handler in rows:
        if handler not in page:
            yield f"docs/exit-path.md does not mention {handler} (EXIT_{reason})"
    run = (root / "src/vcpu/run.c").read_text()
    if not re.search(r'cpu_irq_disable\(\);\n\s*if \(sched_must_leave', run):
        yield "src/vcpu/run.c: interrupts must be off before sched_must_leave() is asked"


def check_rip(root):
    """RIP moves in hw_skip(), where the emulator or a task switch commits, and when a whole context is set."""
    for path in sources(root, ".c"):
        folder = folder_of(root, path)
        for match in re.finditer(r'\b(?:hw|vmx|svm)_set_rip\(', path.read_text()):
            if folder not in ("vmx", "svm") and path.name not in ("exit_ept.c", "exit_task.c", "vcpu_context.c"):
                yield f"{path}: moves RIP by itself"


def check_locking(root):
    """docs/locking.md lists the ranks of lock_ranks.def, in order, with irqsave where they say so."""
    ranks = re.findall(r'^LOCK\((\w+),\s*"([^"]*)"\)',
                       (root / "src/x86/include/x86/lock_ranks.def").read_text(), re.M)
    table = re.findall(r'^\| ([A-Z_0-9]+) \| ([^|]*) \| (yes)? ?\|',
                       (root / "docs/locking.md").read_text(), re.M)
    if [r for r, _ in ranks] != [r for r, _, _ in table]:
        yield "docs/locking.md: ranks are not those of lock_ranks.def, or in another order"
    for (rank, what), (_, text, irqsave) in zip(ranks, table):
        if ("irqsave" in what) != bool(irqsave):
            yield f"docs/locking.md: {rank} and lock_ranks.def disagree about irqsave"
        if not what.startswith(text.split(",")[0][:20]):
            yield f"docs/locking.md: {rank} protects something else in lock_ranks.def"


def check_headers(root, cc, abi):
    """Every public header compiles alone."""
    gcc = subprocess.run([cc, "-print-file-name=include"], capture_output=True, text=True).stdout.strip()
    flags = ["-std=gnu11", "-ffreestanding", "-nostdinc", "-isystem", gcc, "-isystem", abi, "-fno-pic",
             "-mcmodel=kernel", "-mgeneral-regs-only", "-D__XEN_TOOLS__", "-DHV_DEBUG=0",
             "-D__XEN_INTERFACE_VERSION__=0x00041100", "-Wall", "-Werror", f"-I{root}/include"]
    flags += [f"-I{d}" for d in sorted(root.glob("src/*/include"))]
    headers = sorted(root.glob("src/*/include/**/*.h")) + sorted(root.glob("include/**/*.h"))
    with tempfile.TemporaryDirectory() as tmp:
        for header in headers:
            unit = pathlib.Path(tmp) / "unit.c"
            unit.write_text(f'#include "{header}"\n')
            run = subprocess.run([cc, "-fsyntax-only", *flags, str(unit)], capture_output=True, text=True)
            if run.returncode:
                yield f"{header}: does not compile alone\n{run.stderr}"


def main():
    root, check = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    found = list(globals()["check_" + check](root, *sys.argv[3:]))
    for line in found:
        print(line)
    sys.exit(1 if found else 0)


main()
