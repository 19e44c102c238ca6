"""Training a base-size Transformer on a GPU: target tokens a second against MarianMTModel, and FLOPs over the limit.

6+6 layers, width 512, feed-forward 2,048, 8 heads, one vocabulary of 32,000 pieces for both languages, 25,000 tokens a
batch, padding included. The sentences are made of chance, with lengths like those of news (log-normal, 25 pieces in the
middle): only their lengths decide how long a step takes. All ways train on the same batches by turns, each step waited
for; Marian in float32 (its products in TF32), with autocast to bfloat16, and in bfloat16 throughout, each with the
attention that it takes by itself and with eager. A square product in bfloat16 takes part in the turns: it is the limit
that our step's arithmetic (model_flops.py) is held against.

Without a GPU it says so and ends with exit code 2; ``--device cpu`` tries the code with a small network.

    python benchmarks/training_on_a_gpu.py           (or: … --batches 30 --compile)
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from benchmark import Figure, main
from model_flops import TransformerSizes, training_flops
from torch import Tensor, nn
from turns import by_turns, fastest, median_rate, median_ratio

from congling.data.text.pair_batches import Batch, collate, plan_epoch
from congling.learning.gradients import clip_gradient, mean_gradient
from congling.learning.optimizers import Optimizer
from congling.learning.parameters import FlatParameters
from congling.networks.transformer import Transformer

OURS, LIMIT = "congling", "limit"
DROPOUT, SMOOTHING, RATE, LONGEST, IGNORED = 0.1, 0.1, 1e-4, 1.0, -100
MIDDLE_LENGTH, SPREAD, LONGEST_SENTENCE = 25, 0.6, 120  # pieces; the spread is that of the logarithm
NO_GPU = 2
Way = Callable[[Batch], object]


@dataclass(frozen=True)
class Sizes:
    """What is trained, and on how much at once."""

    width: int
    heads: int
    layers: int
    vocabulary: int
    batch_tokens: int
    side: int  # of the square product

    @property
    def counted(self) -> TransformerSizes:
        return TransformerSizes(
            self.width, 4 * self.width, self.layers, self.layers, self.heads, self.vocabulary - 1
        )  # fmt: skip


BASE = Sizes(width=512, heads=8, layers=6, vocabulary=32_000, batch_tokens=25_000, side=8192)
SMALL = Sizes(width=32, heads=2, layers=1, vocabulary=500, batch_tokens=600, side=256)


def made_batches(sizes: Sizes, count: int) -> list[Batch]:
    """Batches as the data's planner cuts them, of pieces drawn by chance."""
    draw = np.random.default_rng(1)
    sentences = 2 * count * sizes.batch_tokens // MIDDLE_LENGTH
    source = _lengths(MIDDLE_LENGTH * draw.lognormal(0, SPREAD, sentences))
    target = _lengths(source * draw.lognormal(0, SPREAD / 4, sentences))  # a translation is about as long
    plan = plan_epoch(source, target, batch_tokens=sizes.batch_tokens, seed=1, epoch=0)[:count]
    pad = sizes.vocabulary - 1

    def rows(lengths: Any) -> list[list[int]]:
        return [draw.integers(2, pad, length).tolist() for length in lengths]

    return [collate(rows(source[places]), rows(target[places]), pad, pad) for places in plan]


def _lengths(numbers: Any) -> Any:
    return np.clip(numbers, 1, LONGEST_SENTENCE).astype(np.int32)


# The ways ------------------------------------------------------------------------------------------------------------


def ours(sizes: Sizes, device: torch.device, compiled: bool) -> Way:
    """One update of ours, as the trainer takes it on a GPU: bfloat16 with float32 masters."""
    network = Transformer(
        sizes.vocabulary, sizes.vocabulary, width=sizes.width, heads=sizes.heads, feed_forward=4 * sizes.width,
        encoder_layers=sizes.layers, decoder_layers=sizes.layers, dropout=DROPOUT, norm_first=True,
        shared_embeddings=True,
    ).to(device).train()  # fmt: skip
    parameters = FlatParameters(network, torch.bfloat16)
    optimizer = Optimizer(parameters, "adamw", momentum=0.0, betas=(0.9, 0.98))
    if compiled:
        network.encoder.compile(dynamic=True)
        network.decoder.compile(dynamic=True)

    def step(batch: Batch) -> None:
        mean_gradient(parameters, lambda given: network.loss(given.to(device), SMOOTHING), [batch], "autograd")
        clip_gradient(parameters.gradient, LONGEST)
        optimizer.step(RATE)
        parameters.publish()

    return step


