"""Scores of translations: BLEU and chrF by sacreBLEU, with their signatures, for any number of references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from congling.data.text.languages import primary, words_are_separated
from congling.errors import UsageError, UserError
from congling.language import _

RESAMPLES = 1000


@dataclass(frozen=True)
class Score:
    """One score: its name, its value, sacreBLEU's long form and signature, and half the width of its 95 % interval."""

    name: str
    score: float
    detail: str
    signature: str
    interval: float | None = None


def bleu_tokenizer(language: str) -> str:
    """How sacreBLEU must cut a language into words: Chinese by characters of its own, else as in WMT.

    Scores of unsegmented text under ``13a`` mean nothing. Japanese goes by characters, which needs no dictionary.
    """
    if primary(language) == "zh":
        return "zh"
    return "13a" if words_are_separated(language) else "char"


def bleu(
    outputs: Sequence[str],
    references: Sequence[Sequence[str]],
    language: str,
    *,
    tokenizer: str | None = None,
    lowercase: bool = False,
    confidence: bool = False,
) -> Score:
    """BLEU (Papineni et al. 2002) of the corpus, against all references of each sentence."""
    from sacrebleu.metrics.bleu import BLEU

    chosen = tokenizer or bleu_tokenizer(language)
    check_bleu_tokenizer(chosen)
    return _score(
        "BLEU", BLEU(lowercase=lowercase, tokenize=chosen, force=tokenizer is not None), outputs, references, confidence
    )


def check_bleu_tokenizer(name: str) -> None:
    """Refuse a way to cut words that sacreBLEU does not know, or that lacks something here.

    Raises:
        UserError: saying which ones there are, or what is to be installed.
    """
    from sacrebleu.metrics.bleu import BLEU

    if name not in BLEU.TOKENIZERS:
        raise UsageError(
            _("--bleu-tokenizer {name} is not one of {names}").format(name=name, names=", ".join(BLEU.TOKENIZERS))
        )
    try:
        BLEU(tokenize=name)
    except (RuntimeError, ImportError, OSError) as error:  # a package is missing, or a model cannot be fetched
        reason = " ".join(str(error).split())
        raise UserError(
            _("--bleu-tokenizer {name} is not to be had here: {reason}").format(name=name, reason=reason)
        ) from error


def chrf(outputs: Sequence[str], references: Sequence[Sequence[str]], *, confidence: bool = False) -> Score:
    """chrF2 (Popović 2015) of the corpus: overlap of character sequences; needs no words."""
    from sacrebleu.metrics.chrf import CHRF

    return _score("chrF2", CHRF(), outputs, references, confidence)


def _score(
    name: str, metric: object, outputs: Sequence[str], references: Sequence[Sequence[str]], confidence: bool
) -> Score:
    if len(outputs) != len(references):
        raise UserError(
            _("{outputs} translations cannot be scored against {references} references").format(
                outputs=len(outputs), references=len(references)
            )
        )
    if not outputs:
        raise UserError(_("there is nothing to score: no sentences"))
    found = metric.corpus_score(  # type: ignore[attr-defined]
        list(outputs), _streams(references), n_bootstrap=RESAMPLES if confidence else 1
    )
    interval = float(found._ci) if confidence else None
    signature = metric.get_signature()  # type: ignore[attr-defined]
    return Score(name, float(found.score), str(found), str(signature), interval)


def _streams(references: Sequence[Sequence[str]]) -> list[list[str | None]]:
    """sacreBLEU's form: the first references of all sentences, then the second ones …, None where there is none."""
    most = max(map(len, references))
    return [[each[rank] if rank < len(each) else None for each in references] for rank in range(most)]
