"""The record of the benchmarks as Markdown: a table each, and above them the machine, the versions and the date."""

from __future__ import annotations

from collections import Counter
from typing import Any

from benchmark import Figure

BEGIN, END = "<!-- measured by make benchmark: begin -->", "<!-- measured by make benchmark: end -->"
HEADING = """## All benchmarks

Written by `make benchmark`; what each one measures stands at the head of its file in `benchmarks/`."""


def put_between_markers(page: str, text: str) -> str:
    """The page with this text between its two markers; without markers they come at its end, under a heading.

    Raises:
        ValueError: there is one marker without the other, or they stand the wrong way round.
    """
    if BEGIN not in page and END not in page:
        page = f"{page.rstrip()}\n\n{HEADING}\n\n{BEGIN}\n{END}\n"
    before, begun, rest = page.partition(BEGIN)
    _old, ended, after = rest.partition(END)
    if not (begun and ended):
        raise ValueError(f"the page needs both markers, in this order: {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{text.strip()}\n{END}{after}"


def tables(record: dict[str, Any]) -> str:
    """All of them. A machine or a date that is not that of most of them stands under its own heading."""
    usual = Counter(circumstances(found) for found in record.values() if "machine" in found).most_common(1)
    common = usual[0][0] if usual else ""
    parts = [common] if common else []
    for name, found in record.items():
        parts.append(f"### {name}")
        if "failed" in found:
            parts.append(f"No figures ({found['date']}): {found['failed']}")
            continue
        if "machine" in found and (said := circumstances(found)) != common:
            parts.append(said)
        parts.append(table([Figure(**each) for each in found.get("figures", [])]))
    return "\n\n".join(part for part in parts if part)


def circumstances(found: dict[str, Any]) -> str:
    """When, on what, with what."""
    machine = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    threads = f"{machine['threads']} thread{'' if machine['threads'] == 1 else 's'}"
    return f"{found['date']}, {machine['processor']}, {threads}, {machine['system']}; {versions}."


def table(figures: list[Figure]) -> str:
    """A row a figure; nothing where there are none."""
    if not figures:
        return ""
    rows = ["| what | measured | bar | |", "| --- | ---: | --- | --- |"]
    for each in figures:
        verdict = {True: ", kept", False: ", **missed**", None: ""}[each.kept()]
        rows.append(f"| {each.what} | {each.value_text()} | {each.bar}{verdict} | {each.note} |".replace("\n", " "))
    return "\n".join(rows)
