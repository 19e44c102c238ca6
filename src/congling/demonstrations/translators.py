"""Road 6.4 and 6.5: the same sentence pairs learned by three kinds of network in the same minutes."""

from __future__ import annotations

from congling.demonstrations.claim import Claim, Course, Expectation, Metric, Reading, Variant, but
from congling.demonstrations.translation_trial import LONGEST, TranslationTrial
from congling.language import _
from congling.tasks.translation.options import TranslationOptions

MINUTES = 3.0  # of each training


def translators() -> Claim:
    """6.5: what attention, and nothing but attention, is worth to a translator."""
    plain = but(TranslationOptions(), network="rnn", minutes=MINUTES)
    return Claim(
        name="translators",
        road="6.5",
        title=_("The same translations, learned by three networks"),
        statement=_(
            "A recurrent network must carry a whole sentence in one state before it writes the first word. With "
            "attention it looks back at every word as it writes; the Transformer does nothing else, and need not wait."
        ),
        variants=(
            Variant("rnn", _("recurrent"), plain),
            Variant("rnn-attention", _("recurrent with attention"), but(plain, attention=True)),
            Variant("transformer", "Transformer", but(plain, network="transformer")),
        ),
        metrics=(
            Metric("score", _("BLEU, unseen sentences"), _score, False),
            Metric("long", _("BLEU, those of more than {length} pieces").format(length=LONGEST[-1]), _of_long, False),
        ),
        expectations=(
            Expectation(
                Reading("rnn-attention", "score"),
                Reading("rnn", "score"),
                _("attention is worth {distance} BLEU to the recurrent network ({larger} against {smaller})"),
                by=2,
            ),
            Expectation(
                Reading("rnn-attention", "long"),
                Reading("rnn", "long"),
                _("on long sentences {distance} ({larger} against {smaller})"),
                by=2,
            ),
            Expectation(
                Reading("transformer", "score"),
                Reading("rnn-attention", "score"),
                _("in the same minutes the Transformer reaches {larger}, recurrence with attention {smaller}"),
                by=1,
            ),
        ),
        courses=(
            Course(
                _("BLEU of greedy translations while it learns"), _("minutes"), _("BLEU, validation sentences"),
                _over_time, False,
            ),
            Course(_("BLEU by the length of the sentence"), _("pieces of the source"), _("BLEU"), _by_length, False),
        ),
        remark=_(
            "How far each comes in its minutes depends on the machine too; --minutes gives them more. BLEU of short "
            "sentences and of long ones cannot be compared with one another, only network with network."
        ),
        seeds=(1,),
        more_seeds=(1, 2, 3),
    )  # fmt: skip


def _score(trial: TranslationTrial) -> float:
    return trial.score


def _of_long(trial: TranslationTrial) -> float:
    return trial.score_of_long


def _over_time(trial: TranslationTrial) -> dict[str, tuple[list[float], list[float]]]:
    return {"": (list(trial.minutes), list(trial.scores))}


def _by_length(trial: TranslationTrial) -> dict[str, tuple[list[float], list[float]]]:
    return {"": trial.by_length}
