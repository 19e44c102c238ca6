"""A trained language model: it reads a text, says how surprised it was, and writes on.

B texts · T pieces, the one before the text included · V vocabulary
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from congling.data.text.running_text import Memory, stretches
from congling.data.text.text_stream import TextStream
from congling.data.text.tokenizers import Tokenizer
from congling.decoding.greedy import greedy_search
from congling.decoding.hypotheses import Hypothesis
from congling.decoding.sampling import sample
from congling.decoding.unroll import Hear
from congling.equations.glass_box import GlassBox, glass_box
from congling.errors import UserError
from congling.language import _
from congling.learning.checkpoints import Which, load_weights
from congling.learning.parameters import load_parameters
from congling.learning.precision import device_of
from congling.learning.runs import Run
from congling.networks.language_model import RecurrentLanguageModel
from congling.tasks.language_model.data import TextParts, load_text
from congling.tasks.language_model.options import TASK, LanguageModelOptions, LanguageNetworkOptions, WritingOptions
from congling.tasks.language_model.scores import Score
from congling.tasks.stored_options import options_of
from congling.tasks.stored_weights import weights_must_fit

ROWS = 16  # places of a text that is scored, read side by side
STRETCH = 128  # pieces that are scored at once in each
MOST_LOOKED_INTO = 1000  # pieces
CONTINUATIONS = range(0x80, 0xC0)  # bytes of UTF-8 that do not begin a character


def language_model_options_of(run: Run) -> LanguageModelOptions:
    """The options that a run was trained with; errors as ``options_of``."""
    return options_of(run, LanguageModelOptions, TASK)


def build_network(options: LanguageNetworkOptions, tokenizer: Tokenizer) -> RecurrentLanguageModel:
    """The network that the options describe, for this vocabulary."""
    return RecurrentLanguageModel(
        tokenizer.size,
        kind=options.cell,
        width=options.width,
        embedding=options.embedding,
        layers=options.layers,
        dropout=options.dropout,
        tied_output=options.tied_output,
    )


@dataclass(frozen=True)
class Written:
    """What was written from a prompt.

    Attributes:
        text: what follows the prompt.
        finished: whether the network ended the document itself.
        log_probability: of the pieces and of the end, in nats.
        pieces: those of the text.
    """

    text: str
    finished: bool
    log_probability: float
    pieces: list[str]


@dataclass(frozen=True)
class TextInside:
    """A glass box around the reading of one text of T pieces: what was seen, and what was foretold.

    Attributes:
        ids: (T,) of the text.
        pieces: of these, as text; a byte of a character that is no piece as ``<0xE6>``.
        log_probabilities: (T, V − 1), of every piece at each place, given those before it.
        seen: every value of the pass, whose time begins with the piece that stands before the text.
    """

    text: str
    ids: list[int]
    pieces: list[str]
    log_probabilities: Tensor
    seen: GlassBox

    @property
    def score(self) -> Score:
        """How surprised the network was by the whole text."""
        nats = -float(self.log_probabilities[torch.arange(len(self.ids)), torch.tensor(self.ids)].sum())
        return Score(nats, len(self.ids), len(self.text))


class TextGenerator:
    """Reads and writes with a network, which is put into ``eval`` mode, and the pieces that it knows.

    Attributes:
        opening: the piece that stands before a text.
        text: of the run, in its three parts.
        options: what it was trained with.
    """

    def __init__(self, network: RecurrentLanguageModel, text: TextParts, options: LanguageModelOptions) -> None:
        self.network, self.text, self.options = network.eval(), text, options
        self.tokenizer, self.opening = text.tokenizer, text.opening

    @classmethod
    def load(cls, run: Run, which: Which = "best", device: str = "auto") -> TextGenerator:
        """Open a run's text and the weights of one of its checkpoints.

        Raises:
            UserError: the run is of another task, incomplete or damaged.
        """
        options, text = language_model_options_of(run), load_text(run)
        network = build_network(options.network, text.tokenizer)
        with weights_must_fit(run):
            load_parameters(network, load_weights(run, which))
        return cls(network.to(device_of(device)), text, options)

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return self.network.output_bias.device

    def encode(self, text: str) -> list[int]:
        """The pieces of a text, cut as the text that was learned from: line by line."""
        lines = text.replace("\r\n", "\n").replace("\r", "\n").splitlines(keepends=True)
        return [number for ids in self.tokenizer.encode_all(lines, num_threads=1) for number in ids]

    def unseen(self, text: str) -> list[str]:
        """The characters of a text that are no pieces, each once: the network reads their bytes, or <unk>."""
        tokenizer, strange = self.tokenizer, list[str]()
        for character in dict.fromkeys(tokenizer.normalize(text)):
            ids = tokenizer.encode(character)
            if any(number == tokenizer.unknown_id or tokenizer.byte_of(number) is not None for number in ids):
                strange.append(character)
        return strange

    def between_characters(self, ids: Sequence[int], place: int) -> int:
        """The last place up to ``place`` where the pieces can be parted without parting the bytes of a character."""
        while 0 < place < len(ids) and (self.tokenizer.byte_of(ids[place]) or 0) in CONTINUATIONS:
            place -= 1
        return place

    # Writing ---------------------------------------------------------------------------------------------------------

    def write(
        self, prompts: Sequence[str], options: WritingOptions | None = None, hear: Hear | None = None
    ) -> list[list[Written]]:
        """Write on from each prompt, however long it is; from an empty one, a text of its own.

        Args:
            hear: told of each piece as it is chosen; row samples · prompt + sample.

        Returns:
            For each prompt its samples; one, where the likeliest piece is taken each time.
        """
        options = options or WritingOptions()
        rows = [[self.opening, *self.encode(prompt)] for prompt in prompts]
        found = self._search(rows, options, hear)
        return [[self._written(hypothesis) for hypothesis in samples] for samples in found]

    @torch.inference_mode()
    def _search(self, rows: list[list[int]], options: WritingOptions, hear: Hear | None) -> list[list[Hypothesis]]:
        prompts, padding = self._collated(rows)
        lengths = torch.full((len(rows),), options.length)
        tokenizer = self.tokenizer
        end_id, pad_id, banned = tokenizer.end_id, tokenizer.pad_id, (tokenizer.unknown_id,)
        if not options.draws:
            found = greedy_search(
                self.network, prompts, padding, end_id=end_id, pad_id=pad_id, max_lengths=lengths, banned=banned,
                no_repeat_ngram=options.no_repeat_ngram, hear=hear,
            )  # fmt: skip
            return [[hypothesis] for hypothesis in found]
        return sample(
            self.network, prompts, padding, generator=_chance(options.seed), samples=options.samples,
            temperature=1.0 if options.temperature is None else options.temperature, top_k=options.top_k,
            top_p=options.top_p, end_id=end_id, pad_id=pad_id, max_lengths=lengths, banned=banned,
            no_repeat_ngram=options.no_repeat_ngram, hear=hear,
        )  # fmt: skip

    def _collated(self, rows: list[list[int]]) -> tuple[Tensor, Tensor]:
        """Rows of ids as (B, S), padded at the end, and where the padding is."""
        lengths, longest = torch.tensor([len(row) for row in rows]), max(map(len, rows), default=0)
        pad = self.tokenizer.pad_id
        ids = torch.tensor([row + [pad] * (longest - len(row)) for row in rows], dtype=torch.int64)
        padding = torch.arange(longest) >= lengths.unsqueeze(1)
        return ids.to(self.device), padding.to(self.device)

    def _written(self, hypothesis: Hypothesis) -> Written:
        stream = TextStream(self.tokenizer)
        text = "".join(map(stream.add, hypothesis.ids)) + stream.rest()
        pieces = self.tokenizer.pieces(hypothesis.ids)
        return Written(text, hypothesis.finished, hypothesis.log_probability, pieces)

    # Reading ---------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def score(self, ids: NDArray[np.int32], characters: float) -> Score:
        """How surprised the network is by a text, which is laid in a few rows that are read side by side.

        Args:
            characters: of the text. Those of the few pieces that begin and end the rows are taken off in proportion.

        Raises:
            UserError: there is no text.
        """
        if len(ids) < 2:
            raise UserError(_("a text of {count} pieces holds nothing to foretell").format(count=len(ids)))
        rows, nats, pieces = max(1, min(ROWS, len(ids) // (2 * STRETCH))), 0.0, 0
        for _end, batch in stretches(ids, rows, STRETCH, Memory()):
            loss, count = self.network.loss(batch.to(self.device))
            nats, pieces = nats + float(loss), pieces + count
        return Score(nats, pieces, characters * pieces / len(ids))

    def part(self, name: str) -> tuple[NDArray[np.int32], int]:
        """A part of the run's text, ``train``, ``valid`` or ``test``: its pieces, and how many characters they are.

        Raises:
            UserError: nothing was held out for it.
        """
        store = self.text.parts[name]
        if not len(store.ids):
            raise UserError(_("--part {part}: no text is held out for it").format(part=name))
        return store.ids, self.text.facts.characters[name]

    def look_inside(self, text: str) -> TextInside:
        """Read one text in a glass box: every value, and the probability of every piece at each place.

        Raises:
            UserError: it is empty, or too long to be looked into at once.
        """
        ids = self.encode(text)
        if not ids:
            raise UserError(_("there is nothing to read in {text}").format(text=repr(text)))
        if len(ids) > MOST_LOOKED_INTO:
            message = _("the text has {count} pieces; at most {most} can be looked into at once")
            raise UserError(message.format(count=len(ids), most=MOST_LOOKED_INTO))
        read = torch.tensor([[self.opening, *ids[:-1]]], device=self.device)
        with torch.no_grad(), glass_box() as seen:
            logits, _state = self.network(read)
        log_probabilities = torch.log_softmax(logits[0].double().cpu(), dim=-1)
        return TextInside(text, ids, self.tokenizer.pieces(ids), log_probabilities, seen)


def _chance(seed: int | None) -> torch.Generator:
    """Where the draws come from; without a seed another one each time."""
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return generator
