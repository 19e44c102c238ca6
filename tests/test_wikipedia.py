"""Sentences of a MediaWiki dump: markup goes, what a reader reads stays."""

from __future__ import annotations

import bz2
from pathlib import Path

import pytest

from congling.data.text.wikipedia import article_sentences, read_wikipedia
from congling.errors import UserError

ARTICLE = """{{Infobox|name={{lang|fr|Chat}}|image=[[File:Cat.jpg]]}}
[[File:Cat.jpg|thumb|A [[cat]], see [http://example.org here].]]
The '''cat''' (''[[Felis catus|house cat]]'') is a [[mammal]]. \
It sleeps 3.5 hours: "often!"<ref name="a">{{cite|x}}</ref> Don't wake it.<ref name="a" />
<!-- a comment
over lines -->
== Life ==
* Eats [[Mouse|mice]] &amp; drinks&nbsp;milk.
: It has {{convert|4|legs}} legs ( ) and <math>x^2 < y</math> whiskers.
{| class="wikitext"
! head {| inner
| cell |}
|-
| lost text here
|}
=== See also ===
* [[Dog is lost]]
=== Fur ===
Fur is warm. [http://example.org The web] says so. [[Category:Mammals of the world]] __NOTOC__
Broken {{template here is left out.
== References ==
Some book, 1998.
==== Deeper ====
Lost too here.
== End ==
The end came late.
"""


def test_an_article_becomes_its_sentences() -> None:
    """Guards: each kind of markup that stays in, takes text with it, or leaves its section out for ever."""
    assert list(article_sentences(ARTICLE)) == [
        "The cat (house cat) is a mammal.",
        'It sleeps 3.5 hours: "often!"',
        "Don't wake it.",
        "Eats mice & drinks milk.",
        "It has legs and whiskers.",
        "Fur is warm.",
        "The web says so.",
        "The end came late.",
    ]


def _dump(pages: str) -> bytes:
    head = '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/">'
    return bz2.compress(f"{head}{pages}</mediawiki>".encode())


def _page(space: int, text: str, more: str = "") -> str:
    return f"<page><title>T</title><ns>{space}</ns>{more}<revision><text>{text}</text></revision></page>"


def test_only_articles_are_read(tmp_path: Path) -> None:
    """Guards: talk pages and redirections among the text, and a page that is remembered for the next one."""
    pages = [_page(0, "One is here."), _page(1, "Talk is here."), _page(0, "#R x y", '<redirect title="X"/>')]
    path = tmp_path / "wiki.xml.bz2"
    path.write_bytes(_dump("".join([*pages, _page(0, "&lt;b&gt;Two&lt;/b&gt; are here.")])))
    assert list(read_wikipedia(path)) == ["One is here.", "Two are here."]


@pytest.mark.parametrize("cut", [-40, 30])
def test_a_dump_that_is_cut_off(tmp_path: Path, cut: int) -> None:
    """Guards: half a text without a word, and a traceback of the XML reader."""
    path = tmp_path / "wiki.xml.bz2"
    path.write_bytes(_dump(_page(0, "One is here. " * 999))[:cut])
    with pytest.raises(UserError, match="is no whole MediaWiki dump"):
        list(read_wikipedia(path))
