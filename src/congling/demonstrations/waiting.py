"""Road 6.5: each step of a recurrent network waits for the one before; attention learns from all places at once."""

from __future__ import annotations

from congling.demonstrations.claim import Claim, Course, Expectation, Metric, Reading, Variant, but
from congling.demonstrations.waiting_time import WaitingOptions, WaitingTrial
from congling.language import _


def each_step_waits() -> Claim:
    """6.5: the time that a sentence takes, by its length."""
    plain = WaitingOptions()
    long = plain.lengths[-1]
    return Claim(
        name="each-step-waits",
        road="6.5",
        title=_("Each step waits for the one before"),
        statement=_(
            "A recurrent network reads a sentence piece by piece, and no step can begin before the last one has ended. "
            "The Transformer learns from all places of a sentence at once; but it writes piece by piece as well."
        ),
        variants=(
            Variant("rnn", _("recurrent"), plain),
            Variant("rnn-attention", _("recurrent with attention"), but(plain, network="rnn-attention")),
            Variant("transformer", "Transformer", but(plain, network="transformer")),
        ),
        metrics=(
            Metric("learning", _("seconds to learn from {length} pieces").format(length=long), _longest_learned),
            Metric("translating", _("seconds to translate {length} pieces").format(length=long), _longest_translated),
            Metric("growth", _("learning: {length} pieces / {few}").format(length=long, few=plain.lengths[0]), _growth),
        ),
        expectations=(
            Expectation(
                Reading("rnn", "learning"),
                Reading("transformer", "learning"),
                _("learning from the long sentence takes a recurrent network {distance} times the Transformer's time"),
                times=1.5,
            ),
            Expectation(
                Reading("rnn-attention", "learning"),
                Reading("transformer", "learning"),
                _("and with attention {distance} times"),
                times=2,
            ),
            Expectation(
                Reading("rnn", "growth"),
                Reading("transformer", "growth"),
                _("from the short to the long sentence it grows {larger} times, in the Transformer {smaller} times"),
                times=1.5,
            ),
            Expectation(
                Reading("transformer", "translating"),
                Reading("transformer", "learning"),
                _("but to write the long sentence takes the Transformer {distance} times as long as to learn from it"),
                times=2,
            ),
        ),
        courses=(
            Course(
                _("Seconds for one sentence: learning (solid), translating (dotted)"), _("pieces"), _("seconds"),
                _by_length,
            ),
        ),
        remark=_(
            "All have about as many parameters. One sentence at a time and one thread, in processor time: with many "
            "sentences in a batch a recurrent network fills its waiting with the others."
        ),
    )  # fmt: skip


def _longest_learned(trial: WaitingTrial) -> float:
    return trial.learning[-1]


def _longest_translated(trial: WaitingTrial) -> float:
    return trial.translating[-1]


def _growth(trial: WaitingTrial) -> float:
    return trial.learning[-1] / trial.learning[0]


def _by_length(trial: WaitingTrial) -> dict[str, tuple[list[float], list[float]]]:
    lengths = list(map(float, trial.options.lengths))
    return {"": (lengths, list(trial.learning)), "translating": (lengths, list(trial.translating))}
