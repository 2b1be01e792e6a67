#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drives `alloy align` as a person does: series in, distances and paths out, and wrong input on purpose.

usage: check_align.py ALLOY"""
import json
import math
import random
import sys

from cli import expect, expect_error, failures, root, run


def write_csv(name, rows, head=None):
    lines = ([head] if head else []) + [",".join(map(repr, row)) for row in rows]
    (root / name).write_text("\n".join(lines) + "\n")
    return root / name


def dtw():
    a = write_csv("a.csv", [[0.0], [1.0], [1.0], [1.0], [3.0]])
    b = write_csv("b.csv", [[0.0], [1.0], [3.0], [3.0]])
    result = run("align", "dtw", a, b, "--json")
    answer = json.loads(result.stdout)
    expect(answer == {"distance": 0, "steps": [5, 4], "path": [[0, 0], [1, 1], [2, 1], [3, 1], [4, 2], [4, 3]]}, "dtw by hand", result)
    result = run("align", "dtw", a, b)
    expect(result.returncode == 0 and "distance  0" in result.stdout and "second waits" in result.stdout and "first waits" in result.stdout, "dtw as a table", result)
    expect(result.stderr == "", "nothing on standard error", result)

    # costs 1 4 0 / 4 9 1 / 9 16 4: 10 in all, 6 by the absolute differences
    a, b = write_csv("c.csv", [[2, 0], [3, 0], [4, 0]], "x,y"), write_csv("d.csv", [[1, 0], [0, 0], [2, 0]])
    expect(abs(json.loads(run("align", "dtw", a, b, "--json").stdout)["distance"] - math.sqrt(10)) < 1e-12, "two numbers a step, with names")
    expect(json.loads(run("align", "dtw", a, b, "--cost", "euclidean", "--json").stdout)["distance"] == 6, "--cost")
    banded = json.loads(run("align", "dtw", a, b, "--band", "0", "--json").stdout)
    expect(abs(banded["distance"] - math.sqrt(1 + 9 + 4)) < 1e-12 and banded["path"] == [[0, 0], [1, 1], [2, 2]], "--band 0 is step by step")
    expect(json.loads(run("align", "dtw", a, b, "--slope", "1", "--json").stdout)["path"] == [[0, 0], [1, 1], [2, 2]], "--slope 1 too")
    part = write_csv("part.csv", [[1, 0], [0, 0]])
    expect(json.loads(run("align", "dtw", part, b, "--ends", "open", "--json").stdout)["path"] == [[0, 0], [1, 1]], "--ends open")
    one = write_csv("one.csv", [[2, 0]])
    result = run("align", "dtw", one, one)
    expect(result.returncode == 0 and "together" in result.stdout, "one step each", result)

    random.seed(1)
    long = [write_csv(f"long{k}.csv", [[random.gauss(0, 1)] for _ in range(400)]) for k in (1, 2)]
    result = run("align", "dtw", *long)
    expect("more; --json gives every pair" in result.stdout and len(result.stdout.splitlines()) < 50, "a long path is cut short", result)

    expect_error(1, ["missing.csv"], "align", "dtw", a, root / "missing.csv")
    expect_error(1, [str(root)], "align", "dtw", root, b)
    for text, words in (("", ["at least one row"]), ("x,y\n", ["at least one row"]), ("1,2\n3,four\n", ["line 2", "column 2", "'four'"]), ("1,2\n3\n", ["line 2", "expected 2 numbers"]),
                        ("1,2\n3,nan\n", ["line 2", "'nan'"]), ("1,2\n3,\n", ["line 2", "''"]), ("once\nupon a time\n", ["line 2", "'upon a time'"])):
        (root / "bad.csv").write_text(text)
        expect_error(1, ["bad.csv", *words], "align", "dtw", a, root / "bad.csv")
    expect_error(1, ["one dtype and width", "[3, 2]", "[400, 1]"], "align", "dtw", a, long[0])
    expect_error(1, ["a radius of at least 1", "got 0"], "align", "dtw", part, a, "--band", "0")
    expect_error(1, ["max_slope"], "align", "dtw", part, a, "--slope", "1")
    expect_error(1, ["max_path_mb"], "align", "dtw", *[write_csv(f"longer{k}.csv", [[0]] * 1500) for k in (1, 2)], "--max-path-mb", "1")
    expect_error(2, ["--band"], "align", "dtw", a, b, "--band", "-1")
    expect_error(2, ["--band"], "align", "dtw", a, b, "--band", "wide")
    expect_error(2, ["--slope"], "align", "dtw", a, b, "--slope", "0.5")
    expect_error(2, ["--band", "--slope"], "align", "dtw", a, b, "--slope", "2", "--band", "3")
    expect_error(2, ["--cost", "squared_euclidean"], "align", "dtw", a, b, "--cost", "cosine")
    expect_error(2, ["--ends", "open_begin"], "align", "dtw", a, b, "--ends", "loose")
    expect_error(2, ["second"], "align", "dtw", a)


def usage():
    for args in (["--help"], ["dtw", "--help"]):
        expect(run("align", *args).returncode == 0, f"align {args}")
    expect_error(2, [], "align")
    expect_error(2, ["'align dwt'", "known: dtw"], "align", "dwt", root / "a.csv", root / "b.csv")


dtw()
usage()
print(f"{len(failures)} failures")
sys.exit(bool(failures))
