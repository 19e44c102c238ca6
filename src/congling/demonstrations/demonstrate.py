"""Trying a claim: every variant with every seed, in memory, one thing different, and the readings side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from congling.demonstrations.claim import Claim, Curve, Options, Reading, Variant, but
from congling.demonstrations.outcome import Outcome
from congling.demonstrations.picture_trial import PictureTrial
from congling.demonstrations.recall import RecallOptions, RecallTrial
from congling.demonstrations.translation_trial import TranslationTrial
from congling.demonstrations.trial import Trial
from congling.demonstrations.waiting_time import WaitingOptions, WaitingTrial
from congling.demonstrations.words import number
from congling.language import _
from congling.tasks.image_classification.options import ImageClassificationOptions
from congling.tasks.translation.options import TranslationOptions

AnyTrial = Trial | PictureTrial | TranslationTrial | RecallTrial | WaitingTrial
TUNING_SEED = 0  # not among the measured ones, so that no learning rate is chosen on what it is judged by


def demonstrate(
    claim: Claim, seeds: Sequence[int] | None = None, say: Callable[[str], None] = lambda line: None
) -> Outcome:
    """Run the whole family and read it off.

    Variants with the same seed see the same data and, where their networks have the same shape, begin with the same
    weights: the readings are compared in pairs.
    """
    begun, seeds = time.monotonic(), claim.seeds if seeds is None else seeds
    options = {variant.name: _chosen(claim, variant, say) for variant in claim.variants}
    values: dict[Reading, list[float]] = {}
    curves: list[Curve] = []
    for seed in seeds:
        for variant in claim.variants:
            trial = _trained(variant, options[variant.name], seed)
            for metric in claim.metrics:
                values.setdefault(Reading(variant.name, metric.name), []).append(metric.of(trial))
            for place, course in enumerate(claim.courses):
                curves += [Curve(variant.name, part, *line, place) for part, line in course.of(trial).items()]
            say(_seen(claim, variant, seed, values))
    frozen = {reading: tuple(numbers) for reading, numbers in values.items()}
    return Outcome(claim, tuple(seeds), frozen, options, tuple(curves), time.monotonic() - begun)


def _chosen(claim: Claim, variant: Variant, say: Callable[[str], None]) -> Options:
    """The variant's options, with the best of its learning rates where it names several."""
    if not variant.rates:
        return variant.options
    first = claim.metrics[0]
    candidates: list[Options] = [but(variant.options, learning_rate=rate) for rate in variant.rates]
    readings = [first.of(_trained(variant, each, TUNING_SEED)) for each in candidates]
    best = min(range(len(candidates)), key=readings.__getitem__)
    say(
        _("{variant}: the best of {count} learning rates is {rate}").format(
            variant=variant.label, count=len(candidates), rate=number(variant.rates[best])
        )
    )
    return candidates[best]


def _trained(variant: Variant, options: Options, seed: int) -> AnyTrial:
    match but(options, seed=seed):
        case RecallOptions() as recall:
            return RecallTrial.of(recall)
        case WaitingOptions() as waiting:
            return WaitingTrial.of(waiting)
        case TranslationOptions() as translating:
            return TranslationTrial.of(translating)
        case ImageClassificationOptions() as seeing:
            assert variant.pictures is not None
            return PictureTrial.of(seeing, variant.pictures)
        case fitting:
            return Trial.of(fitting, variant.prepare)


def _seen(claim: Claim, variant: Variant, seed: int, values: Mapping[Reading, Sequence[float]]) -> str:
    readings = (
        f"{metric.title} {number(values[Reading(variant.name, metric.name)][-1], metric.percent)}"
        for metric in claim.metrics
    )
    return _("{variant}, seed {seed}: {readings}").format(
        variant=variant.label, seed=seed, readings=_(", ").join(readings)
    )
