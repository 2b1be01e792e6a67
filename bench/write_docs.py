#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/performance.md from docs/performance*.json, which `scripts/bench --json` wrote: a file a run, for machines differ. The words of the
page are here.

usage: write_docs.py [--check] [ROOT]      --check: writes nothing, fails if the page is not what would be written"""
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness.compare import faults  # noqa: E402
from harness.table import milliseconds, number, share_of_limit  # noqa: E402

RUN = """## Measured on {processor}, {date}

### Machine

{machine}

### Results

{results}

{large}
### Targets and where alloy is slower

{targets}

{slower}
"""

PAGE = """# Performance

<!-- Written by bench/write_docs.py from docs/performance*.json. Change neither this page nor the figures by hand. -->

`scripts/bench [NAME...] [--json FILE]` measures alloy beside its peers, which it installs at fixed versions.

* One run takes peer and ours in turn, in blocks of at least one call and 100 ms. A ratio is the median over neighbouring blocks, with a
  bootstrap 95 % interval. A target is met where the lower end of the interval is above it.
* Time is processor time of all threads, on one thread; where it says *wall*, that of the clock.
* Inputs are the same, results are compared element by element in the same run, what is made once is made before, start-up is in no
  figure. Python peers live in one process that times inside itself; C++ is timed by Google Benchmark.
* *Extra* is the heap at its highest during a call beyond inputs and results (gradients included), counted alike on both sides.
* *Limit* is the least time that the machine allows, by its operations and its memory, over ours.
* *MKL fast path*: MKL is slower on processors that are not Intel's unless its check of the vendor is overridden, so peers are measured both
  ways. Ours is as installed in both.

{runs}
## What the figures are about

**Contrastive losses** are forward and backward, by both sides' features, the scale and, where there is one, the bias. Only open_clip has targets; the
composition of LibTorch's operations on the whole matrix is there to compare with. The matrix of all pairs is never written to memory, and products go through
oneDNN, which on processors other than Intel's is faster than MKL in the same LibTorch. Each thread has columns of its own and does all the work on them.

**Alignment** is the operator alone, on inputs made before. Kernels are written for AVX-512, AVX2 and any machine, and chosen when the program runs: pairs of
series side by side in the lanes of vectors (DTW, soft-DTW), states of the trellis (CTC), entries of the plan (Sinkhorn), channels (roi_align).
{missing}

