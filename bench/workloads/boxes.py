# SPDX-License-Identifier: Apache-2.0
"""Boxes: features of regions (roi_align), suppression, assignment. Beside onnxruntime and scipy; the composition of LibTorch's
grid_sampler is in boxes.cpp."""
import array
import random

from harness import tensors
from harness.work import Peer, Work

BINS, RATIO, STRIDE = 7, 2, 16
MAP = {"images": 2, "channels": 256, "height": 50, "width": 68, "boxes": 512}  # two pictures of 800 x 1088 as detectors read them
QUICK = {"images": 2, "channels": 19, "height": 12, "width": 15, "boxes": 9}


def draw_boxes(generator, count, width, height):
    """Sides of 24 pixels to half the picture, inside of it."""
    values = array.array("f")
    for _ in range(count):
        w, h = generator.uniform(24, width / 2), generator.uniform(24, height / 2)
        x, y = generator.uniform(0, width - w), generator.uniform(0, height - h)
        values.extend((x, y, x + w, y + h))
    return tensors.Tensor([count, 4], values)


def map_inputs(size):
    generator, shape = random.Random(1), [size["images"], size["channels"], size["height"], size["width"]]
    count = shape[0] * shape[1] * shape[2] * shape[3]
    boxes = draw_boxes(generator, size["boxes"], STRIDE * size["width"], STRIDE * size["height"])
    owners = array.array("q", sorted(generator.randrange(size["images"]) for _ in range(size["boxes"])))
    return {"features": tensors.Tensor(shape, array.array("f", (generator.uniform(-1, 1) for _ in range(count)))), "boxes": boxes, "images": tensors.Tensor([size["boxes"]], owners)}


def region_bytes(size):
    return 4 * size["boxes"] * size["channels"] * BINS * BINS


def map_bytes(size):
    return 4 * size["images"] * size["channels"] * size["height"] * size["width"]


def candidates(size):
    generator = random.Random(2)
    return {"boxes": draw_boxes(generator, size["count"], 1000, 700), "scores": tensors.Tensor([size["count"]], array.array("f", (generator.random() for _ in range(size["count"]))))}


def costs(size):
    generator = random.Random(3)
    return {"costs": tensors.Tensor([size["side"], size["side"]], array.array("d", (generator.gauss(0, 1) for _ in range(size["side"] ** 2))))}


WORK = [
    Work(name="roi_align", what="roi_align, 512 boxes, 256 x 50 x 68, 7 x 7, fp32", ours="roi_align", inputs=map_inputs, size=MAP, quick=QUICK,
         traffic=lambda size: map_bytes(size) + region_bytes(size), results=region_bytes, peers=[Peer("onnxruntime RoiAlign"), Peer("LibTorch grid_sampler", cpp="roi_align_composed")]),
    Work(name="roi_align_gradient", what="the same, forward and backward", ours="roi_align_gradient", inputs=map_inputs, size=MAP, quick=QUICK,
         traffic=lambda size: 2 * map_bytes(size) + 2 * region_bytes(size), results=lambda size: map_bytes(size) + region_bytes(size),
         peers=[Peer("LibTorch grid_sampler", cpp="roi_align_composed_gradient")]),
    Work(name="roi_align_last", what="the same map with channels last, forward", ours="roi_align_last", inputs=map_inputs, size=MAP, quick=QUICK,
         traffic=lambda size: map_bytes(size) + region_bytes(size), results=region_bytes, peers=[Peer("onnxruntime RoiAlign")]),
    Work(name="nms", what="nms, 3000 boxes, IoU 0.5", ours="nms", inputs=candidates, size={"count": 3000}, quick={"count": 60}, peers=[Peer("onnxruntime NonMaxSuppression")]),
    Work(name="assign", what="assign, 500 x 500, fp64", ours="assign", inputs=costs, size={"side": 500}, quick={"side": 12}, peers=[Peer("scipy linear_sum_assignment")]),
]


def versions():
    import importlib.metadata
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("onnxruntime", "scipy"))


def session(operator, types, out, rank, **attributes):
    """One operator as a model of its own, on as many threads as torch has."""
    import onnxruntime
    import torch
    from onnx import TensorProto, helper
    kinds = {"f": TensorProto.FLOAT, "i": TensorProto.INT64}
    names = [f"x{i}" for i in range(len(types))]
    ranks = {"RoiAlign": (4, 2, 1), "NonMaxSuppression": (3, 3, 1, 1)}[operator]
    graph = helper.make_graph([helper.make_node(operator, names, ["y"], **attributes)], "one",
                              [helper.make_tensor_value_info(n, kinds[t], [None] * r) for n, t, r in zip(names, types, ranks)],
                              [helper.make_tensor_value_info("y", kinds[out], [None] * rank)])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)
    made = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda *inputs: made.run(None, dict(zip(names, inputs)))[0]


def ort_roi_align(loaded):
    import torch
    run = session("RoiAlign", "ffi", "f", 4, coordinate_transformation_mode="half_pixel", mode="avg", output_height=BINS, output_width=BINS, sampling_ratio=RATIO,
                  spatial_scale=1 / STRIDE)
    inputs = [loaded[name].numpy() for name in ("features", "boxes", "images")]
    return lambda: {"regions": torch.from_numpy(run(*inputs))}


def ort_nms(loaded):
    import numpy
    import torch
    run = session("NonMaxSuppression", "ffif", "i", 2, center_point_box=0)
    boxes, scores = loaded["boxes"].numpy(), loaded["scores"].numpy()
    inputs = [boxes[None], scores[None, None], numpy.array([len(boxes)]), numpy.array([0.5], "f4")]
    return lambda: {"kept": torch.from_numpy(run(*inputs)[:, 2].copy())}


def scipy_assign(loaded):
    import torch
    from scipy.optimize import linear_sum_assignment
    given = loaded["costs"].numpy()
    return lambda: {"columns": torch.from_numpy(linear_sum_assignment(given)[1].astype("i8"))}


PEERS = {"onnxruntime RoiAlign": ort_roi_align, "onnxruntime NonMaxSuppression": ort_nms, "scipy linear_sum_assignment": scipy_assign}
