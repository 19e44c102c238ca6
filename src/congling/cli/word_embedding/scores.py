"""How good word vectors are, in words, as tables, and for a program."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from congling.cli.table import print_table
from congling.language import _
from congling.tasks.classification_scores import wilson_interval
from congling.tasks.word_embedding.analogies import AnalogyScores, SectionScores
from congling.tasks.word_embedding.scores import HeldOutScore, Scores
from congling.tasks.word_embedding.word_pairs import PairScores


def print_scores(found: Scores) -> None:
    """A line or a table for each kind, with an empty line between two."""
    begun = False
    for show in _parts(found):
        if begun:
            print()
        show()
        begun = True


def _parts(found: Scores) -> Iterator[Callable[[], None]]:
    held_out = found.held_out
    if held_out is not None:
        yield lambda: print(_held_out_line(held_out))
    if found.pairs:
        yield lambda: _print_pairs(found.pairs)
    for name, scores in found.analogies.items():
        yield partial(_print_analogies, name, scores)


def record(found: Scores) -> dict[str, Any]:
    """Everything, for a program; null where there is nothing to take a mean of."""
    return {
        "held_out": None if found.held_out is None else vars(found.held_out),
        "pairs": [{"name": name, **_pairs_record(scores)} for name, scores in found.pairs.items()],
        "analogies": [
            {"name": name, **_section_record(scores.total), "sections": list(map(_section_record, scores.sections))}
            for name, scores in found.analogies.items()
        ],
    }


def _held_out_line(score: HeldOutScore) -> str:
    message = _("{lines} held-out lines: loss {loss:.4f} nats a prediction; who knows nothing has {guessing:.4f}")
    return message.format(lines=f"{score.lines:,}", loss=score.loss, guessing=score.guessing)


def _print_pairs(pairs: dict[str, PairScores]) -> None:
    heads = [_("pairs"), _("known"), _("Spearman"), _("95 % interval"), _("Pearson")]
    rows = []
    for name, scores in pairs.items():
        low, high = scores.interval
        interval = _("{low} to {high}").format(low=f"{low:.3f}", high=f"{high:.3f}")
        if math.isnan(scores.spearman):
            interval = "–"
        rows.append(
            [name, _known(len(scores), scores.pairs), _shown(scores.spearman), interval, _shown(scores.pearson)]
        )
    print_table(heads, rows)


def _print_analogies(name: str, scores: AnalogyScores) -> None:
    heads = [name, _("known"), _("right"), _("right %"), _("95 % interval")]
    total = [[_("all together"), *_section_cells(scores.total)]]
    print_table(heads, [*([section.name, *_section_cells(section)] for section in scores.sections), *total])


def _section_cells(section: SectionScores) -> list[str]:
    cells = [_known(section.known, section.questions), str(section.right)]
    if not section.known:
        return [*cells, "–", "–"]
    low, high = wilson_interval(section.right, section.known)
    interval = _("{low} to {high}").format(low=f"{100 * low:.1f}", high=f"{100 * high:.1f}")
    return [*cells, f"{100 * section.right / section.known:.1f}", interval]


def _known(known: int, all_of_them: int) -> str:
    return _("{known} of {count}").format(known=known, count=all_of_them)


def _shown(correlation: float) -> str:
    return "–" if math.isnan(correlation) else f"{correlation:.3f}"


def _pairs_record(scores: PairScores) -> dict[str, Any]:
    known = not math.isnan(scores.spearman)
    return {
        "pairs": scores.pairs, "known": len(scores), "coverage": scores.coverage,
        "spearman": scores.spearman if known else None, "interval": list(scores.interval) if known else None,
        "pearson": scores.pearson if known else None, "unknown_words": scores.unknown,
    }  # fmt: skip


def _section_record(section: SectionScores) -> dict[str, Any]:
    interval = list(wilson_interval(section.right, section.known)) if section.known else None
    return {
        "section": section.name, "questions": section.questions, "known": section.known, "right": section.right,
        "accuracy": section.right / section.known if section.known else None, "interval": interval,
    }  # fmt: skip
