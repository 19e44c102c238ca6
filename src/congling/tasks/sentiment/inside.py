"""Everything that a text classifier calculates while it reads one text, by dotted name."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from congling.data.text.tokenizer_files import END
from congling.equations.activations import softmax
from congling.equations.glass_box import GlassBox, glass_box
from congling.tasks.sentiment.sentiment_classifier import SentimentClassifier


@dataclass(frozen=True)
class Inside:
    """One text in a glass box.

    Attributes:
        pieces: (T) that were read, the end included.
        values: by dotted name, from ``ids`` to ``probabilities``; each has one row, (1, …).
        box: that saw them.
    """

    pieces: list[str]
    values: dict[str, Tensor]
    box: GlassBox


@torch.no_grad()
def look_inside(classifier: SentimentClassifier, text: str) -> Inside:
    """Read a text once, with every value kept. Errors as ``SentimentClassifier.ids``."""
    ids, _left_out = classifier.ids(text)
    batch = classifier.batch([ids])
    with glass_box() as box:
        logits = classifier.network(batch.ids, batch.lengths)
    seen = {name: box[name] for name in box if isinstance(box[name], Tensor)}
    values = {"ids": batch.ids, **seen, "probabilities": softmax(logits)}
    return Inside([*classifier.shown_pieces(text, ids), END], values, box)
