"""From D dimensions to two or three: principal components, t-SNE, and UMAP where it is installed.

V words · D numbers a word · k dimensions to be drawn
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from congling.errors import UserError
from congling.language import _

Array = NDArray[np.float32]
Method = Literal["pca", "tsne", "umap"]
Say = Callable[[str], None]

BEFORE = 50  # principal components that t-SNE and UMAP get: the rest is mostly noise, and distances cost less
ITERATIONS = 400  # of t-SNE; 250 of these with early exaggeration
ANGLE = 0.8  # of Barnes and Hut's approximation: 0.5 looks alike and takes twice as long
PERPLEXITY = 30.0
EPOCHS = 200  # of UMAP, as it takes for large sets; up to 10,000 words it would take 500
WORDS_IN_SPACE = 2_000  # that t-SNE lays out in three dimensions, which takes it about four times as long a word
LEAST = 5  # words, for neighbours to mean something


@dataclass(frozen=True)
class Projection:
    """Where words are drawn.

    Attributes:
        method: how the places were found.
        flat: (V, 2).
        space: (n, 3), of the first n words.
        shares: of the variance that each of the three components keeps, for PCA alone.
    """

    method: Method
    flat: Array
    space: Array
    shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class Components:
    """Principal components: the directions in which the words differ most.

    Attributes:
        mean: (D) of the words.
        basis: (D, k), orthonormal columns.
        shares: (k), of the variance.
    """

    mean: Array
    basis: Array
    shares: Array

    def project(self, vectors: Array) -> Array:
        """(V, k): (x − mean) · basis."""
        return np.asarray((vectors - self.mean) @ self.basis, np.float32)


def principal_components(vectors: Array, count: int) -> Components:
    """The first components of vectors (V, D); as many as there are, if these are fewer.

    Hotelling 1933: eigenvectors of the covariance, largest eigenvalue first. A direction's sign is free: here the
    largest entry of each is positive, so that a page looks the same on every machine.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    centred = vectors - mean
    values, directions = np.linalg.eigh(centred.T @ centred)
    order = np.argsort(-values, kind="stable")[:count]
    basis = directions[:, order]
    basis *= np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(len(order))])
    total = float(values.sum()) or 1.0
    shares = np.clip(values[order], 0, None) / total
    return Components(mean.astype(np.float32), basis.astype(np.float32), shares.astype(np.float32))


def project(vectors: Array, method: Method, seed: int, say: Say) -> Projection:
    """Lay out the words whose vectors (V, D) these are, the most frequent first.

    Args:
        say: told what is being computed.

    Raises:
        UserError: UMAP is not installed.
    """
    if method == "pca" or len(vectors) < LEAST:
        return _by_components(vectors)
    reduce = {"tsne": _tsne, "umap": _umap}[method]
    components = principal_components(vectors, BEFORE)
    before = components.project(vectors)
    name = {"tsne": "t-SNE", "umap": "UMAP"}[method]
    few = before[: WORDS_IN_SPACE if method == "tsne" else None]
    say(_("{method}: {count} words in the plane …").format(method=name, count=f"{len(before):,}"))
    flat = reduce(before, 2, seed)
    say(_("{method}: {count} words in space …").format(method=name, count=f"{len(few):,}"))
    return Projection(method, flat, reduce(few, 3, seed))


def _by_components(vectors: Array) -> Projection:
    components = principal_components(vectors, 3)
    places = np.zeros((len(vectors), 3), np.float32)
    found = components.project(vectors)
    places[:, : found.shape[1]] = found
    return Projection("pca", places[:, :2], places, tuple(components.shares.tolist()))


def _tsne(vectors: Array, dimensions: int, seed: int) -> Array:
    """van der Maaten and Hinton 2008, by scikit-learn; from the principal components, so that far means something."""
    from sklearn.manifold import TSNE

    start = np.zeros((len(vectors), dimensions), np.float32)
    start[:, : vectors.shape[1]] = vectors[:, :dimensions]
    start *= 1e-4 / (float(start[:, 0].std()) or 1.0)
    method: Any = TSNE(
        dimensions,
        perplexity=min(PERPLEXITY, (len(vectors) - 1) / 3),
        max_iter=ITERATIONS,
        init=start,
        angle=ANGLE,
        random_state=seed,
        n_jobs=-1,
    )
    return np.asarray(method.fit_transform(vectors), np.float32)


def _umap(vectors: Array, dimensions: int, seed: int) -> Array:
    """McInnes et al. 2018."""
    try:
        from umap import UMAP
    except ModuleNotFoundError as error:
        raise UserError(_("--projection umap needs umap-learn: pip install 'congling[umap]'")) from error
    neighbours = min(15, len(vectors) - 1)
    method: Any = UMAP(neighbours, n_components=dimensions, n_epochs=EPOCHS, random_state=seed, n_jobs=1)
    return np.asarray(method.fit_transform(vectors), np.float32)
