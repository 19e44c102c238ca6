"""Sentences of an English MediaWiki dump (XML, plain or bz2): what a reader reads, without the markup around it.

Markup is taken away from the inside out, by patterns: templates, tables, references, files and lists of links go, the
text of links and emphasis stays. It is no parser of wikitext; where a page's markup is broken, its line is left out.
"""

from __future__ import annotations

import bz2
import html
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from congling.data.text.lines import require_file
from congling.errors import UserError
from congling.language import _

ARTICLES = "0"  # the name space of a page that is an article

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ALONE = re.compile(r"<ref\b[^<>]*/>", re.IGNORECASE)
_WITH_CONTENT = re.compile(
    r"<(ref|math|gallery|timeline|imagemap|code|source|syntaxhighlight|pre|score|table|chem)\b[^<>]*>.*?</\1\s*>",
    re.DOTALL | re.IGNORECASE,
)
_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}")  # the innermost; parameters {{{…}}} are templates with a brace around
_TABLE = re.compile(r"\{\|(?:(?!\{\||\|\}).)*\|\}", re.DOTALL)
_WEB_LINK = re.compile(r"\[(?:https?|ftp)://[^\s\]]+ ?([^\[\]]*)\]")
_LINK = re.compile(r"\[\[([^\[\]]*)\]\]")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_EMPHASIS = re.compile(r"'{2,}")
_SWITCH = re.compile(r"__[A-Z]+__")
_HEADING = re.compile(r"(={2,6})\s*(.*?)\s*\1\s*")
_LIST_MARK = re.compile(r"^\s*[*#:;]+\s*")
_EMPTY_BRACKETS = re.compile(r"\(\s*[,;:]?\s*\)")
_SENTENCE_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][\"')\]]))\s+(?=[\"'(]*[A-Z0-9])")
_NO_TEXT = {
    "references",
    "external links",
    "see also",
    "further reading",
    "notes",
    "sources",
    "bibliography",
    "footnotes",
}
_NO_LINKS = {"file", "image", "category", "media", "template", "wikipedia", "wikt", "special"}
_BROKEN = ("{{", "}}", "{|", "|}", "[[", "]]")


def read_wikipedia(path: Path) -> Iterator[str]:
    """The sentences of all articles of a dump, in order, one at a time; redirections are passed over.

    Raises:
        UserError: the file is missing, or no dump, or cut off.
    """
    require_file(path)
    try:
        with _open(path) as file:
            for text in _articles(file):
                yield from article_sentences(text)
    except (ElementTree.ParseError, EOFError, OSError) as error:
        raise UserError(_("{path} is no whole MediaWiki dump: {reason}").format(path=path, reason=error)) from None


def article_sentences(text: str) -> Iterator[str]:
    """The sentences of an article's wikitext; headings, and sections that are lists of sources, are left out."""
    skipped = 0  # the level of the heading whose section is left out
    for line in _without_markup(text).split("\n"):
        heading = _HEADING.fullmatch(line.strip())
        if heading is not None:
            level = len(heading[1])
            if not skipped or level <= skipped:
                skipped = level if heading[2].casefold() in _NO_TEXT else 0
        elif not skipped and not line.lstrip().startswith(("|", "!")) and not any(mark in line for mark in _BROKEN):
            yield from _sentences(line)


def _sentences(line: str) -> Iterator[str]:
    clean = " ".join(_EMPTY_BRACKETS.sub("", html.unescape(_LIST_MARK.sub("", line))).split())
    for sentence in _SENTENCE_END.split(clean):
        if " " in sentence:
            yield sentence


def _articles(file: BinaryIO) -> Iterator[str]:
    """The wikitext of each article; a page is forgotten when it was read."""
    page: dict[str, str] = {}
    for event, element in ElementTree.iterparse(file, ("start", "end")):
        tag = element.tag.rpartition("}")[2]
        if event == "start" and tag == "page":
            page = {}
        elif event == "end" and tag in ("ns", "redirect", "text"):
            page[tag] = element.text or ""
        elif event == "end" and tag == "page":
            if page.get("ns", ARTICLES) == ARTICLES and "redirect" not in page:
                yield page.get("text", "")
            element.clear()


def _without_markup(text: str) -> str:
    for pattern in (_COMMENT, _ALONE, _WITH_CONTENT):
        text = pattern.sub(" ", text)
    text = _inside_out(_TEMPLATE, "", text)
    text = _inside_out(_TABLE, "\n", text)
    text = _WEB_LINK.sub(r"\1", text)
    text = _inside_out(_LINK, _text_of_link, text)
    for pattern in (_TAG, _EMPHASIS, _SWITCH):
        text = pattern.sub("" if pattern is _EMPHASIS else " ", text)
    return text


def _inside_out(pattern: re.Pattern[str], replacement: object, text: str) -> str:
    """Replace until nothing is left to replace: what was around it is then the innermost."""
    count = 1
    while count:
        text, count = pattern.subn(replacement, text)  # type: ignore[call-overload]
    return text


def _text_of_link(link: re.Match[str]) -> str:
    target, _bar, text = link[1].partition("|")
    space = target.strip().partition(":")[0].casefold() if ":" in target else ""
    if space in _NO_LINKS:
        return ""
    return (text.rpartition("|")[2] or target).strip(":")


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, bz2.open(path, "rb")) if path.suffix == ".bz2" else path.open("rb")
