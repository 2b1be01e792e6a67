# SPDX-License-Identifier: Apache-2.0
"""B1 to B3: contrastive losses, forward and backward by features, scale and bias, beside open_clip's. Ours and the composition
of LibTorch's operations are in contrastive.cpp."""
from harness import tensors
from harness.work import Growth, Peer, Work

SIZE, QUICK = {"rows": 4096, "width": 512}, {"rows": 96, "width": 24}


def inputs(scale, bias=None, centres=0):
    def make(size):
        spread = 0.5 if centres else 1.0
        made = {name: tensors.unit_rows(size["rows"], size["width"], seed, centres, spread) for name, seed in (("a", 1), ("b", 2))}
        return {**made, "scale": tensors.scalar(scale), **({} if bias is None else {"bias": tensors.scalar(bias)})}
    return make


def product_flop(count):
    """By products of rows x rows x width."""
    return lambda size: count * 2 * size["rows"] ** 2 * size["width"]


def gradients(size):
    return 2 * 4 * size["rows"] * size["width"]


def traffic(size):
    return 2 * gradients(size)


def small(name, what, ours, peer, make, products):
    """A batch as many train with on a processor, where calls cost more than the work: to see where we stand, without a target."""
    return Work(name=name, what=what, ours=ours, inputs=make, size={"rows": 64, "width": 128}, quick=QUICK, flop=product_flop(products), traffic=traffic,
                results=gradients, peers=[Peer(peer), Peer("LibTorch in C++", cpp=ours + "_composed")])


def loss(name, what, ours, peer, targets, make, products, **other):
    """InfoNCE needs 4 products where the matrix of all pairs is not kept from forward to backward, the sigmoid loss 3."""
    return Work(name=name, what=what, ours=ours, inputs=make, size=SIZE, quick=QUICK, flop=product_flop(products), traffic=traffic, results=gradients, max_extra_mb=8,
                threads_target=1.8, peers=[Peer(peer, target=targets[0], fast_target=targets[1]), Peer("LibTorch in C++", cpp=ours + "_composed")], **other)


def large(name, what, ours, work):
    """32 times the rows, which are those of the smaller work again and again: so its results are known."""
    return Work(name=name, what=what, ours=ours, only_if_named=True, tolerance=2e-4,
                grown=Growth(work=work, size={"times": 32}, quick={"times": 3}, factor=lambda size: size["times"] ** 2, target=0.85, max_process_mb=4000))


WORK = [
    loss("info_nce", "InfoNCE, B 4096, D 512, fp32", "info_nce", "open_clip ClipLoss", (3.0, 1.7), inputs(scale=14.285714), products=4),
    loss("info_nce_clustered", "InfoNCE, clustered rows, scale 100", "info_nce", "open_clip ClipLoss", (3.0, 1.7), inputs(scale=100.0, centres=64), products=4, tolerance=1e-3),
    loss("sigmoid_loss", "sigmoid loss, B 4096, D 512, fp32", "sigmoid_loss", "open_clip SigLipLoss", (2.8, 1.5), inputs(scale=10.0, bias=-10.0), products=3),
    small("info_nce_small", "InfoNCE, B 64, D 128", "info_nce", "open_clip ClipLoss", inputs(scale=14.285714), products=4),
    small("sigmoid_small", "sigmoid loss, B 64, D 128", "sigmoid_loss", "open_clip SigLipLoss", inputs(scale=10.0, bias=-10.0), products=3),
    large("info_nce_large", "InfoNCE, B 131,072", "info_nce_repeated", "info_nce"),
    large("sigmoid_large", "sigmoid loss, B 131,072", "sigmoid_loss_repeated", "sigmoid_loss"),
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
    return f"open_clip_torch {importlib.metadata.version('open_clip_torch')}"


def work(loss_of, loaded):
    import torch
    leaves = {name: x.clone().requires_grad_() for name, x in loaded.items()}

    def call():
        value = loss_of(**leaves)
        grads = torch.autograd.grad(value, list(leaves.values()))
        return {"loss": value, **{"grad_" + name: grad for name, grad in zip(leaves, grads)}}
    return call


def clip(loaded):
    loss_of = open_clip_loss().ClipLoss()
    return work(lambda a, b, scale: loss_of(a, b, scale), loaded)


def siglip(loaded):
    loss_of = open_clip_loss().SigLipLoss()
    return work(lambda a, b, scale, bias: loss_of(a, b, scale, bias), loaded)


PEERS = {"open_clip ClipLoss": clip, "open_clip SigLipLoss": siglip}
