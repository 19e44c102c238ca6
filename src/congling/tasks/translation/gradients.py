"""The tape around one translation: how each parameter would have to move for it to become likelier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from congling.data.text.pair_batches import collate
from congling.learning.backprop import Tape
from congling.tasks.translation.translator import Translator


@dataclass(frozen=True)
class TranslationGradients:
    """A tape after ``gradients``; the loss is in nats a target token, the end counted, without label smoothing."""

    tape: Tape
    gradients: dict[Tensor, Tensor]
    loss: float
    source_pieces: list[str]
    target_pieces: list[str]


def translation_gradients(
    translator: Translator, source_ids: Sequence[int], target_ids: Sequence[int]
) -> TranslationGradients:
    """The gradient of a given translation's mean cross-entropy; the ids are those of the pieces, without the end."""
    source, target = translator.source_tokenizer, translator.target_tokenizer
    network = translator.network
    batch = collate([list(source_ids)], [list(target_ids)], source.pad_id, target.pad_id)
    with Tape() as tape:
        total, count = network.loss(batch.to(network.output_bias.device))
        loss = total / count
    gradients = tape.gradients(loss)
    source_pieces = source.pieces([*source_ids, source.end_id])
    target_pieces = target.pieces([*target_ids, target.end_id])
    return TranslationGradients(tape, gradients, float(loss), source_pieces, target_pieces)
