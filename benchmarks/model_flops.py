"""How much arithmetic a Transformer's training step must do: the model's FLOPs, with nothing for padding.

Counted are the multiply-adds of all matrix products, two FLOPs each, and twice as many backward as forward (each
product's gradient with respect to either factor is a product of the same size). Softmax, norms, dropout, additions,
the update and what an implementation does for padding are not: they are no progress. Causal attention counts whole,
as in Chowdhery et al. 2022 (PaLM), appendix B.

W width · F inner width of the feed-forward layers · V pieces of the target vocabulary without padding
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from congling.data.text.pair_batches import Batch


@dataclass(frozen=True)
class TransformerSizes:
    """What the count hangs on."""

    width: int
    feed_forward: int
    encoder_layers: int
    decoder_layers: int
    heads: int
    target_pieces: int


@dataclass(frozen=True)
class Product:
    """``count`` matrix products (rows, inner) · (inner, columns), ``batch`` of them at once; each takes place in
    ``layers`` layers."""

    layers: int
    rows: int
    inner: int
    columns: int
    batch: int = 1

    @property
    def multiply_adds(self) -> int:
        return self.layers * self.batch * self.rows * self.inner * self.columns


def forward_multiply_adds(sizes: TransformerSizes, source_lengths: Tensor, target_lengths: Tensor) -> int:
    """Of one forward pass over sentences of these lengths (B), ends included.

    Every position passes its layers' matrices for itself; attention is quadratic: each of a sentence's queries meets
    each of its keys, once for the score and once for the value.
    """
    source, target = int(source_lengths.sum()), int(target_lengths.sum())
    width, inner = sizes.width, sizes.feed_forward
    encoder = source * (4 * width**2 + 2 * width * inner) + 2 * width * _pairs(source_lengths, source_lengths)
    decoder = target * (6 * width**2 + 2 * width * inner) + source * 2 * width**2
    decoder += 2 * width * (_pairs(target_lengths, target_lengths) + _pairs(target_lengths, source_lengths))
    output = target * width * sizes.target_pieces
    return sizes.encoder_layers * encoder + sizes.decoder_layers * decoder + output


def _pairs(queries: Tensor, keys: Tensor) -> int:
    return int((queries.long() * keys.long()).sum())


def training_flops(sizes: TransformerSizes, batch: Batch) -> int:
    """Of one training step on a batch, padding not counted."""
    pad = sizes.target_pieces  # the id after the last piece
    source_lengths = (~batch.source_padding).sum(dim=1)
    target_lengths = (batch.target_output != pad).sum(dim=1)
    return 2 * 3 * forward_multiply_adds(sizes, source_lengths, target_lengths)


def forward_products(sizes: TransformerSizes, sentences: int, source: int, target: int) -> Iterator[Product]:
    """The products of a forward pass over B sentences of S and T places, in the sizes in which a plain implementation
    does them: for measuring how fast these sizes can be."""
    width, inner, heads = sizes.width, sizes.feed_forward, sizes.heads
    encoder, decoder = sizes.encoder_layers, sizes.decoder_layers
    rows, columns = sentences * source, sentences * target
    for layers, places, keys in ((encoder, rows, source), (decoder, columns, target)):
        yield Product(layers, places, width, 3 * width)
        yield from _attention(layers, sentences * heads, places // sentences, keys, width // heads)
        yield Product(layers, places, width, width)
        yield Product(layers, places, width, inner)
        yield Product(layers, places, inner, width)
    yield Product(decoder, columns, width, width)
    yield Product(decoder, rows, width, 2 * width)
    yield from _attention(decoder, sentences * heads, target, source, width // heads)
    yield Product(decoder, columns, width, width)
    yield Product(1, columns, width, sizes.target_pieces)


def _attention(layers: int, batch: int, queries: int, keys: int, head_width: int) -> Iterator[Product]:
    yield Product(layers, queries, head_width, keys, batch)  # scores
    yield Product(layers, queries, keys, head_width, batch)  # values
