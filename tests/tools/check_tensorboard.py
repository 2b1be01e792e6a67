#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Has the test program write an event file and reads it back by TensorBoard's own reader: that of this Python, or the one
that scripts/test fetched into .deps/readers. Without any it says so and exits with 77, which ctest shows as skipped.

usage: check_tensorboard.py ALLOY_TESTS       (tried with tensorboard 2.21.0)"""
import math
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    from tensorboard.backend.event_processing.event_accumulator import STORE_EVERYTHING_SIZE_GUIDANCE, EventAccumulator
except ImportError as error:
    fetched = pathlib.Path(__file__).resolve().parents[2] / ".deps/readers/bin/python"
    if fetched.exists() and pathlib.Path(sys.prefix) != fetched.parents[1]:
        os.execv(fetched, [str(fetched), *sys.argv])
    print(f"skipped: {sys.executable} cannot import tensorboard ({error}); pip install tensorboard==2.21.0")
    sys.exit(77)

with tempfile.TemporaryDirectory(prefix="alloy-tensorboard-") as temporary:
    folder = pathlib.Path(temporary) / "run"
    tests = subprocess.run([sys.argv[1], "event file for other readers"], env=os.environ | {"ALLOY_TENSORBOARD_FOLDER": str(folder)},
                           capture_output=True, text=True, timeout=120)
    assert tests.returncode == 0, tests.stdout
    reader = EventAccumulator(str(folder), size_guidance=STORE_EVERYTHING_SIZE_GUIDANCE)
    reader.Reload()


def values_of(tag):
    """Step and value; recent readers turn scalars into tensors."""
    if tag in reader.Tags()["scalars"]:
        return [(e.step, e.value) for e in reader.Scalars(tag)]
    from tensorboard.util import tensor_util
    return [(e.step, tensor_util.make_ndarray(e.tensor_proto).item()) for e in reader.Tensors(tag)]


loss = values_of("loss/train")
assert [step for step, _ in loss] == [0, 1, 2, 3, 4, 5, 2**40], loss
assert all(abs(value - 1 / (1 + step)) < 1e-7 for step, value in loss[:5]), loss
assert math.isnan(loss[5][1]) and loss[6][1] == 0.25, loss
assert values_of("größe <&> \ufffd") == [(3, math.inf)]
(text,) = reader.Tensors("settings") if "settings" in reader.Tags()["tensors"] else reader.Tensors("settings/text_summary")
assert text.step == 2 and text.tensor_proto.string_val[0].decode() == "**dim** 256 — ok", text
assert reader.file_version == 2.0, reader.file_version
if "samples" in reader.Tags()["images"]:  # not where alloy was built without image files
    (image,) = reader.Images("samples")
    assert (image.step, image.width, image.height) == (4, 5, 3), image
    assert image.encoded_image_string.startswith(b"\x89PNG")
print("TensorBoard reads what alloy writes:", {kind: tags for kind, tags in reader.Tags().items() if tags})
