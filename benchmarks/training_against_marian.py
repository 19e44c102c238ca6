"""Training speed against Hugging Face's MarianMTModel: target tokens a second, on the same batches, in one run.

Both train the same sizes on the same Tatoeba batches with dropout and AdamW; steps are taken by turns, so that a
drifting machine slows both. Marian runs in float32, autocast and bfloat16 throughout, each with the attention that it
takes by default (sdpa) and with eager; the ratio is given against the best precision of each. Tokens are target tokens
that are not padding. Loading and tokenising are left out for both. Ours alone smooths labels.

    make benchmark-training            (or: python benchmarks/training_against_marian.py --width 192)
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import transformers
from tatoeba_batches import SOURCE_PIECES, TARGET_PIECES, tatoeba_batches
from transformers import MarianConfig, MarianMTModel

from congling.data.text.pair_batches import Batch
from congling.learning.gradients import clip_gradient
from congling.learning.memory import settle_memory
from congling.learning.optimizers import Optimizer
from congling.learning.parameters import FlatParameters
from congling.learning.precision import compute_type
from congling.learning.threads import use_threads
from congling.networks.transformer import Transformer

ATTENTIONS = ("sdpa", "eager")  # the first is what MarianMTModel takes by itself
Step = Callable[[Batch], None]


def our_step(width: int) -> Step:
    """One update of ours, as the trainer takes it, in the precision that it chooses here."""
    network = Transformer(
        SOURCE_PIECES, TARGET_PIECES, width=width, heads=4, feed_forward=4 * width, encoder_layers=3, decoder_layers=3,
        dropout=0.1,
    ).train()  # fmt: skip
    parameters = FlatParameters(network, compute_type("auto", torch.device("cpu")))
    optimizer = Optimizer(parameters, "adamw", momentum=0.0, betas=(0.9, 0.98))

    def step(batch: Batch) -> None:
        parameters.clear()
        loss, tokens = network.loss(batch, 0.1)
        loss.backward()
        parameters.collect()
        parameters.gradient /= tokens
        clip_gradient(parameters.gradient, 1.0)
        optimizer.step(1e-4)
        parameters.publish()

    return step


def marian_step(width: int, precision: str, attention: str) -> Step:
    """One update of Marian's, as its users write it: float32, autocast to bfloat16, or bfloat16 throughout."""
    config = MarianConfig(
        vocab_size=SOURCE_PIECES, decoder_vocab_size=TARGET_PIECES, share_encoder_decoder_embeddings=False,
        d_model=width, encoder_layers=3, decoder_layers=3, encoder_attention_heads=4, decoder_attention_heads=4,
        encoder_ffn_dim=4 * width, decoder_ffn_dim=4 * width, activation_function="relu", dropout=0.1,
        attention_dropout=0.0, activation_dropout=0.0, max_position_embeddings=512, scale_embedding=True,
        pad_token_id=TARGET_PIECES - 1, eos_token_id=0, decoder_start_token_id=TARGET_PIECES - 1,
        attn_implementation=attention,
    )  # fmt: skip
    network = MarianMTModel(config).train()
    if precision == "bfloat16":
        network = network.to(torch.bfloat16)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)

    def step(batch: Batch) -> None:
        labels = batch.target_output.masked_fill(batch.target_output == TARGET_PIECES - 1, -100)
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "autocast"):
            outputs = network(
                input_ids=batch.source, attention_mask=(~batch.source_padding).long(),
                decoder_input_ids=batch.target_input, labels=labels,
            )  # fmt: skip
        outputs.loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

    return step


def measure(steps: dict[str, Step], batches: list[Batch], warm_up: int) -> dict[str, list[float]]:
    """Seconds a target token, for each step on each batch, taken by turns."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for number, batch in enumerate(batches):
        for name, step in steps.items():
            begun = time.perf_counter()
            step(batch)
            if number >= warm_up:
                seconds[name].append((time.perf_counter() - begun) / batch.target_tokens)
    return seconds


def processor() -> str:
    """What the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--batches", type=int, default=15)
    parser.add_argument("--warm-up", type=int, default=3)
    options = parser.parse_args()
    settle_memory()  # as the trainer does; it serves both
    use_threads(None)
    torch.manual_seed(1)
    steps = {"congling": our_step(options.width)}
    for precision in ("float32", "autocast", "bfloat16"):
        for attention in ATTENTIONS:
            steps[f"marian {precision} {attention}"] = marian_step(options.width, precision, attention)
    batches = tatoeba_batches(options.batch_tokens, options.batches)
    seconds = measure(steps, batches, options.warm_up)
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    for name, median in sorted(medians.items(), key=lambda item: item[1]):
        print(f"{name:<28} {1 / median:10,.0f} target tokens/s")
    ratios = {}
    for attention in ATTENTIONS:
        best = min((name for name in medians if name.endswith(attention)), key=medians.__getitem__)
        pairs = zip(seconds[best], seconds["congling"], strict=True)
        ratios[best] = statistics.median(theirs / ours for theirs, ours in pairs)
        print(f"congling / {best} = {ratios[best]:.2f} (median of {len(seconds[best])} pairs)")
    machine = {"processor": processor(), "threads": torch.get_num_threads()}
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    record = {"width": options.width, "batch_tokens": options.batch_tokens, **machine, **versions}
    record |= {"tokens_per_second": {name: 1 / median for name, median in medians.items()}, "ratios": ratios}
    print(json.dumps(record))


if __name__ == "__main__":
    main()
