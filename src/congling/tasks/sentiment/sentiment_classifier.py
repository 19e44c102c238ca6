"""A trained text classifier: texts in, probabilities of classes out.

B texts side by side · K classes
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from congling.data.text.labelled_batches import LabelledStore, TextBatch, collate_texts
from congling.data.text.labelled_texts import Labelled, LabelledTexts, distinct_texts, tidied
from congling.data.text.pair_batches import ordered_batches
from congling.equations.activations import softmax
from congling.errors import UserError
from congling.language import _
from congling.learning.checkpoints import Which, load_weights
from congling.learning.parameters import load_parameters
from congling.learning.precision import device_of
from congling.learning.runs import Run
from congling.nearest import did_you_mean
from congling.networks.text_classifier import TextClassifier
from congling.tasks.classification_scores import Evaluation
from congling.tasks.sentiment.data import PartName, Texts, load_texts, own_rows
from congling.tasks.sentiment.options import TASK, SentimentOptions
from congling.tasks.sentiment.reading import Reading, words_of
from congling.tasks.stored_options import cannot_be, not_understood, options_of
from congling.tasks.stored_weights import weights_must_fit

PIECES_AT_ONCE = 16_000  # positions of all texts that are read side by side
SHOWN = 60  # characters of a text in a message


def sentiment_options_of(run: Run) -> SentimentOptions:
    """The options that a run was trained with, settled; errors as ``options_of``."""
    options = options_of(run, SentimentOptions, TASK)
    if options.pieces.vocabulary is None:
        raise not_understood(run, cannot_be("config.pieces.vocabulary", None))
    return options


def build_network(options: SentimentOptions, vocabulary: int, classes: int) -> TextClassifier:
    """The network that settled options describe, as it is before training: their seed decides it."""
    network = options.network
    torch.manual_seed(options.training.seed)
    return TextClassifier(
        vocabulary,
        classes,
        kind=network.cell,
        width=network.width,
        embedding=network.embedding,
        layers=network.layers,
        bidirectional=network.bidirectional,
        pooling=network.pooling,
        dropout=network.dropout,
        embedding_dropout=network.embedding_dropout,
        piece_dropout=network.piece_dropout,
        guesses=options.training.pretraining > 0,
        guess_dropout=network.guess_dropout,
        ngrams=network.ngrams,
        ngram_dropout=network.ngram_dropout,
    )


class SentimentClassifier:
    """Classifies with a network, which is put into ``eval`` mode, and the texts that it learned from.

    Attributes:
        classes: their names.
        texts: of the run, in their three parts, and what cuts a text into pieces.
        options: what it was trained with, settled.
    """

    def __init__(self, network: TextClassifier, texts: Texts, options: SentimentOptions) -> None:
        self.network, self.texts, self.options = network.eval(), texts, options
        self.classes, self.pieces = texts.classes, texts.pieces

    @classmethod
    def load(cls, run: Run, which: Which = "best", device: str = "cpu") -> SentimentClassifier:
        """Open a run's texts and the weights of one of its checkpoints.

        Raises:
            UserError: the run is of another task, incomplete or damaged.
        """
        options, texts = sentiment_options_of(run), load_texts(run)
        with weights_must_fit(run):
            network = build_network(options, texts.pieces.tokenizer.size, len(texts.classes))
            load_parameters(network, load_weights(run, which))
        return cls(network.to(device_of(device)), texts, options)

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return next(self.network.parameters()).device

    # Classifying -----------------------------------------------------------------------------------------------------

    def batch(self, rows: Sequence[Sequence[int]], targets: Sequence[int] | None = None) -> TextBatch:
        """Pieces of texts, without the end, side by side on the network's device."""
        pad = self.pieces.tokenizer.pad_id
        return collate_texts([list(row) for row in rows], targets or [0] * len(rows), pad).to(self.device)

    @torch.no_grad()
    def probabilities(self, rows: Sequence[Sequence[int] | NDArray[np.int64]]) -> NDArray[np.float64]:
        """(B, K), of texts of these pieces, without the end; those of about one length are read side by side."""
        found = np.zeros((len(rows), len(self.classes)))
        for places in ordered_batches([len(row) for row in rows], PIECES_AT_ONCE):
            batch = self.batch([rows[place] for place in places])
            logits = self.network(batch.ids, batch.lengths).double()
            found[places] = softmax(logits).cpu().numpy()
        return found

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The probability of each class, (B, K), of texts; errors as ``ids``."""
        return self.probabilities([self.ids(text)[0] for text in texts])

    def ids(self, text: str) -> tuple[list[int], int]:
        """The pieces of a text that are read, without the end, and how many more it has.

        Raises:
            UserError: there is nothing in it that could be read.
        """
        whole = self.pieces.encode(tidied(text))
        self._require_known(text, whole)
        longest = self.options.pieces.longest
        return whole[:longest], max(0, len(whole) - longest)

    def _require_known(self, text: str, ids: list[int]) -> None:
        if not ids:
            if not text.strip():
                raise UserError(_("there is nothing to classify: the text is empty"))
            raise UserError(_("there is nothing to read in {text}").format(text=_short(text)))
        meaning = [piece for piece, number in zip(self.pieces.tokenizer.pieces(ids), ids, strict=True) if piece != "▁"
                   and number != self.pieces.tokenizer.unknown_id]  # fmt: skip
        if not meaning:
            message = _("the run has learned from no text with any of the characters or words of {text}")
            raise UserError(message.format(text=_short(text)))

    def read(self, text: str) -> Reading:
        """The answer to each beginning of a text; errors as ``ids``."""
        ids, left_out = self.ids(text)
        shown = self.shown_pieces(text, ids)
        words, ends = words_of(shown)
        probabilities = self.probabilities([ids[:end] for end in (0, *ends)])
        return Reading(text, self.classes, words, ends, probabilities, shown, left_out)

    def answer(self, text: str) -> Reading:
        """The same for the whole text alone, as if it were one word; errors as ``ids``."""
        ids, left_out = self.ids(text)
        return Reading(text, self.classes, [], [], self.probabilities([ids]), self.shown_pieces(text, ids), left_out)

    def shown_pieces(self, text: str, ids: Sequence[int]) -> list[str]:
        """The pieces of a text as they stand in it; of an unknown one the text's own characters."""
        return self.pieces.tokenizer.cut(self.pieces.separated(tidied(text)))[: len(ids)]

    # Scoring ---------------------------------------------------------------------------------------------------------

    def evaluate(self, part: PartName = "test") -> Evaluation:
        """What the network gives for the texts of a part.

        Raises:
            UserError: there are none.
        """
        store = self.part(part)
        rows = np.arange(len(store))
        return Evaluation(self.classes, store.texts(rows), store.targets, self.probabilities(store.rows(rows)))

    def part(self, part: PartName) -> LabelledStore:
        """The texts of a part; UserError where there are none."""
        store = self.texts.parts[part]
        if not len(store):
            raise UserError(_("--part {part}: no texts are held out for it").format(part=part))
        return store

    def labelled(self, part: PartName) -> LabelledTexts:
        """The texts of a part with their classes; errors as ``part``."""
        store = self.part(part)
        return LabelledTexts(store.texts(np.arange(len(store))), store.targets, self.classes)

    def evaluate_own(self, table: Path | None, folder: Path | None, text_column: str, label_column: str) -> Evaluation:
        """The same for a table or a folder of the user's own, one of which is given.

        Raises:
            UserError: it cannot be read, or a class in it was not learned.
        """
        rows = self._known(own_rows(table, folder, text_column, label_column))
        found = distinct_texts(rows, str(table or folder), classes=self.classes)
        cut = [row[: self.options.pieces.longest] for row in self.pieces.encode_all(found.texts)]
        return Evaluation(self.classes, found.texts, found.targets, self.probabilities(cut))

    def _known(self, rows: Iterable[Labelled]) -> Iterable[Labelled]:
        for text, label in rows:
            if label.strip():
                self.class_number(label.strip())
            yield text, label

    def class_number(self, name: str) -> int:
        """The number of a class.

        Raises:
            UserError: it was not learned; the message holds the nearest one.
        """
        if name in self.classes:
            return self.classes.index(name)
        message = _("the class {name} was not learned; the classes are {classes}")
        message = message.format(name=_short(name), classes=", ".join(self.classes))
        raise UserError(message + did_you_mean(name, self.classes))


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
