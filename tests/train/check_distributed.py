#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Starts several processes on this machine: that they compute what one would, and that none hangs when another dies.

usage: check_distributed.py WORKER"""
import importlib.util
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import time

worker = sys.argv[1]
failures = []
random.seed(int(os.environ.get("ALLOY_TEST_SEED", "1")))


def expect(condition, what, *seen):
    if not condition:
        failures.append(what)
        print("FAILED:", what, *seen, sep="\n  ")


def free_port():
    while True:
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", random.randrange(20000, 32000)))
                return one.getsockname()[1]
            except OSError:
                pass


def start(world, *args, timeout=60, ranks=None, port=None):
    """The processes 0 .. world - 1, or those of `ranks`."""
    port = port or free_port()
    env = dict(os.environ, MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), WORLD_SIZE=str(world), WORKER_TIMEOUT=str(timeout), OMP_NUM_THREADS="1")
    return [subprocess.Popen([worker, *args], env=dict(env, RANK=str(r)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for r in (ranks or range(world))]


def finish(processes, seconds=100):
    """Exit code, last line and standard error of each; one that does not end is killed and counts as code None."""
    results, until = [], time.monotonic() + seconds
    for p in processes:
        try:
            out, err = p.communicate(timeout=max(0.1, until - time.monotonic()))
            results.append((p.returncode, out.strip().rsplit("\n", 1)[-1], err))
        except subprocess.TimeoutExpired:
            p.kill()
            p.communicate()
            results.append((None, "", "did not end"))
    expect(not any(err for _, _, err in results), "nothing on standard error", results)
    return results


def check_equal_to_one_process(world):
    results = finish(start(world, "compare"))
    for rank, (code, line, err) in enumerate(results):
        expect(code == 0, f"compare, rank {rank} of {world}: exit {code}", line, err)
        if code != 0:
            continue
        cases = json.loads(line)
        expect(len(cases) == 4, f"expected 4 cases, got {len(cases)}")
        for case in cases:
            what = f"{case['case']}, rank {rank} of {world}"
            expect(case["loss"] > 0.01, f"{what}: a loss of {case['loss']} shows nothing")
            expect(case["loss_error"] <= 1e-6, f"{what}: loss", case)
            expect(case["gradient_error"] <= 1e-5, f"{what}: gradients", case)
            expect(case["parameter_error"] <= 1e-5, f"{what}: parameters after a step", case)
            expect(case["same_bits"], f"{what}: parameters differ between processes")
            if rank == 0:
                print(f"  {what}: loss {case['loss_error']:.1e}, gradients {case['gradient_error']:.1e}, parameters {case['parameter_error']:.1e}")


def sigpipe_ends(process):
    """Threads beside the first, those of the network, that a write to a closed connection would end the process from."""
    threads = []
    for thread in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        blocked = int(re.search(r"SigBlk:\s*(\w+)", (thread / "status").read_text())[1], 16)
        if thread.name != str(process.pid) and not blocked >> (signal.SIGPIPE - 1) & 1:
            threads.append((thread / "comm").read_text().strip())
    return threads


def check_survivors(world, how):
    """Stops a random process at a random moment of training; the others end by a NetworkError within the timeout + 5 s."""
    timeout = 5  # also for the meeting, on a machine that is busy
    processes = start(world, "train", "0", timeout=timeout)
    victim = random.randrange(world)
    for p in processes:
        line = p.stdout.readline()
        expect(line == "step 0\n", f"training of {world}: first line {line!r}")
    expect(not sigpipe_ends(processes[0]), "SIGPIPE is blocked in all threads of the network", sigpipe_ends(processes[0]))
    time.sleep(random.random() * 0.5)
    processes[victim].send_signal(how)
    stopped = time.monotonic()
    others = [p for p in processes if p is not processes[victim]]
    results = finish(others, timeout + 5)
    took = time.monotonic() - stopped
    processes[victim].kill()
    processes[victim].communicate()
    for code, line, err in results:
        what = f"{how.name} to rank {victim} of {world}, after {took:.1f} s"
        expect(code == 3, f"{what}: exit {code}", line, err)
        if code == 3:
            error = json.loads(line)
            expect(error["error"] == "NetworkError" and "[ProcessGroup::" in error["message"], what, line)
            expect("start all again" in error["message"], f"{what}: no cure", line)
    print(f"  {how.name} to rank {victim} of {world}: the others ended in {took:.1f} s, by {json.loads(results[0][1])['message'][:70] if results[0][1].startswith('{') else '?'}...")


def errors_of(processes, seconds):
    return [json.loads(line) if code == 3 else {"error": f"exit {code}", "message": line + err} for code, line, err in finish(processes, seconds)]


def check_never_came(processes):
    errors = errors_of(processes, 30)
    expect(any("with rank [1]" in e["message"] for e in errors) and all(e["error"] == "NetworkError" and e["seconds"] < 8 + 5 for e in errors), "rank 1 never came", errors)


def check_port_in_use():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        errors = errors_of(start(2, "train", "1", timeout=2, port=other.getsockname()[1]), 30)
        expect(all(e["error"] == "NetworkError" and e["seconds"] < 2 + 5 for e in errors) and "port in use" in errors[0]["message"], "port in use", errors)


def check_clean_end(times):
    for _ in range(times):
        for code, line, err in finish(start(3, "train", "2")):
            expect(code == 0 and line == "step 1" and err == "", f"a run of three that is not disturbed: exit {code}", line, err)


def check_torchrun():
    if not importlib.util.find_spec("torch"):
        print("  torchrun: not here")
        return
    command = [sys.executable, "-m", "torch.distributed.run", "--no-python", "--nproc-per-node", "2", "--master-port", str(free_port()), worker, "train", "2"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, env=dict(os.environ, OMP_NUM_THREADS="1"))
    expect(run.returncode == 0 and run.stdout.count("step 1\n") == 2, "torchrun", run.stdout, run.stderr)


alone = start(3, "train", "1", timeout=8, ranks=[0, 2])  # they wait while the rest runs
for name, check in [("one step of 2 and of 4 processes against one", lambda: [check_equal_to_one_process(world) for world in (2, 4)]),
                    ("a clean end", lambda: check_clean_end(2)),
                    ("killed", lambda: [check_survivors(world, signal.SIGKILL) for world in (2, 3, 4)]),
                    ("stalled", lambda: check_survivors(3, signal.SIGSTOP)),
                    ("never came", lambda: check_never_came(alone)),
                    ("port in use", check_port_in_use),
                    ("torchrun", check_torchrun)]:
    begin = time.monotonic()
    print(f"{name}:")
    check()
    print(f"  {time.monotonic() - begin:.1f} s")
print(f"{len(failures)} failures")
sys.exit(bool(failures))
