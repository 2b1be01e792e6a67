# SPDX-License-Identifier: Apache-2.0
"""B1 and B2: contrastive losses, forward and backward, beside open_clip's."""
B, D = 4096, 512
# Products of B x B x D, as multiplications and additions, over what a core of the machine can do.
FLOP = 2 * B * B * D


def make_inputs(clustered=False, scale=14.285714):
    import numpy
    rng = numpy.random.default_rng(0)

    def rows():
        x = rng.standard_normal((B, D))
        if clustered:
            x = centres[place] + 0.02 * x
        return (x / numpy.linalg.norm(x, axis=1, keepdims=True)).astype(numpy.float32)

    centres, place = rng.standard_normal((64, D)) / D**0.5, rng.integers(64, size=B)
    return {"a": rows(), "b": rows(), "scale": numpy.array(scale, numpy.float32)}


WORK = [
    {"name": "info_nce", "what": f"InfoNCE, B {B}, D {D}, fp32, 1 thread", "ours": "info_nce", "peers": ["open_clip ClipLoss"], "composed": "info_nce_composed",
     "inputs": make_inputs, "flop": 4 * FLOP, "target": 3.0, "tolerance": 1e-4},
    {"name": "info_nce_clustered", "what": "InfoNCE, clustered rows, scale 100", "ours": "info_nce", "peers": ["open_clip ClipLoss"], "composed": "info_nce_composed",
     "inputs": lambda: make_inputs(clustered=True, scale=100.0), "flop": 4 * FLOP, "target": 3.0, "tolerance": 1e-3},
    {"name": "sigmoid_loss", "what": f"sigmoid loss, B {B}, D {D}, fp32, 1 thread", "ours": "sigmoid_loss", "peers": ["open_clip SigLipLoss"], "composed": "sigmoid_loss_composed",
     "inputs": lambda: make_inputs(scale=10.0), "flop": 3 * FLOP, "target": 2.8, "tolerance": 1e-4},
]


def open_clip_loss():
    """The module of open_clip's losses alone: its package imports torchvision, which has no build beside this torch."""
    import importlib.util
    folder = importlib.util.find_spec("open_clip").submodule_search_locations[0]
    spec = importlib.util.spec_from_file_location("open_clip_loss", folder + "/loss.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def versions():
    import importlib.metadata
    import torch
    return f"open_clip_torch {importlib.metadata.version('open_clip_torch')}, torch {torch.__version__}, {'MKL' if torch.backends.mkl.is_available() else 'no MKL'}"


def work(loss):
    def make(inputs):
        import torch
        a, b, scale = (inputs[k].clone().requires_grad_() for k in ("a", "b", "scale"))

        def run():
            value = loss(a, b, scale)
            grads = torch.autograd.grad(value, [a, b, scale])
            return {"loss": value.item(), "grad_a": grads[0].norm().item(), "grad_b": grads[1].norm().item(), "grad_scale": grads[2].item()}
        return run
    return make


def clip(inputs):
    loss = open_clip_loss().ClipLoss()
    return work(loss)(inputs)


def siglip(inputs):
    import torch
    loss, bias = open_clip_loss().SigLipLoss(), torch.tensor(-10.0)
    return work(lambda a, b, scale: loss(a, b, scale, bias))(inputs)


PEERS = {"open_clip ClipLoss": clip, "open_clip SigLipLoss": siglip}
