"""The two matrices that word2vec learns: how they begin, and whether they are still numbers.

V vocabulary · D width
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from congling.errors import UserError
from congling.language import _
from congling.learning.word2vec.settings import Word2VecSettings

_ROWS = 4096  # that are looked at in one go


def first_vectors(vocabulary: int, settings: Word2VecSettings) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """As ``networks.word2vec`` draws them: words evenly spread between −1 / D and 1 / D, contexts zero.

    Raises:
        UserError: they do not fit into the memory.
    """
    shape = vocabulary, settings.vector_size
    try:
        words = np.random.default_rng(settings.seed).random(shape, dtype=np.float32)
        contexts = np.zeros(shape, np.float32)
    except MemoryError as error:
        message = _("{words} words × {size} numbers need {memory:.1f} GB of memory: take a smaller --vector-size, or "
                    "fewer words")  # fmt: skip
        memory = 8 * vocabulary * settings.vector_size / 1e9
        raise UserError(message.format(words=f"{vocabulary:,}", size=settings.vector_size, memory=memory)) from error
    words -= np.float32(0.5)
    words *= np.float32(2 / settings.vector_size)
    return words, contexts


def all_finite(matrix: NDArray[Any]) -> bool:
    """Whether there is neither an infinity nor NaN in it: by parts, for a mask of the whole needs much memory."""
    return all(bool(np.isfinite(matrix[row : row + _ROWS]).all()) for row in range(0, len(matrix), _ROWS))
