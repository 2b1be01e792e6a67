# SPDX-License-Identifier: Apache-2.0
"""How a file of bench/workloads describes what is measured. It holds a list WORK and, where it has peers in Python, a table
PEERS of functions; see docs/adding_a_benchmark.md."""
import dataclasses
import importlib
import pathlib
from typing import Callable, Optional


@dataclasses.dataclass
class Peer:
    """Whom we are measured against, on the same inputs. A peer in Python is found by its name in PEERS of the same file."""
    name: str
    cpp: str = ""                        # of a peer in C++: the name in bench/workloads/*.cpp
    target: Optional[float] = None       # peer / ours, at least
    fast_target: Optional[float] = None  # the same where MKL is forced onto its fast path


@dataclasses.dataclass
class Growth:
    """The same work on a larger input, beside the smaller one in the same run."""
    work: str                       # the smaller one's name
    size: dict                      # what is added to its inputs, as numbers
    quick: dict                     # the same for the quick form
    factor: Callable[[dict], float]  # how many times the work it is
    target: float                   # speed for the same work, relative to the smaller one, at least
    max_process_mb: float           # of the whole process, inputs included


@dataclasses.dataclass
class Work:
    name: str                       # on the command line
    what: str                       # in the table
    ours: str                       # the name in bench/workloads/*.cpp
    peers: list = dataclasses.field(default_factory=list)
    size: dict = dataclasses.field(default_factory=dict)   # what `inputs` and the functions below are given
    quick: dict = dataclasses.field(default_factory=dict)  # the same, small, for the quick form
    inputs: Optional[Callable[[dict], dict]] = None        # name -> harness.tensors.Tensor
    tolerance: float = 1e-4         # difference of results, relative to the largest value of each
    flop: Callable[[dict], float] = lambda size: 0         # multiplications and additions, at least
    traffic: Callable[[dict], float] = lambda size: 0      # bytes that have to be read or written, at least
    results: Callable[[dict], float] = lambda size: 0      # bytes of what a call returns: they are not counted as extra memory
    max_extra_mb: Optional[float] = None
    threads_target: Optional[float] = None  # two threads over one, by the clock
    grown: Optional[Growth] = None          # set: no peers and inputs of its own
    only_if_named: bool = False             # takes minutes


def find_work():
    """All that bench/workloads declares, by name: (module, work)."""
    found = {}
    for file in sorted((pathlib.Path(__file__).parent.parent / "workloads").glob("[a-z]*.py")):
        for work in importlib.import_module("workloads." + file.stem).WORK:
            if work.name in found:
                raise ValueError(f"{file}: the name {work.name} is taken")
            found[work.name] = (file.stem, work)
    return found
