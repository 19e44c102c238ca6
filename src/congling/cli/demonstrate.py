"""``congling demonstrate [CLAIM]``: a claim about training, tried now, with one thing different and several seeds."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from congling.cli.options import parse
from congling.cli.table import print_table
from congling.cli.training import say
from congling.errors import UsageError
from congling.language import _
from congling.learning.options import require_above_zero, require_at_least, require_at_most

if TYPE_CHECKING:
    from congling.demonstrations.claim import Claim
    from congling.demonstrations.outcome import Outcome
    from congling.demonstrations.showing import Showing

PROG = "congling demonstrate"
FEWEST_SEEDS = 2  # one alone has no spread
MOST_SEEDS = 1000


@dataclass
class Options:
    """Trying"""

    claim: tyro.conf.Positional[str] = ""
    """The claim to try; without one, all are listed."""
    full: bool = False
    """Try it with more seeds, which takes longer and says more."""
    seeds: int | None = None
    """Try it with so many seeds."""
    minutes: float | None = None
    """How long each training may take, for claims whose trainings take minutes."""
    image: Path | None = None
    """The picture that a showing such as known-kernels works on; by default one that is drawn in code."""
    data: Literal["letters", "mnist-5k"] = "letters"
    """What a claim about seeing learns from: letters that the program draws, or digits that people wrote (fetched
    once)."""
    html: Path | None = None
    """Write what came of it to this file, as one page to open in any browser, also offline."""
    png: Path | None = None
    """Write the figure as a picture to this file (needs the extra: pip install 'congling[png]')."""
    json: bool = False
    """Print JSON, for a program to read."""

    def check(self) -> None:
        """Refuse options that mean nothing together."""
        if self.full and self.seeds is not None:
            message = _("{first} and {second} exclude each other: give one of them")
            raise UsageError(message.format(first="--full", second="--seeds"))
        require_at_least(("--seeds", self.seeds, FEWEST_SEEDS))
        require_at_most(("--seeds", self.seeds, MOST_SEEDS))
        require_above_zero(("--minutes", self.minutes))
        given = {
            "--full": self.full,
            "--seeds": self.seeds,
            "--minutes": self.minutes,
            "--image": self.image,
            "--data": self.data != "letters",
            "--html": self.html,
            "--png": self.png,
        }
        if not self.claim and (option := next((option for option, value in given.items() if value), None)):
            message = _("{option} needs a claim to try: {prog} lists them")
            raise UsageError(message.format(option=option, prog=PROG))


def main(arguments: list[str]) -> int:
    """Run the verb: 0 whether or not the claim held, for a truth is no failure."""
    description = _("Try a claim about training: the same training twice or more, with one thing different.")
    options = parse(Options, arguments, PROG, description)
    options.check()
    from congling.demonstrations.showings import showing_names

    if options.claim in showing_names():
        _show(options)
    elif options.claim:
        _try(options)
    else:
        _list(options.json)
    return 0


def _list(as_json: bool) -> None:
    from congling.demonstrations.claims import all_claims
    from congling.demonstrations.showings import all_showings

    claims: list[Claim | Showing] = [*all_claims(), *all_showings()]
    if as_json:
        print(_json([{"claim": each.name, "road": each.road, "title": each.title} for each in claims]))
    else:
        print_table([_("claim"), _("road"), _("what it says")], [[each.name, each.road, each.title] for each in claims])
        say(_("To try one: {command}").format(command=f"{PROG} {claims[0].name}"))


def _show(options: Options) -> None:
    """Calculate something that claims nothing about training."""
    from congling.demonstrations.showings import showing_named
    from congling.learning.atomic import write_atomically

    others = {
        "--full": options.full,
        "--seeds": options.seeds,
        "--minutes": options.minutes,
        "--data": options.data != "letters",
    }
    for option, given in others.items():
        if given:
            message = _("{option} is for claims that are tried by training; {name} only calculates")
            raise UsageError(message.format(option=option, name=options.claim))
    showing = showing_named(options.claim)
    shown = showing.show(options.image)
    if options.html is not None:
        write_atomically(options.html, shown.page())
    if options.png is not None:
        shown.save_png(options.png)
    for path in filter(None, (options.html, options.png)):
        say(_("written: {path}").format(path=path))
    if options.json:
        print(_json(shown.to_json()))
    else:
        print(f"{showing.title} ({showing.road})")
        print(showing.statement)
        print()
        print(shown.report())


def _try(options: Options) -> None:
    from congling.demonstrations.claims import claim_named
    from congling.demonstrations.demonstrate import demonstrate
    from congling.demonstrations.showings import showing_names

    claim = claim_named(options.claim)
    if options.image is not None:
        message = _("--image goes with {names}; {claim} has data of its own")
        raise UsageError(message.format(names=", ".join(showing_names()), claim=claim.name))
    if options.data != "letters":
        claim = _on_digits(claim)
    if options.minutes is not None:
        claim = _for_minutes(claim, options.minutes)
    seeds = claim.more_seeds if options.full else claim.seeds
    if options.seeds is not None:
        seeds = tuple(range(1, options.seeds + 1))
    outcome = demonstrate(claim, seeds, say)
    _write(outcome, options)
    if options.json:
        print(_json(outcome.to_json()))
    else:
        _print(outcome)


def _on_digits(claim: Claim) -> Claim:
    from congling.demonstrations.claims import all_claims
    from congling.demonstrations.picture_sources import about_pictures, on_digits

    if not about_pictures(claim):
        message = _("--data goes with {names}; {claim} has data of its own")
        names = ", ".join(each.name for each in all_claims() if about_pictures(each))
        raise UsageError(message.format(names=names, claim=claim.name))
    return on_digits(claim, say)


def _for_minutes(claim: Claim, minutes: float) -> Claim:
    from congling.demonstrations.claim import but

    if any(variant.options.training.minutes is None for variant in claim.variants):
        message = _("--minutes goes with claims whose trainings take minutes, such as translators; not with {claim}")
        raise UsageError(message.format(claim=claim.name))
    variants = tuple(replace(each, options=but(each.options, minutes=minutes)) for each in claim.variants)
    return replace(claim, variants=variants)


def _print(outcome: Outcome) -> None:
    claim = outcome.claim
    print(f"{claim.title} ({claim.road})")
    print(claim.statement)
    print()
    head, *rows = outcome.table()
    print_table(head, rows)
    print()
    print(outcome.sentence)
    for line in outcome.margins():
        print(f"  {line}")
    if claim.remark:
        print(claim.remark)
    if outcome.commands:
        print()
        print(_("To repeat one of them:"))
    for label, command in outcome.commands.items():
        print(f"  {label}: {command}")


def _write(outcome: Outcome, options: Options) -> None:
    """The page and the picture that are asked for; their names are remarks, so that --json stays alone on stdout."""
    if options.html is not None:
        from congling.demonstrations.page import demonstration_page
        from congling.learning.atomic import write_atomically

        write_atomically(options.html, demonstration_page(outcome))
        say(_("written: {path}").format(path=options.html))
    if options.png is not None:
        from congling.demonstrations.figure import figure
        from congling.figures.plots import save_png

        save_png(figure(outcome), options.png)
        say(_("written: {path}").format(path=options.png))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
