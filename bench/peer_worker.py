# SPDX-License-Identifier: Apache-2.0
"""The peers' side of scripts/bench: the same commands as bench/worker.cpp, for the peers that bench/workloads names."""
import importlib
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))


def status_kib(name):
    for line in open("/proc/self/status"):
        if line.startswith(name + ":"):
            return float(line.split()[1])
    return 0.0


def main():
    work = None
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if command["command"] == "load":
                import torch
                from safetensors.torch import load_file
                torch.set_num_threads(command["threads"])
                module = importlib.import_module("workloads." + command["module"])
                work = module.PEERS[command["work"]](load_file(command["inputs"]))
                reply = {"ok": True, "version": getattr(module, "versions", lambda: "")()}
            else:
                open("/proc/self/clear_refs", "w").write("5")
                resident, cpu, wall = status_kib("VmRSS"), time.process_time(), time.perf_counter()
                for _ in range(command["calls"]):
                    outputs = work()
                calls = command["calls"]
                reply = {"cpu_s": (time.process_time() - cpu) / calls, "wall_s": (time.perf_counter() - wall) / calls,
                         "extra_mib": (status_kib("VmHWM") - resident) / 1024, "outputs": outputs}
        except Exception as error:  # told to the driver, which names the peer
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


main()
