"""A tried claim as one offline page: what the story tells, what was seen, how it was judged, and how to repeat it."""

from __future__ import annotations

from congling.demonstrations.figure import figure
from congling.demonstrations.outcome import Outcome
from congling.figures.plots_page import Section, Table, plots_page
from congling.language import _


def demonstration_page(outcome: Outcome) -> str:
    """The page, in the current language."""
    claim = outcome.claim
    head, *rows = outcome.table()
    seen = Section(
        _("What was seen"), f"{outcome.sentence}\n\n{claim.remark}".strip(), (figure(outcome),), Table(head, rows)
    )
    judged = Section(
        _("How it was judged"),
        _(
            "A margin is a ratio or a difference; it is declared beside the variants. These are compared seed by seed: "
            "the claim holds where the median reaches every margin and at least nine of ten seeds go the same way."
        ),
        table=Table([_("compared"), _("margin"), _("seen"), _("seeds"), _("held")], outcome.judgements()),
    )
    sections = [seen, judged]
    if outcome.commands:
        repeat = Table([_("variant"), _("command")], [list(pair) for pair in outcome.commands.items()])
        sections.append(
            Section(
                _("To repeat it"),
                _("What was read off are the last weights, not the best: congling evaluate RUN --checkpoint last."),
                table=repeat,
            )
        )
    facts = [_("road {item}").format(item=claim.road), _("{count} seeds").format(count=len(outcome.seeds))]
    return plots_page(claim.title, sections, introduction=claim.statement, facts=facts)
