#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs all of scripts/bench on tiny inputs and checks that results are equal, figures are complete, and that what is not as it
should be is said. Peers in Python are measured where .deps/bench is there. Asserts no speed.

usage: check_bench.py ROOT BENCH_WORKER"""
import array
import json
import pathlib
import subprocess
import sys
import tempfile

root, program = pathlib.Path(sys.argv[1]), sys.argv[2]
sys.path.insert(0, str(root / "bench"))

import write_docs  # noqa: E402
from harness import compare, tensors  # noqa: E402
from harness.table import line  # noqa: E402
from harness.work import find_work  # noqa: E402
from harness.workers import Failure, Workers  # noqa: E402

known = {name: work for name, (_, work) in find_work().items()}
have_peers = (root / ".deps/bench/bin/python").exists()


def fails(call, words):
    try:
        call()
    except Failure as failure:
        assert words in str(failure), failure
        return
    raise AssertionError(f"expected a failure that says '{words}'")


def check_row(row):
    if "why" in row:
        python_peer = not row["peer"].startswith(("alloy", "LibTorch"))
        assert "MKL fast path" in row["peer"] or "one core" in row["why"] or (python_peer and not have_peers), row
        return
    assert row["equal"] and 0 <= row["difference"] < 1e-3, row
    assert row["ours_ms"] > 0 and row["peer_ms"] > 0 and 0 < row["low"] <= row["ratio"] <= row["high"], row
    assert row["target"] is None and row["met"] is None, row  # targets are for the full size
    if "process_mb" in row:
        assert row["process_mb"] > 10, row
    elif counted:
        assert 0 <= row["ours_extra_mb"] < 4, row
        if "LibTorch" in row["peer"] and "rows" in known[row["name"]].quick:  # which holds the matrix of all pairs
            size = known[row["name"]].quick
            assert row["peer_extra_mb"] * 1e6 >= 4 * size["rows"] ** 2, row


def check_run(folder):
    out = folder / "bench.json"
    ran = subprocess.run([sys.executable, str(root / "bench/run.py"), program, "--quick", "--rounds", "2", "--json", str(out)], capture_output=True, text=True, timeout=500)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    written = json.loads(out.read_text())
    assert written["quick"] and written["rounds"] == 2
    about = written["machine"]
    assert about["processor"] and about["cores"] > 0 and about["memory_gb"] > 0, about
    assert all(w["product_gflops"] > 0 and w["start_s"] > 0 and "torch" in w["versions"].lower() for w in about["workers"]), about
    for name, work in known.items():
        rows = [row for row in written["results"] if row["name"] == name]
        assert len(rows) == (1 if work.grown else 2 * len(work.peers) + bool(work.threads_target)), (name, rows)
        for row in rows:
            check_row(row)
            assert row["peer"] in ran.stdout and row["work"] in ran.stdout
    return written


def check_page(written):
    """What the page says of a run, and of one with faults."""
    made = write_docs.page([written], known)
    assert written["machine"]["processor"] in made
    assert all(row["work"] in made and (row["peer"] in made or "process_mb" in row) for row in written["results"])
    rows = [row for row in written["results"] if "why" not in row and "process_mb" not in row]
    bad = dict(rows[0], low=0.4, ratio=0.5, high=0.6, target=3.0, met=False, ours_extra_mb=99.0, max_extra_mb=8, equal=False, difference=0.5)
    assert compare.faults(bad) == ["results DIFFER", "speed", "memory"] and "DIFFER" in line(bad) and "missed: speed" in line(bad)
    made = write_docs.page([{**written, "results": [bad]}], known)
    assert "0 are met. Missed:" in made and "Over the limit of memory:" in made and "Slower than a peer:\n* " + bad["work"] in made, made
    assert "not in these runs; `scripts/bench info_nce_large` measures it" in made


def check_worker(folder):
    """Differences are found, in any element; so is what is missing or unknown."""
    workers = Workers(program, "", product=64, cores=1)
    ours = workers.ours()
    paths = [str(folder / name) for name in ("expected", "got")]

    def difference(expected, got):
        for path, values in zip(paths, (expected, got)):
            tensors.save(path, {name: tensors.Tensor([len(v)], array.array("f", v)) for name, v in values.items()})
        return ours.ask("compare", expected=paths[0], got=paths[1])["difference"]

    assert difference({"x": [1, -4, 2]}, {"x": [1, -4, 2], "x:again": [1, -4, 2]}) == {"x": 0, "x:again": 0}
    assert abs(difference({"x": [1, -4, 2]}, {"x": [1.5, -4, 2]})["x"] - 0.125) < 1e-9
    assert difference({"x": [1, 2]}, {"x": [1, float("nan")]})["x"] > 1
    fails(lambda: difference({"x": [1]}, {"y": [1]}), "'y'")
    fails(lambda: difference({"x": [1], "y": [1]}, {"x": [1]}), "'y'")
    fails(lambda: difference({"x": [1, 2]}, {"x": [1]}), "'x'")
    fails(lambda: ours.ask("load", work="nothing", inputs=paths[0], threads=1), "unknown work 'nothing'")
    fails(lambda: ours.ask("block", calls=1), "expected load before 'block'")
    for fast in (False, True):
        fails(lambda: workers.peer(next(p for p in known["info_nce"].peers if not p.cpp), fast), "scripts/bench makes it")
    counted_here = "count_allocations" in workers.preload
    workers.close()
    unknown = subprocess.run([sys.executable, str(root / "bench/run.py"), program, "nothing"], capture_output=True, text=True)
    assert unknown.returncode != 0 and "unknown: nothing; known: " in unknown.stderr and "info_nce" in unknown.stderr, unknown
    return counted_here


low, high = compare.interval([1.0, 2.0, 3.0, 4.0, 100.0])
assert 1 <= low < 3 < high <= 100
with tempfile.TemporaryDirectory(prefix="alloy-bench-") as temporary:
    counted = check_worker(pathlib.Path(temporary))
    written = check_run(pathlib.Path(temporary))
    check_page(written)
print(f"{len(written['results'])} rows, peers in Python {'measured' if have_peers else 'not there'}, memory {'counted' if counted else 'not counted'}")
