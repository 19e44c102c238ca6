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
import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from benchmark import Figure, main
from numpy.typing import NDArray
from torch import Tensor, nn
from turns import median_ratio

from congling.data.text.running_text import Memory, RunningTextBatches, TextBatch, stretches
from congling.data.text.word_store import WordStore
from congling.learning.gradients import clip_gradient, mean_gradient
from congling.learning.optimizers import EPSILON, Optimizer
from congling.learning.parameters import FlatParameters
from congling.learning.precision import compute_type
from congling.learning.schedules import rate_factor
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


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--warm-up", type=int, default=10, help="updates at the beginning whose time does not count")
    parser.add_argument("--cell", choices=KINDS, default=None)
    parser.add_argument("--float32", action="store_true", help="leave out bfloat16: to compare the losses alone")
    parser.add_argument("--processor-time", action="store_true", help="for one thread on a busy machine")


def measure(given: argparse.Namespace) -> tuple[list[Figure], dict[str, Any]]:
    options = LanguageModelOptions()
    options.network.dropout = 0.0
    options.network.cell = given.cell or options.network.cell
    text = text_parts(options, named_passages(options.data.data, print_remark), lambda _name, rows: WordStore.of(rows))
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
    held_out = {name: each.validate(text.parts["valid"].ids) for name, each in learners.items()}
    rates = {name: 1 / statistics.median(each.seconds[given.warm_up :]) for name, each in learners.items()}
    network = vars(options.network) | {"batch": options.training.batch_size, "context": options.training.context}
    details = {"steps": given.steps, **network, "tokens/s": rates, "validation loss": held_out}
    return figures_of(learners, rates, held_out, given.warm_up), details


def print_remark(text: str) -> None:
    print(text, file=sys.stderr)


def figures_of(
    learners: dict[str, Learner], rates: dict[str, float], held_out: dict[str, float], warm_up: int
) -> list[Figure]:
    """Speed and loss of ours, in the type that it chooses here, against PyTorch's float32 and its faster way."""
    ours = f"congling {str(compute_type('auto', torch.device('cpu')))[6:]}"
    ours = ours if ours in learners else "congling float32"
    best = max((name for name in rates if name.startswith("pytorch")), key=rates.__getitem__)
    figures = []
    for theirs in dict.fromkeys(["pytorch float32", best]):
        ratio = median_ratio(learners[theirs].seconds[warm_up:], learners[ours].seconds[warm_up:])
        note = f"{rates[ours]:,.0f} against {rates[theirs]:,.0f} tokens/s"
        figures.append(Figure(f"next characters: {ours} / {theirs}", ratio, "×", "≥ 1", note))
        apart = 100 * (held_out[ours] / held_out[theirs] - 1)
        note = f"{held_out[ours]:.4f} against {held_out[theirs]:.4f} nats a character"
        figures.append(Figure(f"next characters: loss of {ours} above {theirs}", apart, "%", "≤ 1 %", note))
    return figures


if __name__ == "__main__":
    main(__doc__, arguments, measure)
