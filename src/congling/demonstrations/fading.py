"""Road 6.5: what came long ago fades in a hidden state, and does not in attention."""

from __future__ import annotations

from congling.demonstrations.claim import Claim, Course, Expectation, Metric, Reading, Variant, but
from congling.demonstrations.recall import RecallOptions, RecallTrial
from congling.language import _


def fading_memory() -> Claim:
    """6.5: the same memory, asked for what came near and far."""
    plain = RecallOptions()
    far = plain.distances[-1]
    return Claim(
        name="fading-memory",
        road="6.5",
        title=_("What came long ago fades"),
        statement=_(
            "A recurrent network carries what it read from step to step, and each step multiplies the gradient on its "
            "way back. A letter that came long ago cannot be learned to be kept. Gates (GRU, LSTM) were tried against "
            "it; attention looks back at every place directly."
        ),
        variants=(
            Variant("elman", _("Elman network"), plain),
            Variant("gru", "GRU", but(plain, reader="gru")),
            Variant("lstm", "LSTM", but(plain, reader="lstm")),
            Variant("attention", _("attention"), but(plain, reader="attention")),
        ),
        metrics=(
            Metric("near", _("recalled after {distance} places").format(distance=plain.distances[0]),
                   lambda trial: trial.nearest, False, percent=True),
            Metric("far", _("recalled after {distance} places").format(distance=far),
                   lambda trial: trial.farthest, False, percent=True),
            Metric("arriving", _("gradient from {distance} places back / from 1").format(distance=far),
                   lambda trial: trial.arriving),
        ),
        expectations=(
            Expectation(
                Reading("elman", "near"),
                Reading("elman", "far"),
                _("the Elman network recalls {larger} of the near letters and {smaller} of the far ones"),
                by=0.5,
            ),
            Expectation(
                Reading("attention", "far"),
                Reading("elman", "far"),
                _("attention recalls {larger} of the far ones"),
                by=0.5,
            ),
            Expectation(
                Reading("attention", "far"),
                Reading("gru", "far"),
                _("the GRU {smaller}"),
                by=0.5,
            ),
            Expectation(
                Reading("lstm", "arriving"),
                Reading("elman", "arriving"),
                _("{distance} times as much of the gradient arrives from there in the LSTM as in the Elman network"),
                times=3,
            ),
            Expectation(
                Reading("attention", "arriving"),
                Reading("lstm", "arriving"),
                _("and in attention {distance} times as much as in the LSTM"),
                times=3,
            ),
        ),
        courses=(
            Course(_("Recalled, by how far back the letter came"), _("places before the question"),
                   _("unseen sequences right"), _recalled_by_distance, False, percent=True),
            Course(_("The gradient that arrives, before anything was learned"), _("places before the question"),
                   _("part of the gradient one place before"), _gradient_by_distance),
        ),
        remark=_(
            "All have about as many parameters, and each distance is a training of its own. By chance one of eight "
            "letters is right. Untrained, a GRU's gate lets half of its state go at each step, so that even less "
            "arrives than in the Elman network, whose matrix begins orthogonal here (it keeps lengths); an LSTM's "
            "forget gate begins nearly open."
        ),
    )  # fmt: skip


def _recalled_by_distance(trial: RecallTrial) -> dict[str, tuple[list[float], list[float]]]:
    return {"": (list(map(float, trial.options.distances)), list(trial.recalled))}


def _gradient_by_distance(trial: RecallTrial) -> dict[str, tuple[list[float], list[float]]]:
    return {"": (list(map(float, range(1, len(trial.gradients) + 1))), list(trial.gradients))}
