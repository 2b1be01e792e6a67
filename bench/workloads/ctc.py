# SPDX-License-Identifier: Apache-2.0
"""B11: CTC forced alignment of a long recording, beside the compiled code of ctc-segmentation and a trellis in numpy. What is compared is
the frame in which each token begins; the tokens are planted clearly, since ctc-segmentation's score of a path is another one (a
token may be said again behind its blank, and equal tokens need none between)."""
import array
import math
import random

from harness import tensors
from harness.work import Peer, Work

BLANK = 0


def inputs(size):
    frames, vocab, count = size["frames"], size["vocab"], size["tokens"]
    generator = random.Random(1)
    places = sorted(generator.sample(range(1, frames // 2), count))  # two frames apart
    said = {2 * place: generator.randrange(1, vocab) for place in places}
    values = array.array("f")
    for t in range(frames):
        logits = [generator.gauss(0, 1) for _ in range(vocab)]
        logits[said.get(t, BLANK)] += 9
        norm = math.log(math.fsum(math.exp(x) for x in logits))
        values.extend(x - norm for x in logits)
    return {"log_probs": tensors.Tensor([frames, vocab], values), "targets": tensors.Tensor([count], array.array("q", [said[t] for t in sorted(said)]))}


WORK = [
    Work(name="ctc_align", what="CTC alignment, 30,000 frames x 6,001 states", ours="ctc_align", inputs=inputs, size={"frames": 30000, "vocab": 32, "tokens": 3000},
         quick={"frames": 300, "vocab": 6, "tokens": 40}, traffic=lambda size: 4 * size["frames"] * size["vocab"], results=lambda size: 8 * size["tokens"], tolerance=0,
         max_extra_mb=32, peers=[Peer("ctc-segmentation"), Peer("numpy trellis")]),
    Work(name="ctc_align_vocab", what="CTC alignment, the same of 1,000 tokens", ours="ctc_align", inputs=inputs, size={"frames": 30000, "vocab": 1000, "tokens": 3000},
         quick={"frames": 300, "vocab": 60, "tokens": 40}, traffic=lambda size: 4 * size["frames"] * size["vocab"], results=lambda size: 8 * size["tokens"], tolerance=0,
         max_extra_mb=32, peers=[Peer("numpy trellis")], only_if_named=True),
]


def versions():
    import importlib.metadata
    import numpy
    return f"ctc-segmentation {importlib.metadata.version('ctc-segmentation')}, numpy {numpy.__version__}"


def ctc_segmentation(loaded):
    import ctc_segmentation
    import numpy
    import torch
    log_probs, targets = loaded["log_probs"].numpy(), loaded["targets"].numpy()
    config = ctc_segmentation.CtcSegmentationParameters(char_list=[str(v) for v in range(log_probs.shape[1])], index_duration=1.0, preamble_transition_cost_zero=False, backtrack_from_max_t=True)
    config.blank = BLANK
    config.min_window_size = max(config.min_window_size, len(log_probs))  # at once: with less it starts anew, twice, for so many frames
    truth, _ = ctc_segmentation.prepare_token_list(config, [targets])

    def call():
        timings, _, _ = ctc_segmentation.ctc_segmentation(config, log_probs, truth)
        return {"starts": torch.from_numpy(timings[2:len(targets) + 2].astype(numpy.float64))}  # before the first token stand the start and a blank
    return call


def numpy_trellis(loaded):
    import numpy
    import torch
    log_probs, targets = loaded["log_probs"].double().numpy(), loaded["targets"].numpy()
    states = numpy.full(2 * len(targets) + 1, BLANK)
    states[1::2] = targets
    skips = numpy.full(len(states), -numpy.inf)
    skips[3::2][targets[1:] != targets[:-1]] = 0

    def call():
        frames, count = len(log_probs), len(states)
        come_from = numpy.empty((frames, count), numpy.int8)
        score, padded = numpy.full(count, -numpy.inf), numpy.full(count + 2, -numpy.inf)
        score[0] = 0
        for t in range(frames):
            padded[2:] = score
            step, skip = padded[1:-1], padded[:-2] + skips
            best = numpy.maximum(score, step)
            numpy.greater(step, score, out=come_from[t].view(bool))
            come_from[t][skip > best] = 2
            score = numpy.maximum(best, skip)
            score += log_probs[t][states]
        state = count - 1 - int(score[-2] > score[-1])
        starts = numpy.zeros(len(targets))
        for t in range(frames - 1, -1, -1):
            if state % 2 == 1:
                starts[state // 2] = t
            state -= int(come_from[t, state])
        return {"starts": torch.from_numpy(starts)}
    return call


PEERS = {"ctc-segmentation": ctc_segmentation, "numpy trellis": numpy_trellis}
