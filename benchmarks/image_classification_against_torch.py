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
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from congling.data.examples import ExampleBatch
from congling.learning.gradients import clip_gradient, mean_gradient
from congling.learning.memory import settle_memory
from congling.learning.optimizers import Optimizer
from congling.learning.options import OptimizerName
from congling.learning.parameters import FlatParameters
from congling.learning.precision import compute_type
from congling.learning.threads import use_threads
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


def measure(steps: dict[str, Step], batches: list[ExampleBatch], warm_up: int) -> dict[str, list[float]]:
    """Seconds a picture, for each step on each batch, taken by turns."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for number, batch in enumerate(batches):
        for name, step in steps.items():
            begun = time.perf_counter()
            step(batch)
            if number >= warm_up:
                seconds[name].append((time.perf_counter() - begun) / len(batch))
    return seconds


def processor() -> str:
    """What the processor calls itself."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=ImageClassificationOptions().training.batch_size)
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--warm-up", type=int, default=5)
    parser.add_argument("--threads", type=int, default=None)
    given = parser.parse_args()
    settle_memory()  # as the trainer does; it serves both
    use_threads(given.threads)
    torch.manual_seed(1)
    options = ImageClassificationOptions().settled(side=SIDE, channels=1, pictures=3500)
    steps = {f"congling {str(dtype)[6:]}": our_step(options, dtype) for dtype in (torch.float32, torch.bfloat16)}
    for precision in ("float32", "autocast", "bfloat16"):
        steps[f"pytorch {precision}"] = plain_step(options, precision)
        steps[f"pytorch {precision} channels-last"] = plain_step(options, precision, torch.channels_last)
    batches = [
        ExampleBatch(torch.randn(given.batch, 1, SIDE, SIDE), torch.randint(CLASSES, (given.batch,)))
        for _batch in range(given.batches)
    ]
    report(measure(steps, batches, given.warm_up), options, given.batch)


def report(seconds: dict[str, list[float]], options: ImageClassificationOptions, batch: int) -> None:
    """The medians, and each of ours against the plain network and against the fastest of PyTorch's."""
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    for name, median in sorted(medians.items(), key=lambda item: item[1]):
        print(f"{name:<34} {1 / median:10,.0f} pictures/s")
    best = min((name for name in medians if name.startswith("pytorch")), key=medians.__getitem__)
    ratios = {}
    for ours in (name for name in medians if name.startswith("congling")):
        for theirs in dict.fromkeys([PLAIN, best]):
            pairs = zip(seconds[theirs], seconds[ours], strict=True)
            ratios[f"{ours} / {theirs}"] = ratio = statistics.median(one / other for one, other in pairs)
            print(f"{ours} / {theirs} = {ratio:.2f} (median of {len(seconds[ours])} pairs)")
    chosen = str(compute_type("auto", torch.device("cpu")))[6:]
    print(f"congling's own choice here, --precision auto, is {chosen}")
    machine = {
        "precision": chosen,
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    network = {"blocks": options.network.blocks, "convolutions": options.network.convolutions, "batch": batch}
    rates = {name: 1 / median for name, median in medians.items()}
    print(json.dumps(network | machine | {"pictures_per_second": rates, "ratios": ratios}))


if __name__ == "__main__":
    main()
