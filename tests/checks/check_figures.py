#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Figures in docs are those of a run: every table under `<!-- figures: FILE -->` must agree with the tables in FILE, which is
what `alloy demo` printed: rows are methods, columns tasks. A block of code under `<!-- output: FILE -->` is that file.

usage: check_figures.py ROOT"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])


def printed(file):
    """Accuracy by task and method."""
    accuracy, task = {}, None
    for line in file.read_text().splitlines():
        cells = re.split(r"\s{2,}", line.strip())
        if len(cells) > 3 and cells[1] == "stage":
            task = cells[0]
        elif not line.strip():
            task = None
        elif task and len(cells) > 3:
            accuracy[task, cells[0]] = cells[2]
    return accuracy


bad = found = 0
for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
    for name, table in re.findall(r"<!-- figures: (\S+) -->\n((?:\|.*\n)+)", page.read_text()):
        measured = printed(root / name)
        header, _, *rows = [[c.strip() for c in line.strip()[1:-1].split("|")] for line in table.splitlines()]
        for row in rows:
            method = re.sub(r"[`*]|\(.*?\)", "", row[0]).strip()
            for task, cell in zip(header[1:], row[1:]):
                found += 1
                if method == "best single modality":
                    wanted = max((measured[task, m] for m in ("image", "audio", "text")), key=float)
                else:
                    wanted = measured.get((task, method), "nothing")
                if cell.strip("*") != wanted:
                    print(f"{page}: {method}, {task}: says {cell}, {name} has {wanted}")
                    bad += 1
    for name, block in re.findall(r"<!-- output: (\S+) -->\n```\w*\n(.*?)```\n", page.read_text(), re.DOTALL):
        found += 1
        wanted = "".join(line.rstrip() + "\n" for line in (root / name).read_text().splitlines())
        if block != wanted:
            print(f"{page}: the block under {name} is not that file")
            bad += 1
print(f"{found} figures, {bad} differ")
sys.exit(bad > 0 or found == 0)
