"""Next-character prediction against the same network written plainly in PyTorch: its loss, and its speed, in one run.

Both read the same text with the same initial weights, in the same order, with the same number of updates: stretches of
running text, the state carried from each to the next, AdamW, clipping, a warm-up and a cosine. Plainly means
nn.Embedding, nn.LSTM (or nn.GRU, nn.RNN), nn.Linear, F.cross_entropy and torch.optim.AdamW, in float32 and with
autocast to bfloat16; dropout is left out for all, for each would draw its own. Updates are taken by turns, so that a
drifting machine slows all of them.

    make benchmark-language-model    (or: python benchmarks/language_model_against_torch.py --steps 300)
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import math
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from congling.data.text.running_text import Memory, RunningTextBatches, TextBatch, stretches
from congling.data.text.word_store import WordStore
from congling.learning.gradients import clip_gradient, mean_gradient
from congling.learning.memory import settle_memory
from congling.learning.optimizers import EPSILON, Optimizer
from congling.learning.parameters import FlatParameters
from congling.learning.precision import compute_type
from congling.learning.schedules import rate_factor
from congling.learning.threads import use_threads
from congling.networks.language_model import RecurrentLanguageModel
from congling.tasks.language_model.data import TextParts, text_parts
from congling.tasks.language_model.named_texts import named_passages
from congling.tasks.language_model.options import LanguageModelOptions
from congling.tasks.language_model.text_generator import ROWS, STRETCH, build_network

KINDS = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
OURS_BY_THEIRS = {"weight_ih": "W_xh", "weight_hh": "W_hh", "bias_ih": "b_xh", "bias_hh": "b_hh"}


class PlainNetwork(nn.Module):
    """The same network as a user of PyTorch writes it: embeddings, recurrent layers, a narrowing one, an output."""

    def __init__(self, ours: RecurrentLanguageModel, cell: str) -> None:
        super().__init__()
        vocabulary, embedding = ours.embedding.weight.shape
        layers = len(ours.recurrent.layers)
        width = ours.recurrent.layers[0].forward_scan.width
        self.scale = math.sqrt(embedding)
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.recurrent = KINDS[cell](embedding, width, num_layers=layers, batch_first=True)
        self.narrowing = None if ours.narrowing is None else nn.Linear(width, embedding)
        self.output = nn.Linear(ours.projection.shape[1], vocabulary)
        self._copy(ours)
        if ours.output_weight is None:
            self.output.weight = self.embedding.weight  # tied

    @torch.no_grad()
    def _copy(self, ours: RecurrentLanguageModel) -> None:
        pairs = [(self.embedding.weight, ours.embedding.weight), (self.output.weight, ours.projection)]
        pairs.append((self.output.bias, ours.output_bias))
        for number, layer in enumerate(ours.recurrent.layers):
            for theirs, name in OURS_BY_THEIRS.items():
                pairs.append((getattr(self.recurrent, f"{theirs}_l{number}"), getattr(layer.forward_scan, name)))
        if self.narrowing is not None and ours.narrowing is not None:
            pairs += [(self.narrowing.weight, ours.narrowing.weight), (self.narrowing.bias, ours.narrowing.bias)]
        for theirs_, ours_ in pairs:
            theirs_.copy_(ours_)

    def forward(self, ids: Tensor, state: object) -> tuple[Tensor, object]:
        hidden, state = self.recurrent(self.embedding(ids) * self.scale, state)
        return self.output(hidden if self.narrowing is None else self.narrowing(hidden)), state


@dataclass
class Learner:
    """One way to take the updates; ``losses`` and ``seconds`` are those of each update."""

    step: Callable[[TextBatch, float], float]
    validate: Callable[[NDArray[np.int32]], float]
    clock: Callable[[], float] = time.perf_counter
    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def take(self, batch: TextBatch, rate: float) -> None:
        begun = self.clock()
        self.losses.append(self.step(batch, rate))
        self.seconds.append((self.clock() - begun) / batch.inputs.numel())


def our_learner(options: LanguageModelOptions, text: TextParts, precision: torch.dtype) -> Learner:
    """Ours, as the trainer takes an update."""
    network, training = fresh(options, text), options.training
    exact = fresh(options, text)
    parameters = FlatParameters(network, precision)
    parameters.lend(exact)
    optimizer = Optimizer(parameters, "adamw", training.momentum, training.adam_betas, training.weight_decay)
    memory = Memory()

    def step(batch: TextBatch, rate: float) -> float:
        own = TextBatch(batch.inputs, batch.targets, memory)
        if not batch.memory.tensors:
            memory.tensors = {}
        found = mean_gradient(parameters, network.loss, [own], "autograd")
        clip_gradient(parameters.gradient, training.clip_norm)
        optimizer.step(rate)
        parameters.publish()
        return found.value

    @torch.no_grad()
    def validate(ids: NDArray[np.int32]) -> float:
        found = [exact.loss(batch) for _end, batch in stretches(ids, ROWS, STRETCH, Memory())]
        return sum(float(loss) for loss, _count in found) / sum(count for _loss, count in found)

    return Learner(step, validate)


def plain_learner(options: LanguageModelOptions, text: TextParts, *, autocast: bool) -> Learner:
    """PyTorch's, as its users take an update."""
    network, training = PlainNetwork(fresh(options, text), options.network.cell), options.training
    optimizer = torch.optim.AdamW(
        network.parameters(), betas=training.adam_betas, eps=EPSILON, weight_decay=training.weight_decay, fused=True
    )
    narrow = torch.autocast("cpu", torch.bfloat16) if autocast else contextlib.nullcontext()
    carried: list[object] = [None]

    def step(batch: TextBatch, rate: float) -> float:
        if not batch.memory.tensors:
            carried[0] = None
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        with narrow:
            logits, state = network(batch.inputs, carried[0])
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), training.clip_norm)
        optimizer.step()
        carried[0] = tuple(each.detach() for each in state) if isinstance(state, tuple) else state.detach()
        return float(loss.detach())

    @torch.no_grad()
    def validate(ids: NDArray[np.int32]) -> float:
        state, total, count = None, 0.0, 0
        for _end, batch in stretches(ids, ROWS, STRETCH, Memory()):
            logits, state = network(batch.inputs, state)
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), reduction="sum")
            total, count = total + float(loss), count + batch.targets.numel()
        return total / count

    return Learner(step, validate)


