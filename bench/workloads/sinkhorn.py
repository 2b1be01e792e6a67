# SPDX-License-Identifier: Apache-2.0
"""B15: entropic optimal transport between two clouds of 2048 points, 100 iterations, beside POT on numpy and on torch. Ours is in sinkhorn.cpp.
Both sides make the same costs of the points; what is compared is the plan and its margins."""
from harness import tensors
from harness.work import Peer, Work

SIZE, QUICK = {"rows": 2048, "iterations": 100}, {"rows": 40, "iterations": 100}
WIDTH = 16


def inputs(epsilon):
    def make(size):
        points = {name: tensors.unit_rows(size["rows"], WIDTH, seed) for name, seed in (("x", 1), ("y", 2))}
        return {**points, "epsilon": tensors.scalar(epsilon), "iterations": tensors.scalar(size["iterations"])}
    return make


def entries(size, each):
    return size["rows"] ** 2 * each


def flop(per_entry):
    return lambda size: entries(size, per_entry) * size["iterations"]


def work(name, what, form, bytes_each, epsilon, target, flop_each):
    """flop_each: of an entry and iteration; two products of matrix and vector, or an exponential of 10 and its sums. Traffic: costs in, plan out."""
    kind = "log domain" if form == "log" else "plain"
    return Work(name=name, what=what, ours=name, inputs=inputs(epsilon), size=SIZE, quick=QUICK, tolerance=2e-3 if bytes_each == 4 else 1e-4,
                flop=flop(flop_each), traffic=lambda size: 2 * entries(size, bytes_each), results=lambda size: entries(size, bytes_each),
                peers=[Peer(f"POT numpy {kind} fp{8 * bytes_each}", target=target), Peer(f"POT torch {kind} fp{8 * bytes_each}", target=target)])


WORK = [
    work("sinkhorn_plain", "Sinkhorn 2048 x 2048, plain, fp32", "plain", 4, 0.2, 2.0, 4),
    work("sinkhorn_log", "Sinkhorn 2048 x 2048, log domain, fp32", "log", 4, 0.2, 10.0, 14),
    work("sinkhorn_plain_fp64", "Sinkhorn 2048 x 2048, plain, fp64", "plain", 8, 0.2, None, 4),
    work("sinkhorn_log_fp64", "Sinkhorn 2048 x 2048, log domain, fp64", "log", 8, 0.2, None, 18),
]


def versions():
    import importlib.metadata
    return f"POT {importlib.metadata.version('POT')}, numpy {importlib.metadata.version('numpy')}"


def pot(method, backend, double):
    def peer(loaded):
        import ot
        import torch
        kind = torch.float64 if double else torch.float32
        cost = (2 - 2 * loaded["x"].double() @ loaded["y"].double().T).to(kind)
        margin = torch.full((len(cost),), 1 / len(cost), dtype=kind)
        epsilon, iterations = float(loaded["epsilon"]), int(loaded["iterations"])
        if backend == "numpy":
            cost, margin = cost.numpy(), margin.numpy()

        def call():
            plan = ot.sinkhorn(margin, margin, cost, epsilon, method=method, numItermax=iterations, stopThr=0, warn=False)
            plan = torch.as_tensor(plan)
            return {"plan": plan, "rows": plan.sum(1), "columns": plan.sum(0)}
        return call
    return peer


PEERS = {f"POT {backend} {'log domain' if method == 'sinkhorn_log' else 'plain'} fp{64 if double else 32}": pot(method, backend, double)
         for backend in ("numpy", "torch") for method in ("sinkhorn", "sinkhorn_log") for double in (False, True)}
