"""Training speed against the same network written plainly in PyTorch: pictures a second, in one run.

Both train the default network for handwritten digits on the same batches with AdamW and clipping; steps are taken by
turns, so that a drifting machine slows both. Plainly means nn.Sequential of nn.Conv2d, nn.BatchNorm2d, nn.ReLU and
nn.MaxPool2d in float32; beside it stand what a practised user may add: channels-last memory, autocast to bfloat16, or
bfloat16 throughout. Augmentation is left out for both.

    make benchmark-images            (or: python benchmarks/image_classification_against_torch.py --batch 128)
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable
from typing import Any

import torch
from benchmark import Figure, main
from torch import nn
from turns import by_turns, fastest, median_rate, median_ratio

from congling.data.examples import ExampleBatch
from congling.learning.gradients import clip_gradient, mean_gradient
from congling.learning.optimizers import Optimizer
from congling.learning.options import OptimizerName
from congling.learning.parameters import FlatParameters
from congling.learning.precision import compute_type
from congling.tasks.image_classification.options import ImageClassificationOptions
from congling.tasks.image_classification.picture_classifier import build_network

SIDE, CLASSES = 28, 10
ADAM: OptimizerName = "adamw"
RATE, LONGEST = 1e-4, 1.0
PLAIN = "pytorch float32"  # what the bar is measured against
Step = Callable[[ExampleBatch], None]


def our_step(options: ImageClassificationOptions, precision: torch.dtype) -> Step:
    """One update of ours, as the trainer takes it."""
    network, training = build_network(options, CLASSES).train(), options.training
    parameters = FlatParameters(network, precision)
    optimizer = Optimizer(parameters, ADAM, training.momentum, training.adam_betas, training.weight_decay)

    def step(batch: ExampleBatch) -> None:
        mean_gradient(parameters, network.loss, [batch], "autograd")
        clip_gradient(parameters.gradient, LONGEST)
        optimizer.step(RATE)
        parameters.publish()

    return step


def plain_network(blocks: list[int], convolutions: int) -> nn.Sequential:
    """The default network's layers, one after the other."""
    layers, before = list[nn.Module](), 1
    for channels in blocks:
        for _convolution in range(convolutions):
            layers += [nn.Conv2d(before, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
            before = channels
        layers.append(nn.MaxPool2d(2))
    side = SIDE // 2 ** len(blocks)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * side * side, CLASSES))


def plain_step(
    options: ImageClassificationOptions,
    precision: str = "float32",
    memory: torch.memory_format = torch.contiguous_format,
) -> Step:
    """One update as a user of PyTorch writes it."""
    assert options.network.blocks is not None
    network = plain_network(options.network.blocks, options.network.convolutions).to(memory_format=memory).train()
    if precision == "bfloat16":
        network = network.to(torch.bfloat16)
    training = options.training
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=RATE, betas=training.adam_betas, weight_decay=training.weight_decay, fused=True
    )
    autocast = torch.autocast("cpu", torch.bfloat16) if precision == "autocast" else contextlib.nullcontext()

    def step(batch: ExampleBatch) -> None:
        optimizer.zero_grad()
        inputs = batch.inputs.to(torch.bfloat16 if precision == "bfloat16" else torch.float32, memory_format=memory)
        with autocast:
            loss = nn.functional.cross_entropy(network(inputs), batch.targets)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), LONGEST)
        optimizer.step()

    return step


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch", type=int, default=ImageClassificationOptions().training.batch_size)
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--warm-up", type=int, default=5)


def measure(given: argparse.Namespace) -> tuple[list[Figure], dict[str, Any]]:
    torch.manual_seed(1)
    options = ImageClassificationOptions().settled(side=SIDE, channels=1, pictures=3500)
    batches = [
        ExampleBatch(torch.randn(given.batch, 1, SIDE, SIDE), torch.randint(CLASSES, (given.batch,)))
        for _batch in range(given.batches)
    ]
    seconds = by_turns(ways(options), batches, given.warm_up)
    rates = {name: median_rate([given.batch] * len(taken), taken) for name, taken in seconds.items()}
    network = {"blocks": options.network.blocks, "convolutions": options.network.convolutions, "batch": given.batch}
    return figures_of(seconds, rates), network | {"pictures/s": rates}


def ways(options: ImageClassificationOptions) -> dict[str, Step]:
    """Everything that takes its turn, by name."""
    steps = {f"congling {str(dtype)[6:]}": our_step(options, dtype) for dtype in (torch.float32, torch.bfloat16)}
    for precision in ("float32", "autocast", "bfloat16"):
        steps[f"pytorch {precision}"] = plain_step(options, precision)
        steps[f"pytorch {precision} channels-last"] = plain_step(options, precision, torch.channels_last)
    return steps


def figures_of(seconds: dict[str, list[float]], rates: dict[str, float]) -> list[Figure]:
    """Each of ours against the plain network and against the fastest of PyTorch's."""
    chosen = f"congling {str(compute_type('auto', torch.device('cpu')))[6:]}"
    best = fastest(seconds, [name for name in seconds if name.startswith("pytorch")])
    figures = []
    for ours in (name for name in seconds if name.startswith("congling")):
        for theirs in dict.fromkeys([PLAIN, best]):
            note = f"{rates[ours]:,.0f} against {rates[theirs]:,.0f} pictures/s, median of {len(seconds[ours])} pairs"
            note += "; as --precision auto chooses here" if ours == chosen else ""
            ratio, bar = median_ratio(seconds[theirs], seconds[ours]), "≥ 1" if theirs == PLAIN else ""
            figures.append(Figure(f"digits: {ours} / {theirs}", ratio, "×", bar, note))
    return figures


if __name__ == "__main__":
    main(__doc__, arguments, measure)
