"""What came of a claim: every reading of every seed, and what they say."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from congling.demonstrations.claim import Claim, Curve, Metric, Options, Reading, Variant, Verdict
from congling.demonstrations.command import command
from congling.demonstrations.words import number, spread
from congling.language import _


@dataclass(frozen=True)
class Outcome:
    """A claim that was tried.

    Attributes:
        values: one number a seed, in the order of ``seeds``; infinite where that training diverged.
        options: of each variant, as it was run: with the learning rate that was chosen for it, if one was.
        curves: the lines of the figure.
        seconds: how long it all took.
    """

    claim: Claim
    seeds: tuple[int, ...]
    values: Mapping[Reading, tuple[float, ...]]
    options: Mapping[str, Options]
    curves: tuple[Curve, ...]
    seconds: float

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What became of each expectation."""
        return self.claim.judge(self.values)

    @property
    def held(self) -> bool:
        """Whether every expectation held."""
        return all(verdict.held for verdict in self.verdicts)

    @property
    def sentence(self) -> str:
        """What was seen, in one plain sentence, whichever way it went."""
        seen = _("; ").join(self._phrase(verdict) for verdict in self.verdicts)
        if self.held:
            return _("As the story tells it: {seen}.").format(seen=seen)
        return _("Not as the story tells it: {seen}.").format(seen=seen)

    @property
    def commands(self) -> dict[str, str]:
        """By label, the command that repeats a variant with the first seed; none where no option says how."""
        first = self.seeds[0]
        repeatable = (each for each in self.claim.variants if each.repeatable)
        return {each.label: command(self.options[each.name], first) for each in repeatable}

    def label(self, variant: Variant) -> str:
        """The variant's label, with the learning rate that was chosen for it."""
        if not variant.rates:
            return variant.label
        rate = self.options[variant.name].training.learning_rate
        assert rate is not None  # one of the variant's
        return _("{variant} (rate {rate})").format(variant=variant.label, rate=number(rate))

    def table(self) -> list[list[str]]:
        """A row for each variant with mean ± standard deviation of each metric; the first row is the heading."""
        rows = [["", *(metric.title for metric in self.claim.metrics)]]
        for variant in self.claim.variants:
            rows.append(
                [
                    self.label(variant),
                    *(spread(self._values(variant, each), each.percent) for each in self.claim.metrics),
                ]
            )
        return rows

    def margins(self) -> list[str]:
        """For each expectation what was asked and what came, a line each."""
        return [self._margin(verdict) for verdict in self.verdicts]

    def judgements(self) -> list[list[str]]:
        """A row for each expectation: what was compared, margin asked, margin seen, seeds that agree, held or not."""
        return [
            [
                self._phrase(verdict),
                *self._numbers(verdict),
                _("{right} of {seeds}").format(right=verdict.right, seeds=len(self.seeds)),
                _("yes") if verdict.held else _("no"),
            ]
            for verdict in self.verdicts
        ]

    def to_json(self) -> dict[str, Any]:
        """Everything for a program to read; a number that is not finite is null."""
        claim = self.claim
        return {
            "claim": claim.name,
            "road": claim.road,
            "title": claim.title,
            "statement": claim.statement,
            "held": self.held,
            "sentence": self.sentence,
            "seeds": list(self.seeds),
            "seconds": round(self.seconds, 3),
            "variants": [self._variant_json(variant) for variant in claim.variants],
            "expectations": [_verdict_json(verdict) for verdict in self.verdicts],
        }

    def _variant_json(self, variant: Variant) -> dict[str, Any]:
        return {
            "name": variant.name,
            "label": self.label(variant),
            "command": self.commands.get(variant.label),
            "values": {each.name: _finite(self._values(variant, each)) for each in self.claim.metrics},
        }

    def _values(self, variant: Variant, metric: Metric) -> tuple[float, ...]:
        return self.values[Reading(variant.name, metric.name)]

    def _phrase(self, verdict: Verdict) -> str:
        expectation = verdict.expectation
        return expectation.phrase.format(
            distance=self._numbers(verdict)[1],
            larger=self._median(expectation.larger),
            smaller=self._median(expectation.smaller),
        )

    def _margin(self, verdict: Verdict) -> str:
        margin, distance = self._numbers(verdict)
        text = (
            _("asked: at least {margin} times; seen: {distance} times (median), {right} of {seeds} seeds go this way")
            if verdict.expectation.times is not None
            else _(
                "asked: at least {margin} more; seen: {distance} more (median), {right} of {seeds} seeds go this way"
            )
        )
        return text.format(margin=margin, distance=distance, right=verdict.right, seeds=len(self.seeds))

    def _numbers(self, verdict: Verdict) -> tuple[str, str]:
        """The margin asked and the distance seen."""
        expectation = verdict.expectation
        percent = expectation.times is None and self.claim.metric(expectation.larger.metric).percent
        asked, seen = ((100 * each if percent else each) for each in (expectation.margin, verdict.distance))
        unit = _("{number} percentage points") if percent else "{number}"
        return unit.format(number=number(asked)), unit.format(number=number(seen))

    def _median(self, reading: Reading) -> str:
        return number(statistics.median(self.values[reading]), self.claim.metric(reading.metric).percent)


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    expectation = verdict.expectation
    return {
        "larger": vars(expectation.larger),
        "smaller": vars(expectation.smaller),
        "kind": "ratio" if expectation.times is not None else "difference",
        "margin": expectation.margin,
        "distances": _finite(verdict.distances),
        "right": verdict.right,
        "held": verdict.held,
    }


def _finite(values: Sequence[float]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values]
