# SPDX-License-Identifier: Apache-2.0
"""Inputs without any package: both sides read them from one safetensors file."""
import array
import dataclasses
import json
import math
import random
import struct

DTYPES = {"f": "F32", "d": "F64", "q": "I64", "B": "U8"}


@dataclasses.dataclass
class Tensor:
    shape: list
    values: array.array


def scalar(value):
    return Tensor([], array.array("f", [value]))


def unit_rows(rows, width, seed, centres=0, spread=1.0):
    """Random directions. With `centres`, near that many of them, the same for every seed: row i lies at centre i modulo their number,
    off by `spread` of its length."""
    def draw(generator):
        return [generator.gauss(0, width**-0.5) for _ in range(width)]

    generator, shared = random.Random(seed), random.Random(0)
    middle = [draw(shared) for _ in range(centres)]
    values = array.array("f")
    for i in range(rows):
        row = draw(generator)
        if middle:
            row = [c + spread * x for c, x in zip(middle[i % centres], row)]
        norm = math.sqrt(math.fsum(x * x for x in row))
        values.extend(x / norm for x in row)
    return Tensor([rows, width], values)


def save(path, tensors):
    header, offset = {}, 0
    for name, tensor in tensors.items():
        size = tensor.values.itemsize * len(tensor.values)
        header[name] = {"dtype": DTYPES[tensor.values.typecode], "shape": tensor.shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.values.tobytes())
