# SPDX-License-Identifier: Apache-2.0
"""The processes that are measured. Each lives as long as the run and times inside itself, so that start-up is in no figure."""
import json
import os
import pathlib
import selectors
import subprocess
import time

BENCH = pathlib.Path(__file__).resolve().parent.parent


class Failure(Exception):
    """What a worker said, in its words; `worker`: which, where it was one."""

    def __init__(self, text, worker=None):
        super().__init__(text)
        self.worker = worker


class Worker:
    def __init__(self, command, threads=1, preload=()):
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), PYTHONUNBUFFERED="1")
        if preload:
            environment["LD_PRELOAD"] = ":".join([*map(str, preload), *filter(None, [os.environ.get("LD_PRELOAD")])])
        self.threads = threads
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def ask(self, command, progress=None, **arguments):
        """Its answer. `progress(seconds)` is called now and then while it is awaited."""
        began = time.monotonic()
        try:
            self.process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: the answer below says so
        if progress:
            with selectors.DefaultSelector() as selector:
                selector.register(self.process.stdout, selectors.EVENT_READ)
                while not selector.select(timeout=10):
                    progress(time.monotonic() - began)
        line = self.process.stdout.readline()
        reply = json.loads(line) if line else {"error": f"the worker ended with {self.process.wait()}"}
        if "error" in reply:
            raise Failure(f"{command}: {reply['error']}", self)
        return reply

    def waited_s(self):
        """How long its threads have been ready to run while other programs had the processor; 0 where Linux does not say."""
        total = 0
        for file in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat"):
            total += int(file.read_text().split()[1])
        return total / 1e9

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


class Workers:
    """Starts each kind once: ours by threads, peers by language and path of MKL."""

    def __init__(self, program, peers_python, product, cores):
        self.program, self.peers_python, self.product, self.cores = program, peers_python, product, cores
        folder = pathlib.Path(program).resolve().parent
        self.preload = {name: folder / f"{name}.so" for name in ("count_allocations", "mkl_fast_path") if (folder / f"{name}.so").exists()}
        self.running = {}
        self.machines = {}  # what each said of the machine, by the same key

    def start(self, threads=1, fast=False, python=False):
        """A process of its own, which the caller closes."""
        names = ["count_allocations"] + (["mkl_fast_path"] if fast else [])
        command = [self.peers_python, str(BENCH / "peer_worker.py")] if python else [self.program]
        return Worker(command, threads, [self.preload[name] for name in names if name in self.preload])

    def get(self, role, threads=1, fast=False, python=False):
        key = (role, threads, fast)
        if key not in self.running or self.running[key].process.poll() is not None:  # or has ended, as for want of memory
            began = time.monotonic()
            worker = self.running[key] = self.start(threads, fast, python)
            self.machines[key] = {**worker.ask("hello"), "start_s": time.monotonic() - began, "product_flops": worker.ask("product", size=self.product)["flops"]}
        return self.running[key]

    def ours(self, threads=1):
        return self.get("ours", threads)

    def peer(self, peer, fast=False):
        """Or Failure, which says why there is none."""
        if not peer.cpp and not self.peers_python:
            raise Failure("its Python environment is not there: scripts/bench makes it")
        if fast and "mkl_fast_path" not in self.preload:
            raise Failure("mkl_fast_path.so is not beside the worker")
        role = "LibTorch in C++" if peer.cpp else "Python"
        worker = self.get(role, fast=fast, python=not peer.cpp)
        if fast:
            self.get(role, python=not peer.cpp)
            plain, forced = (self.machines[role, 1, path]["product_flops"] / 1e9 for path in (False, True))
            if forced < 1.1 * plain:
                raise Failure(f"forcing MKL's fast path has no effect here: a product runs at {forced:.0f} GFLOP/s, without it at {plain:.0f}")
        return worker

    def close(self):
        for worker in self.running.values():
            worker.close()
