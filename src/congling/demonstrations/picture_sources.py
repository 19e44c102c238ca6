"""Where the claims about seeing have their pictures from; nothing is drawn or read before it is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from congling.demonstrations.claim import Claim, but
from congling.language import _

if TYPE_CHECKING:
    from congling.data.pictures.sets import PictureSet

DIGITS = "mnist-5k"
MORE_STEPS = 5  # times as many as with letters: what people write differs more than what a program draws
VALID_DIGITS, TEST_DIGITS = 100, 500


@dataclass(frozen=True)
class LetterPictures:
    """Letters that the program draws: ``each`` of every letter to learn from, in the middle or ``anywhere``."""

    each: int
    anywhere: bool = False

    def __call__(self, seed: int) -> PictureSet:
        """The pictures of a seed."""
        from congling.demonstrations.letter_pictures import letter_pictures

        return letter_pictures(self.each, self.anywhere, seed)


@dataclass(frozen=True)
class DigitPictures:
    """Digits that people wrote, from a file: ``each`` of every digit to learn from, as far as there are so many."""

    each: int
    path: Path

    def __call__(self, seed: int) -> PictureSet:
        """The pictures of a seed."""
        return _digits(self.path, self.each, seed)


def about_pictures(claim: Claim) -> bool:
    """Whether a claim has pictures that others can take the place of."""
    return all(isinstance(variant.pictures, LetterPictures) for variant in claim.variants)


def on_digits(claim: Claim, say: Callable[[str], None]) -> Claim:
    """The same claim about seeing, but tried with digits that people wrote; they are fetched once."""
    from congling.data.sources import find_source
    from congling.tasks.named_data import fetched

    path = fetched(find_source(DIGITS), say) / "mnist_5k.csv.gz"
    variants = []
    for variant in claim.variants:
        assert isinstance(variant.pictures, LetterPictures) and variant.options.training.steps is not None
        options = but(variant.options, steps=MORE_STEPS * variant.options.training.steps)
        variants.append(replace(variant, options=options, pictures=DigitPictures(variant.pictures.each, path)))
    remark = _(
        "The pictures are digits of {name}, with a black edge of one pixel, and training takes {times} times as many "
        "steps as with letters. The margins were set for the letters. What a shift pushes out on one side comes in on "
        "the other: from 6 pixels on, that may be a piece of the digit."
    )
    return replace(claim, variants=tuple(variants), remark=remark.format(name=DIGITS, times=MORE_STEPS))


@cache
def _digits(path: Path, each: int, seed: int) -> PictureSet:
    import numpy as np

    from congling.data.pictures.digits import CLASSES, read_digits
    from congling.data.stratified import stratified_parts
    from congling.data.text.splits import TRAIN
    from congling.demonstrations.pictures_in_memory import in_memory

    digits = list(read_digits(path))
    pixels = np.stack([digit.pixels for digit in digits if digit.pixels is not None])
    pixels = np.pad(pixels, ((0, 0), (0, 0), (1, 1), (1, 1)))  # as large as the letters
    targets = np.array([digit.target for digit in digits], np.int64)
    names = [digit.name for digit in digits]
    part_of = stratified_parts(names, targets, CLASSES, valid=VALID_DIGITS, test=TEST_DIGITS, seed=seed)
    drawn, kept = np.random.default_rng(seed).permutation(len(targets)), part_of != TRAIN
    for number in range(len(CLASSES)):
        kept[drawn[(targets[drawn] == number) & (part_of[drawn] == TRAIN)][:each]] = True
    return in_memory(pixels[kept], targets[kept], part_of[kept], CLASSES)
