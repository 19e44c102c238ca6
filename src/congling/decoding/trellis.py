"""What the rows of a search have written: every piece once, with the row of the piece before it.

Rows that have begun alike share their beginnings, so that nothing is copied when they part, leave or change places.
"""

from __future__ import annotations

import numpy as np

from congling.decoding.hypotheses import Floats, Whole


class Trellis:
    """Pieces and their log-probabilities, position by position; a row ``at`` the last position is one hypothesis."""

    def __init__(self) -> None:
        self._parents: list[Whole] = []
        self._pieces: list[Whole] = []
        self._values: list[Floats] = []

    @property
    def length(self) -> int:
        """How many positions there are."""
        return len(self._pieces)

    @property
    def newest(self) -> Whole:
        """The pieces at the last position."""
        return self._pieces[-1]

    def grow(self, parents: Whole, pieces: Whole, values: Floats) -> None:
        """One more position: (M,) pieces, their log-probabilities, and the rows of the position before that go on."""
        self._parents.append(parents)
        self._pieces.append(pieces)
        self._values.append(values)

    def prefixes(self, rows: Whole) -> Whole:
        """(N, length) the pieces of these rows of the last position."""
        prefixes = np.empty((len(rows), self.length), np.int64)
        for position in reversed(range(self.length)):
            prefixes[:, position], rows = self._pieces[position][rows], self._parents[position][rows]
        return prefixes

    def path(self, length: int, row: int) -> tuple[list[int], list[float]]:
        """The first ``length`` pieces of the hypothesis that ends with this row, and their log-probabilities."""
        pieces, values = [], []
        for position in reversed(range(length)):
            pieces.append(int(self._pieces[position][row]))
            values.append(float(self._values[position][row]))
            row = int(self._parents[position][row])
        return pieces[::-1], values[::-1]
