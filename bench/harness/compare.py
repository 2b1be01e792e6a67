# SPDX-License-Identifier: Apache-2.0
"""Measures one piece of work against each of its peers. A row is a dict, whose fields docs/adding_a_benchmark.md explains."""
import math
import random
import statistics

from harness import tensors
from harness.workers import Failure


def interval(ratios, resamples=2000):
    """95 % of the medians of samples drawn from the ratios themselves."""
    rng = random.Random(0)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(resamples))
    return medians[int(0.025 * resamples)], medians[int(0.975 * resamples)]


class Comparison:
    def __init__(self, workers, folder, rounds, quick, limits, say):
        self.workers, self.folder, self.rounds, self.quick, self.limits, self.say = workers, folder, rounds, quick, limits, say
        self.block_s = 0.002 if quick else 0.1

    def rows(self, module, work, all_work):
        """Rows and, where something cannot be measured here, {"name", "work", "peer", "why"}."""
        if work.grown:
            yield self.growth(work, all_work[work.grown.work])
            return
        path, size = self.folder / "inputs.safetensors", work.quick if self.quick else work.size
        tensors.save(path, work.inputs(size))
        ours = self.workers.ours()
        ours.ask("load", work=work.ours, inputs=str(path), threads=1)
        ours_extra = self.extra_mb(ours, work, size)
        for peer in work.peers:
            for fast in (False, True):
                name = peer.name + (", MKL fast path" if fast else "")
                try:
                    side, version = self.load_peer(module, peer, fast, path)
                    row = self.paired(work, size, ours, side, "cpu_s", peer.fast_target if fast else peer.target)
                    yield {**row, "peer": name, "peer_version": version, "ours_extra_mb": ours_extra, "peer_extra_mb": self.extra_mb(side, work, size),
                           "max_extra_mb": work.max_extra_mb}
                except Failure as failure:
                    if failure.worker is ours:
                        raise
                    yield {"name": work.name, "work": work.what, "peer": name, "why": str(failure)}
        if work.threads_target:
            yield self.threads(work, size, ours, path, ours_extra)

    def load_peer(self, module, peer, fast, path):
        side = self.workers.peer(peer, fast)
        where = {"work": peer.cpp} if peer.cpp else {"work": peer.name, "module": module}
        return side, side.ask("load", inputs=str(path), threads=1, **where).get("versions", "")

    def extra_mb(self, side, work, size):
        """Beyond inputs and results, at its highest; None where nothing counts."""
        side.ask("block", calls=1)  # what is made once, such as compiled kernels, is there
        allocated = side.ask("memory")["allocated"]
        return (allocated - work.results(size)) / 1e6 if allocated >= 0 else None

    def calls(self, side):
        side.ask("block", calls=1)
        return max(1, math.ceil(self.block_s / side.ask("block", calls=1)["wall_s"]))

    def paired(self, work, size, ours, theirs, clock, target):
        """Blocks of both in turn; the ratio is the median of those of neighbours. By the clock only pairs count that had the cores to
        themselves."""
        sides = [(theirs, self.calls(theirs)), (ours, self.calls(ours))]
        pairs = []
        for _ in range(self.rounds * (1 if clock == "cpu_s" else 3)):
            blocks = [self.block(side, calls) for side, calls in sides]
            if clock == "cpu_s" or self.quick or all(block["waited"] < 0.05 for block in blocks):
                pairs.append([block[clock] for block in blocks])
            if len(pairs) == self.rounds:
                break
        else:
            raise Failure(f"other programs held the cores: {len(pairs)} of {3 * self.rounds} pairs of blocks had them to themselves, {self.rounds} are wanted")
        other, mine = zip(*pairs)
        row = self.row(work, "CPU" if clock == "cpu_s" else "wall", mine, other, [t / m for t, m in pairs], target)
        least = max(work.flop(size) / self.limits["flops"], work.traffic(size) / self.limits["bytes_per_second"]) if self.limits["flops"] else 0
        return {**row, "limit_ms": 1e3 * least / ours.threads if least else None, **self.difference(work, theirs, ours)}

    def block(self, side, calls):
        waited = side.waited_s()
        block = side.ask("block", calls=calls)
        return {**block, "waited": (side.waited_s() - waited) / (calls * block["wall_s"])}

    def row(self, work, clock, mine, other, ratios, target):
        low, high = interval(ratios)
        target = None if self.quick else target  # which is for the full size
        return {"name": work.name, "work": work.what, "clock": clock, "ours_ms": 1e3 * statistics.median(mine), "peer_ms": 1e3 * statistics.median(other),
                "ratio": statistics.median(ratios), "low": low, "high": high, "target": target, "met": None if target is None else low >= target}

    def difference(self, work, expected, got):
        """Of the results of the last blocks, that is of calls that were timed."""
        paths = [str(self.folder / f"{side}.safetensors") for side in ("expected", "got")]
        expected.ask("outputs", path=paths[0])
        got.ask("outputs", path=paths[1])
        found = self.workers.ours().ask("compare", expected=paths[0], got=paths[1])["difference"]
        return {"difference": max(found.values()), "equal": max(found.values()) <= work.tolerance}

    def threads(self, work, size, ours, path, ours_extra):
        if self.workers.cores < 2:
            return {"name": work.name, "work": work.what, "peer": "alloy, 1 thread", "why": "one core"}
        two = self.workers.ours(threads=2)
        two.ask("load", work=work.ours, inputs=str(path), threads=2)
        about = {"work": work.what + ", 2 threads", "peer": "alloy, 1 thread", "peer_version": ""}
        extra = self.extra_mb(two, work, size)
        try:
            row = self.paired(work, size, two, ours, "wall_s", work.threads_target)
        except Failure as failure:
            if failure.worker:
                raise
            return {"name": work.name, **about, "why": str(failure)}
        return {**row, **about, "ours_extra_mb": extra, "peer_extra_mb": ours_extra, "max_extra_mb": work.max_extra_mb}

    def growth(self, work, small):
        """The larger input in a process of its own, once, between blocks of the smaller one; as if the smaller were done so often
        as the larger is larger."""
        grown, path, size = work.grown, self.folder / "inputs.safetensors", small.quick if self.quick else small.size
        added = grown.quick if self.quick else grown.size
        made = small.inputs(size)
        tensors.save(path, {**made, **{name: tensors.scalar(value) for name, value in added.items()}})
        factor = grown.factor(added)
        ours, big = self.workers.ours(), self.workers.start()
        ours.ask("load", work=small.ours, inputs=str(path), threads=1)
        calls = self.calls(ours)
        before = [ours.ask("block", calls=calls)["cpu_s"] for _ in range(self.rounds)]
        expected_s = factor * statistics.median(before)
        self.say(f"{work.name}: one pass, about {expected_s / 60:.0f} minutes on one thread" if expected_s > 90 else f"{work.name}: one pass, about {expected_s:.0f} s")
        big.ask("load", work=work.ours, inputs=str(path), threads=1)
        mine = big.ask("block", calls=1, progress=lambda s: self.say(
            f"{work.name}: {s / 60:.1f} of about {expected_s / 60:.1f} minutes", again=True))["cpu_s"]
        peak_mb = big.ask("peak")["resident"] / 1e6
        other = [factor * t for t in before + [ours.ask("block", calls=calls)["cpu_s"] for _ in range(self.rounds)]]
        row = self.row(work, "CPU", [mine], other, [t / mine for t in other], grown.target)
        row |= {"peer": f"alloy, {small.name} x {factor:g}", "peer_version": "", "limit_ms": None, "process_mb": peak_mb, "max_process_mb": grown.max_process_mb}
        row |= self.difference(work, ours, big)
        self.say(f"{work.name}: done")
        big.close()
        return row


def faults(row):
    """What of a row is not as it has to be, in a word each."""
    if "why" in row:
        return []
    found = [] if row["equal"] else ["results DIFFER"]
    found += ["speed"] if row["met"] is False else []
    found += ["memory"] if (row.get("ours_extra_mb") or 0) > (row.get("max_extra_mb") or math.inf) else []
    return found + (["memory"] if row.get("process_mb", 0) > row.get("max_process_mb", math.inf) else [])
