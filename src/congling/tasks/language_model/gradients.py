"""The tape around one reading: how each parameter would have to move for the text to become likelier."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from congling.data.text.running_text import Memory, TextBatch
from congling.errors import UserError
from congling.language import _
from congling.learning.backprop import Tape
from congling.tasks.language_model.text_generator import TextGenerator

MOST = 300  # pieces: the tape keeps every value on the way


@dataclass(frozen=True)
class ReadingGradients:
    """A tape after ``gradients``; the loss is in nats a piece."""

    tape: Tape
    gradients: dict[Tensor, Tensor]
    loss: float
    pieces: list[str]


def reading_gradients(generator: TextGenerator, text: str) -> ReadingGradients:
    """The gradient of a text's mean cross-entropy.

    Raises:
        UserError: the text is empty, or too long for the tape.
    """
    ids = generator.encode(text)
    if not ids:
        raise UserError(_("there is nothing to read in {text}").format(text=repr(text)))
    if len(ids) > MOST:
        message = _("the text has {count} pieces; at most {most} can be looked into at once")
        raise UserError(message.format(count=len(ids), most=MOST))
    row = torch.tensor([[generator.opening, *ids]], device=generator.device)
    with Tape() as tape:
        total, count = generator.network.loss(TextBatch(row[:, :-1], row[:, 1:], Memory()))
        loss = total / count
    return ReadingGradients(tape, tape.gradients(loss), float(loss), generator.tokenizer.pieces(ids))