[Adding a benchmark](adding_a_benchmark.md) says how more work is measured.
"""


def machine_lines(about, written):
    limits = about["limits"]
    yield f"* {about['processor']}, {about['cores']} cores, {about['memory_gb']:.0f} GB; {', '.join(about['flags'])}; {about['system']}"
    yield f"* One core: {limits['gflops']:.0f} GFLOP/s in fp32 registers, {limits['gb_per_second']:.0f} GB/s from memory"
    settings = ", ".join(f"`{key}={value}`" for key, value in about["settings"].items()) or "none"
    yield f"* {written['date']}, {written['rounds']} rounds, load of the machine before the run {about['load']:.1f}, settings: {settings}"
    for w in about["workers"]:
        name = f"{w['role']}{', MKL fast path' if w['mkl_fast_path'] else ''}{', 2 threads' if w['threads'] == 2 else ''}"
        yield f"* {name}: {w['versions']}, {w['blas']}, {w['capability']}; product of matrices {w['product_gflops']:.0f} GFLOP/s, start-up {w['start_s']:.1f} s"
    peers = sorted({row["peer_version"] for row in written["results"] if row.get("peer_version")})
    if peers:
        yield f"* Peers: {', '.join(peers)}"


def result_lines(rows):
    yield "| work | beside | their ms | our ms | theirs / ours | target | limit | extra MB, ours | theirs |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in rows:
        beside = row["peer"] + (" (wall)" if row["clock"] == "wall" else "")
        yield (f"| {row['work']} | {beside} | {milliseconds(row['peer_ms'])} | {milliseconds(row['ours_ms'])} | {row['ratio']:.2f} ({row['low']:.2f} .. {row['high']:.2f}) "
               f"| {number(row['target'])} | {share_of_limit(row)} | {number(row['ours_extra_mb'])} | {number(row['peer_extra_mb'])} |")


def large_lines(rows):
    if not rows:
        return
    yield ""
    yield "Larger batches, one pass each: their results follow exactly from those of the smaller ones, whose rows they repeat, and are compared with them."
    yield ""
    yield "| work | seconds | speed a pair, relative to the smaller batch | target | whole process, MB | at most |"
    yield "|---|---|---|---|---|---|"
    for row in rows:
        yield (f"| {row['work']} | {row['ours_ms'] / 1e3:.0f} | {row['ratio']:.2f} ({row['low']:.2f} .. {row['high']:.2f}) | {number(row['target'], 2)} "
               f"| {row['process_mb']:.0f} | {row['max_process_mb']:.0f} |")
    yield ""


def described(row):
    return f"{row['work']}, beside {row['peer']}: {row['ratio']:.2f} ({row['low']:.2f} .. {row['high']:.2f})"


def target_lines(rows):
    wanted = [row for row in rows if row["target"] is not None]
    missed = [row for row in wanted if not row["met"]]
    yield f"Of {len(wanted)} targets of speed {len(wanted) - len(missed)} are met." + (" Missed:" if missed else "")
    for row in missed:
        yield f"* {described(row)}, target {number(row['target'], 2)}"
    over = [row for row in rows if "memory" in faults(row)]
    yield ""
    yield "All limits of memory are kept." if not over else "Over the limit of memory:"
    for row in over:
        yield f"* {row['work']}, {row['peer']}: {number(row.get('ours_extra_mb', row.get('process_mb')))} MB"


def slower_lines(rows):
    slower = [row for row in rows if row["high"] < 1]
    even = [row for row in rows if row["low"] <= 1 <= row["high"]]
    yield "Slower than a peer:" if slower else "Slower than a peer: in none of these."
    for row in slower:
        yield f"* {described(row)}"
    if even:
        yield ""
        yield "Not to be told apart: " + "; ".join(described(row) for row in even) + "."


def missing_lines(runs, known):
    results = [row for written in runs for row in written["results"]]
    left_out = [row for row in results if "why" in row]
    absent = [work for name, work in known.items() if name not in {row["name"] for row in results}]
    if left_out or absent:
        yield ""
        yield "Not in these figures:"
    for row in left_out:
        yield f"* {row['work']}, {row['peer']}: {row['why']}"
    for work in absent:
        yield f"* {work.what}: not in these runs; `scripts/bench {work.name}` measures it"


def run_section(written):
    rows = [row for row in written["results"] if "why" not in row]
    large, usual = [row for row in rows if "process_mb" in row], [row for row in rows if "process_mb" not in row]
    peers = [row for row in usual if not row["peer"].startswith("alloy")]
    text = {"machine": machine_lines(written["machine"], written), "results": result_lines(usual), "large": large_lines(large), "targets": target_lines(rows),
            "slower": slower_lines(peers)}
    return RUN.format(processor=written["machine"]["processor"], date=written["date"], **{key: "\n".join(lines) for key, lines in text.items()})


def page(runs, known):
    text = PAGE.format(runs="\n".join(run_section(written) for written in runs), missing="\n".join(missing_lines(runs, known)))
    return re.sub(r"\n{3,}", "\n\n", text)


def main():
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).resolve().parent.parent
    from harness.work import find_work
    runs = [json.loads(file.read_text()) for file in sorted((root / "docs").glob("performance*.json"))]
    made = page(runs, {name: work for name, (_, work) in find_work().items()})
    file = root / "docs/performance.md"
    if "--check" not in sys.argv:
        file.write_text(made)
    elif file.read_text() != made:
        sys.exit(f"{file} is not what bench/write_docs.py makes of docs/performance*.json: run it")


if __name__ == "__main__":
    main()
