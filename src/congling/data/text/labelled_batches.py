"""Labelled texts as pieces on the disk, and batches of them: texts of about one length side by side.

N texts of the store · B texts of a batch · T longest text of the batch, end included · K classes
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from congling.data.going_on import require_same_origin
from congling.data.text.labelled_texts import LabelledTexts
from congling.data.text.pair_batches import IdRows, Rows, padded
from congling.data.text.piece_cutter import PieceCutter
from congling.data.text.token_store import CHUNK, TokenStore, TokenStoreWriter
from congling.errors import UserError
from congling.language import _

BLUR = 0.1  # part of its length by which a text may stand elsewhere, so that it meets others in every epoch


@dataclass(frozen=True)
class TextBatch:
    """Texts side by side, ready for a network.

    Attributes:
        ids: (B, T) int64, each row ends with ``</s>``, then pads.
        lengths: (B,) int64, with the end.
        targets: (B,) int64, the classes' numbers.
    """

    ids: Tensor
    lengths: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device) -> TextBatch:
        """The same texts on a device."""
        if self.ids.device == device:
            return self
        return TextBatch(self.ids.to(device), self.lengths.to(device), self.targets.to(device))


def collate_texts(rows: IdRows, targets: Sequence[int] | NDArray[Any], pad: int) -> TextBatch:
    """Puts rows of ids, which have no end yet, into one batch."""
    ids, lengths = padded(rows, pad)
    return TextBatch(torch.from_numpy(ids), torch.from_numpy(lengths), torch.as_tensor(np.asarray(targets, np.int64)))


# On the disk ---------------------------------------------------------------------------------------------------------


class LabelledStore:
    """Texts as pieces, with their classes: a token store whose targets are the numbers of the classes.

    Attributes:
        lengths: (N,) pieces of each text, without the end.
        targets: (N,) int64.
    """

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self.lengths = store.source_lengths
        _ids, targets = store.rows(np.arange(len(store)))
        self.targets: NDArray[np.int64] = np.concatenate([*targets, np.zeros(0)]).astype(np.int64)

    @classmethod
    def open(cls, path: Path) -> LabelledStore:
        """Maps the file into memory. Raises UserError when it is missing, cut off or no store."""
        return cls(TokenStore.open(path))

    def __len__(self) -> int:
        return len(self._store)

    def rows(self, indices: ArrayLike) -> list[NDArray[Any]]:
        """The pieces of these texts, without the end: views of the file, not to be written to."""
        return self._store.rows(indices)[0]

    def texts(self, indices: ArrayLike) -> list[str]:
        """These texts, whole."""
        return self._store.texts(indices)[0]


def write_labelled_store(path: Path, texts: LabelledTexts, pieces: PieceCutter, longest: int) -> int:
    """Writes the pieces of all texts; gives how many texts were longer and had to be cut off.

    Args:
        longest: pieces of a text at most, the end not counted: the first ones are kept.

    Raises:
        UserError: the disk is full, or the folder cannot be written to.
    """
    cut = 0
    largest = max(pieces.tokenizer.size, len(texts.classes))
    with TokenStoreWriter(path, largest_size=largest, keep_text=True) as writer:
        for start in range(0, len(texts), CHUNK):
            some = list(texts.texts[start : start + CHUNK])
            targets = texts.targets[start : start + CHUNK].tolist()
            rows = pieces.encode_all(some)
            cut += sum(len(row) > longest for row in rows)
            names = [texts.classes[target] for target in targets]
            writer.append([row[:longest] for row in rows], [[target] for target in targets], some, names)
    return cut


# Batches -------------------------------------------------------------------------------------------------------------


def plan_texts(lengths: NDArray[Any], batch_size: int, *, seed: int, epoch: int) -> list[Rows]:
    """The rows of each batch of one epoch: every row once, in an order that (seed, epoch) alone decide.

    Texts of about one length come together, so that little is padding; the batches come in random order.
    """
    generator = np.random.default_rng([seed, epoch])
    about = lengths * generator.uniform(1 - BLUR, 1 + BLUR, len(lengths)) + generator.uniform(0, 1, len(lengths))
    order = np.argsort(about, kind="stable").astype(np.int64)
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return [batches[number] for number in generator.permutation(len(batches))]


class LabelledBatches:
    """The endless stream of training batches, epoch after epoch, which goes on from any state that it was in.

    Args:
        store: the texts.
        batch_size: B.
        seed: with the epoch's number, decides the order.
        pad: the id of the pads.

    Attributes:
        epoch: number of whole epochs that were given.
    """

    def __init__(self, store: LabelledStore, *, batch_size: int, seed: int, pad: int) -> None:
        if not len(store):
            raise UserError(_("there are no texts to train on"))
        self.store, self.batch_size, self.seed, self.pad = store, batch_size, seed, pad
        self._start_epoch(0)

    @property
    def epoch_fraction(self) -> float:
        """How much of the current epoch was given, from 0 to (not including) 1."""
        return float(self._position / len(self._plan))

    def __iter__(self) -> Iterator[TextBatch]:
        return self

    def __next__(self) -> TextBatch:
        rows = self._plan[self._position]
        self._position += 1
        if self._position == len(self._plan):
            self._start_epoch(self.epoch + 1)
        return collate_texts(self.store.rows(rows), self.store.targets[rows], self.pad)

    def state(self) -> dict[str, int]:
        """Where the stream is, in plain numbers: the next batch, and what the plan was made from."""
        return {"epoch": self.epoch, "position": self._position, **self._origin()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state: the next batches are those of the stream that gave it.

        Raises:
            UserError: when the stream of the state had other data, another batch size or another seed.
        """
        require_same_origin(state, self._origin())
        self._start_epoch(state["epoch"])
        self._position = state["position"]

    def _origin(self) -> dict[str, int]:
        return {"texts": len(self.store), "batch_size": self.batch_size, "seed": self.seed}

    def _start_epoch(self, epoch: int) -> None:
        self.epoch, self._position = epoch, 0
        self._plan = plan_texts(self.store.lengths, self.batch_size, seed=self.seed, epoch=epoch)
