"""The kinds of recurrence by name, and their sizes; without PyTorch, so that options can count parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

RecurrentKind = Literal["elman", "gru", "lstm"]

GATES: Mapping[str, int] = {"elman": 1, "gru": 3, "lstm": 4}  # matrices, one below the other
STATES: Mapping[str, int] = {"elman": 1, "gru": 1, "lstm": 2}  # the hidden state, and an LSTM's cell
