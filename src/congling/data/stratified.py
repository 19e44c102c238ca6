"""A split in which every class has the same share of each part, so that a rare class is tested too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from congling.data.text.splits import TEST, TRAIN, VALID, key_of, mixed
from congling.errors import UserError
from congling.language import _

MOST = 0.2  # of all examples, in each of the two parts that are held out


def stratified_parts(
    names: Sequence[str], targets: NDArray[np.int64], classes: Sequence[str], *, valid: int, test: int, seed: int
) -> NDArray[np.uint8]:
    """Decide for each of N examples where it belongs: ``TRAIN``, ``VALID`` or ``TEST``, (N,).

    Which ones are held out hangs on the seed and on each example's own name: examples that are added elsewhere do not
    change the order in which two of them are drawn.

    Args:
        names: of the examples, each once.
        targets: (N,) numbers of classes.
        classes: their names.
        valid, test: about how many to hold out for each, over all classes; at most a fifth of all, and at least one
            of each class unless it is 0.
        seed: which ones.

    Raises:
        UserError: a class has fewer than three examples.
    """
    parts = np.full(len(targets), TRAIN, np.uint8)
    keys = np.fromiter((key_of("example", name) for name in names), np.uint64, len(names))
    ranks = mixed(keys ^ np.uint64(key_of("seed", str(seed))))
    for number, name in enumerate(classes):
        members = np.flatnonzero(targets == number)
        _require_three(name, len(members))
        drawn = members[np.argsort(ranks[members], kind="stable")]
        tested, validated = (_share(wish, len(targets), len(members)) for wish in (test, valid))
        parts[drawn[:tested]] = TEST
        parts[drawn[tested : tested + validated]] = VALID
    return parts


def _share(wish: int, total: int, members: int) -> int:
    return max(1, round(min(wish / total, MOST) * members)) if wish else 0


def _require_three(name: str, members: int) -> None:
    if members < 3:
        message = _("the class {name} has {members} examples; at least 3 are needed: to train, to validate and to test")
        raise UserError(message.format(name=name, members=members))
