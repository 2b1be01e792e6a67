#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ours and the peers side by side: interleaved blocks, thread CPU time, the median of the ratios of neighbouring blocks with a
bootstrap interval, equal results checked in the same run.

usage: run.py WORKER [NAME...] [--json F] [--rounds N]"""
import argparse
import importlib
import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here))
PEAK_GFLOPS = float(os.environ.get("ALLOY_BENCH_PEAK_GFLOPS", 0))  # of one core in fp32; 0: no limit is printed


class Worker:
    def __init__(self, *command):
        environment = dict(os.environ, OMP_NUM_THREADS="1", PYTHONUNBUFFERED="1")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def ask(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        reply = json.loads(line) if line else {"error": f"worker ended with {self.process.wait()}"}
        if "error" in reply:
            raise RuntimeError(f"{command}: {reply['error']}")
        return reply

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def interval(ratios, resamples=2000):
    rng = random.Random(0)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(resamples))
    return medians[int(0.025 * resamples)], medians[int(0.975 * resamples)]


def compare(module, work, start_ours, rounds, folder):
    from safetensors.numpy import save_file
    path = folder / "inputs.safetensors"
    save_file(work["inputs"](), path)
    sides = {}
    ours = start_ours()
    ours.ask(command="load", work=work["ours"], inputs=str(path), threads=1)
    for peer in work["peers"]:
        sides[peer] = Worker(sys.executable, str(here / "peer_worker.py"))
        sides[peer].version = sides[peer].ask(command="load", module=module, work=peer, inputs=str(path), threads=1)["version"]
    if "composed" in work:
        sides["LibTorch in C++"] = start_ours()
        sides["LibTorch in C++"].version = "torch " + sides["LibTorch in C++"].ask(command="load", work=work["composed"], inputs=str(path), threads=1)["version"]
    warm = {name: side.ask(command="run", calls=1) for name, side in [("ours", ours), *sides.items()]}
    calls = {name: max(1, round(0.1 / reply["wall_s"])) for name, reply in warm.items()}
    results = []
    for name, side in sides.items():
        mine, theirs = [], []
        for _ in range(rounds):
            theirs.append(side.ask(command="run", calls=calls[name]))
            mine.append(ours.ask(command="run", calls=calls["ours"]))
        ratios = [t["cpu_s"] / m["cpu_s"] for t, m in zip(theirs, mine)]
        low, high = interval(ratios)
        difference = max(abs(theirs[0]["outputs"][k] - v) / max(abs(theirs[0]["outputs"][k]), 1e-12) for k, v in mine[0]["outputs"].items())
        cpu = statistics.median(m["cpu_s"] for m in mine)
        results.append({"name": work["name"], "work": work["what"], "peer": name, "peer_version": side.version, "peer_ms": 1e3 * statistics.median(t["cpu_s"] for t in theirs),
                        "ours_ms": 1e3 * cpu, "ratio": statistics.median(ratios), "ratio_low": low, "ratio_high": high, "target": work["target"],
                        "limit_share": work["flop"] / PEAK_GFLOPS / 1e9 / cpu if PEAK_GFLOPS else None,
                        "peer_extra_mib": max(t["extra_mib"] for t in theirs), "ours_extra_mib": max(m["extra_mib"] for m in mine),
                        "difference": difference, "equal": difference <= work["tolerance"]})
        side.close()
    ours.close()
    return results


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("worker")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--json")
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    all_work = [(file.stem, work) for file in sorted((here / "workloads").glob("[a-z]*.py")) for work in importlib.import_module("workloads." + file.stem).WORK]
    known = [work["name"] for _, work in all_work]
    unknown = [name for name in given.names if name not in known]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
    environment = {"processor": processor(), "cores": os.cpu_count(), "settings": {k: v for k, v in os.environ.items() if k.startswith(("MKL_", "OMP_", "OPENBLAS_", "DNNL_", "ONEDNN_"))}}
    print(f"{environment['processor']}, {environment['cores']} cores, settings {environment['settings'] or 'none'}")
    print(f"{'work':<44}{'peer':<22}{'peer ms':>9}{'ours ms':>9}{'ratio':>7}{'  95 % interval':<16}{'target':>7}{'extra MiB':>11}{'theirs':>8}{'limit':>7}  results")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for module, work in all_work:
            if given.names and work["name"] not in given.names:
                continue
            for r in compare(module, work, lambda: Worker(given.worker), given.rounds, pathlib.Path(folder)):
                results.append(r)
                limit = f"{100 * r['limit_share']:.0f} %" if r["limit_share"] else "-"
                print(f"{r['work']:<44}{r['peer']:<22}{r['peer_ms']:>9.1f}{r['ours_ms']:>9.1f}{r['ratio']:>7.2f}{r['ratio_low']:>7.2f} .. {r['ratio_high']:<5.2f}{r['target']:>7.1f}"
                      f"{r['ours_extra_mib']:>11.1f}{r['peer_extra_mib']:>8.1f}{limit:>7}  {'equal' if r['equal'] else 'DIFFER'} ({r['difference']:.1e})", flush=True)
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps({"environment": environment, "results": results}, indent=2) + "\n")
    sys.exit(not all(r["equal"] for r in results))


main()
