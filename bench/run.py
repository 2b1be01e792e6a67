#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ours and the peers side by side: interleaved blocks, processor time, the median of the ratios of neighbouring blocks with a
bootstrap interval, equal results checked in the same run. Needs no package itself; see docs/performance.md."""
import argparse
import datetime
import json
import pathlib
import sys
import tempfile

BENCH = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(BENCH))

from harness import compare, machine, table  # noqa: E402
from harness.work import find_work  # noqa: E402
from harness.workers import Workers  # noqa: E402


def arguments(known):
    parser = argparse.ArgumentParser(description=__doc__, epilog="work: " + ", ".join(known))
    parser.add_argument("worker", help="bench_worker of a build folder")
    parser.add_argument("names", nargs="*", metavar="NAME", help="work to measure; without, all but what takes minutes")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, help="write the figures there too")
    parser.add_argument("--rounds", type=int, default=9, help="pairs of blocks, 9 unless set")
    parser.add_argument("--peers", metavar="PYTHON", default=None, help="the Python that has the peers; .deps/bench/bin/python where it is there")
    parser.add_argument("--quick", action="store_true", help="tiny inputs: whether everything works, not how fast")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in known]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
    return given


class Say:
    """Progress, on standard error; on a screen a line that is said `again` replaces itself."""
    open_line = False

    def __call__(self, text, again=False):
        replaces = again and sys.stderr.isatty()
        print(("\r" if replaces else "\n" if self.open_line else "") + text, end="" if replaces else "\n", file=sys.stderr, flush=True)
        self.open_line = replaces


def main():
    known = find_work()
    given = arguments(known)
    peers = given.peers or next((str(p) for p in [BENCH.parent / ".deps/bench/bin/python"] if p.exists()), "")
    names = given.names or [name for name, (_, work) in known.items() if given.quick or not work.only_if_named]
    about = machine.describe()
    print(*table.machine_lines(about), sep="\n")
    if given.quick:
        print("quick form: tiny inputs, so that no time here means anything")
    workers = Workers(given.worker, peers, product=256 if given.quick else 2048, cores=about["cores"])
    rows = []
    try:
        limits = workers.ours().ask("limits")
        print(table.HEAD)
        with tempfile.TemporaryDirectory() as folder:
            comparison = compare.Comparison(workers, pathlib.Path(folder), given.rounds, given.quick, limits, Say())
            for name in names:
                for row in comparison.rows(*known[name], {n: work for n, (_, work) in known.items()}):
                    rows.append(row)
                    print(table.line(row), flush=True)
        about |= machine.describe_workers(workers, limits)
    finally:
        workers.close()
    print(*table.worker_lines(about), sep="\n")
    if given.json:
        written = {"date": datetime.date.today().isoformat(), "quick": given.quick, "rounds": given.rounds, "machine": about, "results": rows}
        given.json.write_text(json.dumps(written, indent=1) + "\n")
    sys.exit(any(not row.get("equal", True) for row in rows))


main()
