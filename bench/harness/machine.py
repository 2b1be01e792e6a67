# SPDX-License-Identifier: Apache-2.0
"""What is printed above the figures: the machine, its settings, the versions."""
import os
import platform

SETTINGS = ("MKL_", "OMP_", "KMP_", "GOMP_", "OPENBLAS_", "DNNL_", "ONEDNN_", "ATEN_", "LD_PRELOAD")
FLAGS = ("avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16")


def processor():
    """Name, family and model, and those of its instruction sets that matter here."""
    found = {}
    for line in open("/proc/cpuinfo"):
        name, _, value = line.partition(":")
        found.setdefault(name.strip(), value.strip())
    name = found.get("model name", platform.processor() or platform.machine())
    if "cpu family" in found:
        name += f" (family {found['cpu family']}, model {found['model']})"
    return name, [flag for flag in FLAGS if flag in found.get("flags", "").split()]


def describe():
    name, flags = processor()
    return {"processor": name, "flags": flags, "cores": len(os.sched_getaffinity(0)), "memory_gb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9,
            "system": f"{platform.system()} {platform.release().split('-')[0]}", "load": os.getloadavg()[0],
            "settings": {key: value for key, value in sorted(os.environ.items()) if key.startswith(SETTINGS)}}


def describe_workers(workers, limits):
    """After the measurements, when all that was needed has been started."""
    return {"limits": {"gflops": limits["flops"] / 1e9, "gb_per_second": limits["bytes_per_second"] / 1e9},
            "workers": [{"role": role, "threads": threads, "mkl_fast_path": fast, "versions": said["versions"], "capability": said["capability"], "blas": said["blas"],
                         "product_gflops": said["product_flops"] / 1e9, "start_s": said["start_s"]}
                        for (role, threads, fast), said in workers.machines.items()]}
