"""One training step as each of several libraries takes it, on the same batch: a Transformer of the same sizes, dropout
0.1, AdamW, gradients clipped to the length 1, the output layer tied to the target's embeddings.

Ours is the trainer's own step with its label smoothing. The peers' are written as their users write them, with
PyTorch's fused AdamW, in float32, with autocast to bfloat16, or with the whole network in bfloat16.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from model_flops import TransformerSizes
from tatoeba_batches import SOURCE_PIECES, TARGET_PIECES, IdRows
from torch import Tensor, nn

from congling.data.text.packed_batches import collate_tiles
from congling.data.text.pair_batches import Batch
from congling.data.text.tiles import pack, tile_size
from congling.equations.positions import sinusoidal_positions
from congling.tasks.translation.task import TOKENS_A_THREAD

Step = Callable[[Batch], object]
HEADS, LAYERS, DROPOUT, SMOOTHING, RATE, LONGEST = 4, 3, 0.1, 0.1, 1e-4, 1.0
IGNORED = -100  # the label that PyTorch's cross-entropy leaves out


def sizes_of(width: int, target_vocabulary: int) -> TransformerSizes:
    """The sizes that all of these networks have; the target's last piece is padding."""
    return TransformerSizes(width, 4 * width, LAYERS, LAYERS, HEADS, target_vocabulary - 1)


def our_batches(rows: list[tuple[IdRows, IdRows]], batch_tokens: int) -> list[Batch]:
    """The same sentences as our trainer lays them out: packed into tiles, as many a batch as the budget allows."""
    sources, targets = ([row for batch in rows for row in batch[side]] for side in (0, 1))
    lengths = [np.array([len(row) for row in side]) for side in (sources, targets)]
    size = tile_size(*lengths)
    packed = pack(lengths[0] + 1, lengths[1] + 1, size, batch_tokens, np.random.default_rng(1))
    pads = SOURCE_PIECES - 1, TARGET_PIECES - 1
    return [collate_tiles(sources, targets, tiles, wide, pads) for wide, tiles in packed]


def our_step(width: int, source_vocabulary: int, target_vocabulary: int, batch_tokens: int) -> Step:
    """One update of ours, as the trainer takes it, in the precision and on the threads that it chooses here."""
    from congling.learning.gradients import clip_gradient, mean_gradient
    from congling.learning.optimizers import Optimizer
    from congling.learning.parameters import FlatParameters
    from congling.learning.precision import compute_type
    from congling.learning.shared_batches import Sharing, shared_batches
    from congling.networks.transformer import Transformer

    network = Transformer(
        source_vocabulary, target_vocabulary, width=width, heads=HEADS, feed_forward=4 * width, encoder_layers=LAYERS,
        decoder_layers=LAYERS, dropout=DROPOUT, norm_first=True,
    ).train()  # fmt: skip
    parameters = FlatParameters(network, compute_type("auto", torch.device("cpu")))
    optimizer = Optimizer(parameters, "adamw", momentum=0.0, betas=(0.9, 0.98))

    def loss_by(network: Transformer, batch: Batch) -> tuple[Tensor, int]:
        return network.loss(batch, SMOOTHING)

    sharing = Sharing(Batch.parts, loss_by, most=batch_tokens // TOKENS_A_THREAD)
    shared = shared_batches(network, parameters, sharing, torch.get_num_threads())

    def step(batch: Batch) -> None:
        mean_gradient(parameters, lambda given: loss_by(network, given), [batch], "autograd", shared)
        clip_gradient(parameters.gradient, LONGEST)
        optimizer.step(RATE)
        parameters.publish()

    return step


def marian_step(width: int, source_vocabulary: int, target_vocabulary: int, precision: str, attention: str) -> Step:
    """One update of Hugging Face's MarianMTModel. ``attention``: sdpa, which it takes by itself, or eager."""
    from transformers import MarianConfig, MarianMTModel

    pad = target_vocabulary - 1
    config = MarianConfig(
        vocab_size=source_vocabulary, decoder_vocab_size=target_vocabulary, share_encoder_decoder_embeddings=False,
        d_model=width, encoder_layers=LAYERS, decoder_layers=LAYERS, encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS, encoder_ffn_dim=4 * width, decoder_ffn_dim=4 * width, activation_function="relu",
        dropout=DROPOUT, attention_dropout=0.0, activation_dropout=0.0, max_position_embeddings=512,
        scale_embedding=True, pad_token_id=pad, eos_token_id=0, decoder_start_token_id=pad,
        attn_implementation=attention,
    )  # fmt: skip
    network = MarianMTModel(config)

    def loss(batch: Batch) -> Tensor:
        outputs = network(
            input_ids=batch.source, attention_mask=(~batch.source_padding).long(),
            decoder_input_ids=batch.target_input, labels=_labels(batch, pad),
        )  # fmt: skip
        return outputs.loss

    return _plain_step(network, loss, precision)


class PlainTransformer(nn.Module):
    """A translator around torch.nn.Transformer, as its users write it."""

    positions: Tensor

    def __init__(self, width: int, source_vocabulary: int, target_vocabulary: int) -> None:
        super().__init__()
        self.source_embedding = nn.Embedding(source_vocabulary, width)
        self.target_embedding = nn.Embedding(target_vocabulary, width)
        self.transformer = nn.Transformer(
            width, HEADS, LAYERS, LAYERS, 4 * width, DROPOUT, activation="relu", batch_first=True
        )
        self.dropout = nn.Dropout(DROPOUT)
        self.output = nn.Linear(width, target_vocabulary)
        self.output.weight = self.target_embedding.weight
        self.scale = math.sqrt(width)
        self.register_buffer("positions", sinusoidal_positions(512, width).float())

    def forward(self, source: Tensor, source_padding: Tensor, target_input: Tensor) -> Tensor:
        """Logits (B, T, V)."""
        length = target_input.shape[1]
        decoded = self.transformer(
            self._embedded(self.source_embedding, source), self._embedded(self.target_embedding, target_input),
            tgt_mask=torch.ones(length, length, dtype=torch.bool).triu(1), tgt_is_causal=True,
            src_key_padding_mask=source_padding, memory_key_padding_mask=source_padding,
        )  # fmt: skip
        return self.output(decoded)

    def _embedded(self, table: nn.Embedding, ids: Tensor) -> Tensor:
        return self.dropout(table(ids) * self.scale + self.positions[: ids.shape[1]])


def torch_step(width: int, source_vocabulary: int, target_vocabulary: int, precision: str) -> Step:
    """One update of a network around torch.nn.Transformer."""
    network, pad = PlainTransformer(width, source_vocabulary, target_vocabulary), target_vocabulary - 1

    def loss(batch: Batch) -> Tensor:
        logits = network(batch.source, batch.source_padding, batch.target_input)
        return nn.functional.cross_entropy(logits.flatten(0, 1), _labels(batch, pad).flatten(), ignore_index=IGNORED)

    return _plain_step(network, loss, precision)


def _labels(batch: Batch, pad: int) -> Tensor:
    return batch.target_output.masked_fill(batch.target_output == pad, IGNORED)


def _plain_step(network: nn.Module, loss: Callable[[Batch], Tensor], precision: str) -> Step:
    network.train()
    if precision == "bfloat16":
        network.to(torch.bfloat16)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, fused=True)

    def step(batch: Batch) -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "autocast"):
            found = loss(batch)
        found.backward()
        nn.utils.clip_grad_norm_(network.parameters(), LONGEST)
        optimizer.step()

    return step
