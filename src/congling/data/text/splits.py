"""Training, validation and test sets that share no sentence, not even through a third one.

A pair joins its source sentence with its target sentence; the sentences that can be reached from one another form a
component. Whole components are held out. So no sentence of the test set, and no other translation of one, is ever
trained on. Sentences that differ only in case, in width or in the spaces around them count as one.
"""

from __future__ import annotations

import hashlib
import itertools
import unicodedata
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from congling.errors import UserError
from congling.language import _

Pair = tuple[str, str]

TRAIN, VALID, TEST, REPEATED = range(4)
"""Where a pair belongs; ``REPEATED``: it stood in the training set before."""

LARGEST_HELD_OUT = 50  # pairs: in a large corpus "Yes." joins thousands of pairs, and these are for training


@dataclass(frozen=True)
class Example:
    """A sentence to translate and every translation of it that the data hold."""

    source: str
    references: list[str]


@dataclass(frozen=True)
class Parts:
    """Where each pair belongs.

    Attributes:
        part_of: (pairs,) uint8: ``TRAIN``, ``VALID``, ``TEST`` or ``REPEATED``.
        components: how many components the pairs form.
        valid, test: how many components are held out for each.
        note: what had to be changed in the wish, for the user to read; None where nothing.
    """

    part_of: NDArray[np.uint8]
    components: int
    valid: int
    test: int
    note: str | None


def choose_parts(pairs: Iterable[Pair], valid: int, test: int, seed: int) -> Parts:
    """Decide where each pair belongs, in one pass that keeps some forty bytes of a pair and not its text.

    The same pairs and seed give the same parts on every machine. A large corpus is read a second time along
    ``part_of``.

    Args:
        pairs: (source, target).
        valid, test: how many components to hold out for each; at most a tenth of all components is.
        seed: which components.

    Raises:
        UserError: there are fewer than three components.
    """
    sentences, repeated = _read_keys(pairs)
    component_of = _components(sentences)  # (pairs,)
    sizes = np.bincount(component_of)
    order = _drawing_order(component_of, sentences, sizes, seed)
    _require_enough(len(sizes), len(order), valid, test)
    limit = max(1, len(sizes) // 10)
    test_count, valid_count = min(test, limit, len(order)), min(valid, limit, len(order))
    valid_count = min(valid_count, len(order) - test_count)
    part_of_component = np.full(len(sizes), TRAIN, dtype=np.uint8)
    part_of_component[order[:test_count]] = TEST
    part_of_component[order[test_count : test_count + valid_count]] = VALID
    part_of = part_of_component[component_of]
    part_of[repeated & (part_of == TRAIN)] = REPEATED
    note = _note(len(sizes), (valid, valid_count), (test, test_count))
    return Parts(part_of, len(sizes), valid_count, test_count, note)


def examples(pairs: Iterable[Pair]) -> list[Example]:
    """One example for each distinct source sentence, with its distinct translations, in the order of the pairs."""
    found: dict[str, Example] = {}
    for source, target in pairs:
        references = found.setdefault(normalised(source), Example(source, [])).references
        if target not in references:
            references.append(target)
    return list(found.values())


def normalised(sentence: str) -> str:
    """The sentence as it is compared: NFKC, case folded, no spaces around it."""
    return unicodedata.normalize("NFKC", sentence).casefold().strip()


def key_of(side: str, text: str) -> int:
    """64 bits that stand for a text on one side of the corpus, the same in every process."""
    return int.from_bytes(hashlib.blake2b(f"{side}\0{text}".encode(), digest_size=8).digest(), "little")


def occurred_before(keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """For each key whether the same key stands before it."""
    before = np.ones(len(keys), dtype=np.bool_)
    before[np.unique(keys, return_index=True)[1]] = False
    return before


def _read_keys(pairs: Iterable[Pair]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """The keys of both sentences of each pair, (pairs, 2), and whether the very same pair stood before, (pairs,)."""
    rows = (
        (key_of("source", normalised(s)), key_of("target", normalised(t)), key_of("pair", f"{s}\0{t}"))
        for s, t in pairs
    )
    keys = np.frombuffer(array("Q", itertools.chain.from_iterable(rows)), dtype=np.uint64).reshape(-1, 3)
    return keys[:, :2], occurred_before(keys[:, 2])


def _components(sentences: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The component of each pair, numbered from 0 without gaps: union-find over the sentences."""
    distinct, numbers = np.unique(sentences, return_inverse=True)
    edges = numbers.reshape(-1, 2).astype(np.int64)
    firsts, seconds = (array("q", edges[:, side].tobytes()) for side in (0, 1))  # plain integers, eight bytes each
    parent = array("q", range(len(distinct)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]  # halves the way for whoever comes next
            node = parent[node]
        return node

    for one, other in zip(firsts, seconds, strict=True):
        first, second = root(one), root(other)
        parent[max(first, second)] = min(first, second)
    roots = np.fromiter((root(node) for node in firsts), dtype=np.int64, count=len(firsts))
    return np.unique(roots, return_inverse=True)[1].reshape(-1)


def _drawing_order(
    component_of: NDArray[np.int64], sentences: NDArray[np.uint64], sizes: NDArray[np.int64], seed: int
) -> NDArray[np.int64]:
    """The components that may be held out, in the order in which they are drawn.

    The order hangs on the seed and on each component's own sentences: neither the order of the lines nor pairs
    that are added elsewhere change which of two components is drawn first.
    """
    smallest = np.full(len(sizes), np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(smallest, component_of, sentences.min(axis=1))
    ranks = mixed(smallest ^ np.uint64(key_of("seed", str(seed))))
    order: NDArray[np.int64] = np.argsort(ranks, kind="stable")
    return order[sizes[order] <= LARGEST_HELD_OUT]


def mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014): every bit of the input moves every bit of the output."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _require_enough(components: int, drawable: int, valid: int, test: int) -> None:
    sets = (valid > 0) + (test > 0)
    if sets and (components < 3 or drawable < sets):
        raise UserError(
            _(
                "the data fall into {components} groups of sentences that share no sentence; at least 3 are needed to"
                " hold out validation and test sets: give files for these, or more data"
            ).format(components=components)
        )


def _note(components: int, *wished_and_given: tuple[int, int]) -> str | None:
    if all(wished == given for wished, given in wished_and_given):
        return None
    (valid, valid_given), (test, test_given) = wished_and_given
    return _(
        "of {components} groups of sentences, {valid_given} are held out for validation and {test_given} for the test,"
        " not {valid} and {test}: at most a tenth each"
    ).format(components=components, valid_given=valid_given, test_given=test_given, valid=valid, test=test)
