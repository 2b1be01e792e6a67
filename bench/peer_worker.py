# SPDX-License-Identifier: Apache-2.0
"""The peers' side of scripts/bench: the commands of bench/worker.cpp, for the peers in Python that bench/workloads names."""
import ctypes
import importlib
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))


def status_bytes(name):
    for line in open("/proc/self/status"):
        if line.startswith(name + ":"):
            return 1024 * float(line.split()[1])
    return 0.0


def hello():
    import torch
    return {"versions": f"Python {sys.version.split()[0]}, torch {torch.__version__}", "capability": torch.backends.cpu.get_cpu_capability(),
            "blas": "MKL" if torch.backends.mkl.is_available() else "no MKL"}


def product(size):
    """FLOP/s of torch's product of matrices on one thread, the best of a few."""
    import torch
    torch.set_num_threads(1)
    x, y, best = torch.rand(size, size), torch.rand(size, size), float("inf")
    for _ in range(6):
        cpu = time.thread_time()
        x.mm(y)
        best = min(best, time.thread_time() - cpu)
    return {"flops": 2.0 * size**3 / best}


class Session:
    work = outputs = None

    def load(self, module, work, inputs, threads):
        import torch
        from safetensors.torch import load_file
        torch.set_num_threads(threads)
        self.work = self.outputs = None
        loaded = importlib.import_module("workloads." + module)
        self.work = loaded.PEERS[work](load_file(inputs))
        return {"versions": getattr(loaded, "versions", lambda: "")()}

    def block(self, calls):
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(calls):
            self.outputs = self.work()
        return {"cpu_s": (time.process_time() - cpu) / calls, "wall_s": (time.perf_counter() - wall) / calls}

    def memory(self):
        """Of one call: the heap by bench/preload/count_allocations, and resident memory."""
        self.outputs = None
        program = ctypes.CDLL(None)
        counted = hasattr(program, "alloy_count_start")
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # forgets the highest so far
        before = status_bytes("VmRSS")
        if counted:
            program.alloy_count_stop.restype = ctypes.c_longlong
            program.alloy_count_start()
        self.outputs = self.work()
        allocated = program.alloy_count_stop() if counted else -1
        return {"allocated": allocated, "resident": status_bytes("VmHWM") - before}

    def outputs_to(self, path):
        from safetensors.torch import save_file
        save_file({name: x.detach().contiguous() for name, x in self.outputs.items()}, path)
        return {}


def main():
    session = Session()
    commands = {"hello": hello, "product": product, "load": session.load, "block": session.block, "memory": session.memory, "outputs": session.outputs_to}
    for line in sys.stdin:
        command = json.loads(line)
        try:
            reply = commands[command.pop("command")](**command)
        except Exception as error:  # told to the driver, which names the peer
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


main()
