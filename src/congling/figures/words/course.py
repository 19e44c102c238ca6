"""The space through training, frame by frame, turned so that only learning moves it.

word2vec's loss does not change when all vectors turn together, so two frames may differ by a rotation that means
nothing. Each frame is therefore turned onto the next by the rotation that brings them closest, from the last one back,
and all are drawn in the principal components of the last.

n words · D numbers a word · T frames
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from congling.figures.words.projection import principal_components

Array = NDArray[np.float32]
WORDS = 3_000  # most frequent ones, at every step


@dataclass(frozen=True)
class Course:
    """Where the words were after each step.

    Attributes:
        steps: T.
        places: (T, n, 3).
    """

    steps: list[int]
    places: Array


def procrustes(moved: Array, fixed: Array) -> Array:
    """The rotation or reflection R (D, D) for which ‖moved · R − fixed‖ is least: R = U Vᵀ, U S Vᵀ = movedᵀ · fixed.

    Schönemann 1966, "A generalized solution of the orthogonal Procrustes problem". Both are (n, D).
    """
    left, _sizes, right = np.linalg.svd(moved.T.astype(np.float64) @ fixed.astype(np.float64))
    return np.asarray(left @ right, moved.dtype)


def aligned(frames: Sequence[Array]) -> list[Array]:
    """Each frame (n, D) about its mean, and turned onto the next; the last stays as it is."""
    centred = [frame - frame.mean(axis=0) for frame in frames]
    for place in range(len(frames) - 2, -1, -1):
        centred[place] = centred[place] @ procrustes(centred[place], centred[place + 1])
    return centred


def course_of(steps: Sequence[int], frames: Sequence[Array]) -> Course:
    """Lay out the frames (n, D) of these steps, each with the same words in the same order."""
    turned = aligned([frame.astype(np.float32) for frame in frames])
    components = principal_components(turned[-1], 3)
    places = np.zeros((len(turned), len(turned[-1]), 3), np.float32)
    for place, frame in enumerate(turned):
        found = components.project(frame)
        places[place, :, : found.shape[1]] = found
    return Course(list(steps), places)
