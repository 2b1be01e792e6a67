# SPDX-License-Identifier: Apache-2.0
"""B10: distances of all pairs of a set of series by dynamic time warping, and soft-DTW of pairs, beside dtaidistance's C code and
tslearn (compiled by numba). Both compute in double, ours in the precision that the entry names, from the same numbers."""
import array
import random

from harness.tensors import Tensor
from harness.work import Peer, Work


def series(count, steps, width, seed):
    """Random walks, rounded to what float32 holds, so that both precisions begin from the same numbers."""
    generator, values = random.Random(seed), array.array("f")
    for _ in range(count):
        at = [0.0] * width
        for _ in range(steps):
            at = [a + generator.gauss(0, 0.2) for a in at]
            values.extend(at)
    return Tensor([count, steps, width], values)


def inputs(size):
    return {"x": series(size["count"], size["steps"], size["width"], 1)}


def two_sets(size):
    return {name: series(size["count"], size["steps"], size["width"], seed) for name, seed in (("x", 1), ("y", 2))}


def cells(size, pairs):
    return pairs * size["steps"] ** 2


def matrix(name, what, width, target):
    """Each pair once; a cell takes a difference, its square and its sum a number a step, and two minima."""
    return Work(name=name, what=what, ours=name.removesuffix("_8d"), inputs=inputs, size={"count": 48, "steps": 500, "width": width}, quick={"count": 5, "steps": 20, "width": width},
                flop=lambda size: cells(size, size["count"] * (size["count"] - 1) / 2) * (3 * width + 2), results=lambda size: 8 * size["count"] ** 2,
                tolerance=1e-5, peers=[Peer("dtaidistance C", target=target), Peer("tslearn cdist_dtw")])


def soft(name, what, target):
    """All pairs of two sets: tslearn has no other form that is compiled as a whole. A cell takes at least 20 operations: its cost, an
    exponential, a sum of three of unlike scale."""
    return Work(name=name, what=what, ours=name, inputs=two_sets, size={"count": 8, "steps": 500, "width": 1}, quick={"count": 3, "steps": 20, "width": 1},
                flop=lambda size: cells(size, size["count"] ** 2) * 20, results=lambda size: 8 * size["count"] ** 2, tolerance=1e-5, peers=[Peer("tslearn cdist_soft_dtw", target=target)])


def gradient(name, what):
    return Work(name=name, what=what, ours=name, inputs=two_sets, size={"count": 16, "steps": 300, "width": 4}, quick={"count": 3, "steps": 20, "width": 2},
                flop=lambda size: cells(size, size["count"]) * 60, results=lambda size: 16 * size["count"] * size["steps"] * size["width"], tolerance=1e-4,
                peers=[Peer("tslearn SoftDTWLossPyTorch")])


WORK = [
    matrix("dtw_float", "DTW matrix, 48 series of 500 steps, fp32", 1, 40),
    matrix("dtw_double", "DTW matrix, 48 series of 500 steps, fp64", 1, 15),
    matrix("dtw_float_8d", "DTW matrix, 8 numbers a step, fp32", 8, None),
    matrix("dtw_double_8d", "DTW matrix, 8 numbers a step, fp64", 8, None),
    soft("soft_dtw_float", "soft-DTW, 64 pairs of 500 steps, fp32", 40),
    soft("soft_dtw_double", "soft-DTW, 64 pairs of 500 steps, fp64", 40),
    gradient("soft_dtw_gradient", "soft-DTW and gradients, B 16, T 300, D 4"),
]


def versions():
    import importlib.metadata
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("dtaidistance", "tslearn", "numba"))


def one_thread():
    import numba
    numba.set_num_threads(1)


def dtaidistance(loaded):
    import torch
    from dtaidistance import dtw, dtw_ndim
    if dtw.dtw_cc is None:
        raise RuntimeError("dtaidistance is there without its C code")
    x = loaded["x"].double().numpy()
    if x.shape[2] == 1:
        all_series = [s[:, 0].copy() for s in x]
        return lambda: {"distances": torch.from_numpy(dtw.distance_matrix_fast(all_series, parallel=False))}
    all_series = list(x)
    return lambda: {"distances": torch.from_numpy(dtw_ndim.distance_matrix_fast(all_series, parallel=False))}


def tslearn_dtw(loaded):
    import torch
    from tslearn.metrics import cdist_dtw
    one_thread()
    x = loaded["x"].double().numpy()
    return lambda: {"distances": torch.from_numpy(cdist_dtw(x))}


def tslearn_soft(loaded):
    import torch
    from tslearn.metrics import cdist_soft_dtw
    one_thread()
    x, y = loaded["x"].double().numpy(), loaded["y"].double().numpy()
    return lambda: {"values": torch.from_numpy(cdist_soft_dtw(x, y, gamma=1.0))}


def tslearn_gradient(loaded):
    import torch
    from tslearn.metrics import SoftDTWLossPyTorch
    one_thread()
    loss, leaves = SoftDTWLossPyTorch(gamma=1.0), {name: loaded[name].clone().requires_grad_() for name in ("x", "y")}

    def call():
        value = loss(leaves["x"], leaves["y"]).sum()
        grads = torch.autograd.grad(value, list(leaves.values()))
        return {"value": value, "grad_x": grads[0], "grad_y": grads[1]}
    return call


PEERS = {"dtaidistance C": dtaidistance, "tslearn cdist_dtw": tslearn_dtw, "tslearn cdist_soft_dtw": tslearn_soft, "tslearn SoftDTWLossPyTorch": tslearn_gradient}