def marian(sizes: Sizes, device: torch.device, precision: str, attention: str) -> Way:
    """One update of MarianMTModel, as its users write it."""
    from transformers import MarianConfig, MarianMTModel

    pad, inner = sizes.vocabulary - 1, 4 * sizes.width
    config = MarianConfig(
        vocab_size=sizes.vocabulary, d_model=sizes.width, encoder_layers=sizes.layers, decoder_layers=sizes.layers,
        encoder_attention_heads=sizes.heads, decoder_attention_heads=sizes.heads, encoder_ffn_dim=inner,
        decoder_ffn_dim=inner, activation_function="relu", dropout=DROPOUT, attention_dropout=0.0,
        activation_dropout=0.0, max_position_embeddings=512, scale_embedding=True, pad_token_id=pad, eos_token_id=0,
        decoder_start_token_id=pad, attn_implementation=attention,
    )  # fmt: skip
    network = MarianMTModel(config).to(device, torch.bfloat16 if precision == "bfloat16" else torch.float32).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, fused=True)

    def step(batch: Batch) -> None:
        there = batch.to(device)
        labels = there.target_output.masked_fill(there.target_output == pad, IGNORED)
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "autocast"):
            loss: Tensor = network(
                input_ids=there.source, attention_mask=(~there.source_padding).long(),
                decoder_input_ids=there.target_input, labels=labels,
            ).loss  # fmt: skip
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), LONGEST)
        optimizer.step()

    return step


def square_product(sizes: Sizes, device: torch.device) -> Way:
    """A large product of two square matrices in bfloat16."""
    first, second = (torch.randn(sizes.side, sizes.side, device=device).bfloat16() for _factor in range(2))
    return lambda _batch: torch.matmul(first, second)


def waited_for(way: Way, device: torch.device) -> Way:
    """The way until the device has done all of it."""

    def step(batch: Batch) -> None:
        way(batch)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return step


# The benchmark -------------------------------------------------------------------------------------------------------


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batches", type=int, default=24)
    parser.add_argument("--warm-up", type=int, default=6)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--compile", action="store_true", help="ours with torch.compile too")


def measure(given: argparse.Namespace) -> tuple[list[Figure], dict[str, Any]]:
    if given.device == "cuda" and not torch.cuda.is_available():
        print("not measured: PyTorch sees no GPU here; it needs one of NVIDIA's and PyTorch with CUDA", file=sys.stderr)
        raise SystemExit(NO_GPU)
    device, sizes = torch.device(given.device), BASE if given.device == "cuda" else SMALL
    torch.set_float32_matmul_precision("high")  # TF32 for whoever computes in float32
    torch.manual_seed(1)
    batches = made_batches(sizes, given.batches)
    ways = {OURS: ours(sizes, device, compiled=False), LIMIT: square_product(sizes, device)}
    if given.compile:
        ways[f"{OURS} compiled"] = ours(sizes, device, compiled=True)
    if importlib.util.find_spec("transformers"):
        for precision in ("float32", "autocast", "bfloat16"):
            for attention in ("sdpa", "eager"):
                ways[f"marian {precision} {attention}"] = marian(sizes, device, precision, attention)
    waited = {name: waited_for(way, device) for name, way in ways.items()}
    seconds = by_turns(waited, batches, given.warm_up)
    return figures_of(sizes, batches[given.warm_up :], seconds, _name(device))


def figures_of(
    sizes: Sizes, batches: list[Batch], seconds: dict[str, list[float]], card: str
) -> tuple[list[Figure], dict[str, Any]]:
    """Ours, against the fastest way of Marian, and against the square product; a trial on a processor has no bars."""
    bars = {"limit": "≥ 35 %", "marian": "≥ 2"} if sizes == BASE else {"limit": "", "marian": ""}
    limit = median_rate([2 * sizes.side**3] * len(batches), seconds.pop(LIMIT))
    rates = {name: median_rate([batch.target_tokens for batch in batches], taken) for name, taken in seconds.items()}
    flops = [training_flops(sizes.counted, batch) for batch in batches]
    figures = []
    for name in (name for name in seconds if name.startswith(OURS)):
        reached = median_rate(flops, seconds[name])
        figures.append(Figure(f"training on {card}: {name}", rates[name], "target tokens/s"))
        what = f"training on {card}: {name}, model FLOPs / bfloat16 matrix-product rate"
        note = f"{reached / 1e12:,.0f} of {limit / 1e12:,.0f} TFLOP/s"
        figures.append(Figure(what, 100 * reached / limit, "%", bars["limit"], note))
    if peers := [name for name in seconds if name.startswith("marian")]:
        best, ours_best = fastest(seconds, peers), fastest(seconds, [name for name in seconds if name not in peers])
        note = f"{rates[ours_best]:,.0f} against {rates[best]:,.0f} target tokens/s, median of {len(batches)} pairs"
        what = f"training on {card}: {ours_best} / {best} (its fastest)"
        figures.append(Figure(what, median_ratio(seconds[best], seconds[ours_best]), "×", bars["marian"], note))
    return figures, {"card": card, "target tokens/s": rates, "limit, TFLOP/s": limit / 1e12}


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "a processor (a trial of the code)"


if __name__ == "__main__":
    main(__doc__, arguments, measure)