def fresh(options: LanguageModelOptions, text: TextParts) -> RecurrentLanguageModel:
    """The network before training, the same at each call."""
    torch.manual_seed(options.training.seed)
    return build_network(options.network, text.tokenizer)


def train(learners: dict[str, Learner], options: LanguageModelOptions, text: TextParts, steps: int) -> None:
    """Give each learner every batch, by turns; the one that begins changes."""
    training = options.training
    batches = RunningTextBatches(text.parts["train"].ids, training.batch_size, training.context, training.seed)
    order = itertools.cycle(itertools.permutations(learners.values()))
    for step, batch in enumerate(itertools.islice(batches, steps), start=1):
        factor = rate_factor(training.schedule, step, (step - 1) / steps, training.warmup_steps)
        for learner in next(order):
            learner.take(batch, training.learning_rate * factor)
        batch.memory.tensors = {
            "": torch.zeros(len(batch), 1)
        }  # each keeps its own: this says that the rows have begun


def processor() -> str:
    """What the processor calls itself."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--warm-up", type=int, default=10, help="updates at the beginning whose time does not count")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--cell", choices=KINDS, default=None)
    parser.add_argument("--float32", action="store_true", help="leave out bfloat16: to compare the losses alone")
    parser.add_argument("--processor-time", action="store_true", help="for one thread on a busy machine")
    given = parser.parse_args()
    settle_memory()  # as the trainer does; it serves all
    use_threads(given.threads)
    options = LanguageModelOptions()
    options.network.dropout = 0.0
    options.network.cell = given.cell or options.network.cell
    text = text_parts(options, named_passages(options.data.data, print), lambda _name, rows: WordStore.of(rows))
    learners = {
        "congling float32": our_learner(options, text, torch.float32),
        "pytorch float32": plain_learner(options, text, autocast=False),
    }
    if not given.float32:
        learners["congling bfloat16"] = our_learner(options, text, torch.bfloat16)
        learners["pytorch autocast"] = plain_learner(options, text, autocast=True)
    if given.processor_time:
        for learner in learners.values():
            learner.clock = time.process_time
    train(learners, options, text, given.steps)
    report(learners, options, text, given.warm_up)


def report(learners: dict[str, Learner], options: LanguageModelOptions, text: TextParts, warm_up: int) -> None:
    """Speed and loss of each, and ours against PyTorch's: against float32, and against the faster of its two."""
    medians = {name: statistics.median(each.seconds[warm_up:]) for name, each in learners.items()}
    held_out = {name: each.validate(text.parts["valid"].ids) for name, each in learners.items()}
    for name, median in sorted(medians.items(), key=lambda item: item[1]):
        print(f"{name:<20} {1 / median:10,.0f} tokens/s   validation loss {held_out[name]:.4f} nats a character")
    chosen = compute_type("auto", torch.device("cpu"))
    ours = f"congling {str(chosen)[6:]}"
    ours = ours if ours in learners else "congling float32"
    best = min((name for name in medians if name.startswith("pytorch")), key=medians.__getitem__)
    ratios, apart = {}, {}
    for theirs in dict.fromkeys(["pytorch float32", best]):
        pairs = zip(learners[theirs].seconds[warm_up:], learners[ours].seconds[warm_up:], strict=True)
        ratios[f"{ours} / {theirs}"] = statistics.median(one / other for one, other in pairs)
        apart[f"{ours} / {theirs}"] = held_out[ours] / held_out[theirs] - 1
    for name, ratio in ratios.items():
        print(f"{name}: speed {ratio:.2f}, validation loss {100 * apart[name]:+.2f} %")
    print(f"congling's own choice here, --precision auto, is {str(chosen)[6:]}")
    machine = {"processor": processor(), "threads": torch.get_num_threads(), "torch": torch.__version__}
    network = vars(options.network) | {"batch": options.training.batch_size, "context": options.training.context}
    rates = {name: 1 / median for name, median in medians.items()}
    steps = len(learners[ours].losses)
    found = {"tokens_per_second": rates, "ratios": ratios, "validation_loss": held_out, "loss_apart": apart}
    print(json.dumps({"steps": steps, **network, **machine, **found}))


if __name__ == "__main__":
    main()
