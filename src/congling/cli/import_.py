"""``congling import FILE``: a run of word vectors that word2vec, gensim or GloVe wrote."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from congling.cli.options import parse
from congling.cli.training import say, suggest
from congling.errors import UsageError
from congling.language import _
from congling.learning.options import require_at_least
from congling.nearest import did_you_mean

if TYPE_CHECKING:
    from congling.interchange.word_table import WordTable

PROG = "congling import"
ENCODINGS = ("utf-8", "gb18030", "big5", "latin-1")  # to be meant by whoever misspelled one


@dataclass
class Options:
    """Importing"""

    file: tyro.conf.Positional[Path]
    """The file of word vectors; gunzipped if its name ends in .gz."""
    format: Literal["auto", "word2vec-text", "word2vec-binary", "glove"] = "auto"
    """The file's format; auto looks at its first bytes. GloVe's files, and other texts without a first line of two
    numbers, are glove."""
    run: Path | None = None
    """Folder of the new run; by default runs/word-embedding-FILE, with a number if that is taken."""
    limit: int | None = None
    """Take only so many words: the first, which are the most frequent as a rule."""
    counts: Path | None = None
    """How often each word occurs: lines of a word and its count; by default FILE.vocab, if it is there."""
    encoding: str = "utf-8"
    """Of the words in the file, such as gb18030."""
    errors: Literal["replace", "ignore", "strict"] = "replace"
    """What becomes of bytes that are no letter of this encoding: replaced by �, left out, or an error. word2vec's own
    program cuts long words in mid-character."""


def main(arguments: list[str]) -> int:
    """Import; the new run's folder goes to stdout."""
    options = parse(Options, arguments, PROG, _("Make a run of word vectors that another program has trained."))
    require_at_least(("--limit", options.limit, 1))
    _require_encoding(options.encoding)
    table = _read(options)
    for remark in table.remarks:
        say(remark)
    from congling.data.text.vocabulary import Vocabulary
    from congling.tasks.word_embedding.stored_run import import_run

    run = import_run(options.run, Vocabulary(table.words, table.counts), table.vectors, options.file)
    words, width = table.vectors.shape
    say(_("{words} words, {width} numbers each").format(words=f"{words:,}", width=width))
    suggest(_("to look at them: {command}"), "inspect", str(run.path), "--html", "words.html")
    print(run.path)
    return 0


def _read(options: Options) -> WordTable:
    from congling.cli.word_embedding.counting import Counting
    from congling.interchange.word2vec import counts_beside, format_of, read_word2vec
    from congling.interchange.word_table import usable

    found = format_of(options.file) if options.format == "auto" else options.format
    beside = counts_beside(options.file)
    table = read_word2vec(
        options.file,
        binary=found == "word2vec-binary",
        no_header=found == "glove",
        limit=options.limit,
        encoding=options.encoding,
        errors=options.errors,
        counts_path=options.counts or (beside if beside.is_file() else None),
        report=Counting(_("{done} of {total} words read"), say),
    )
    return usable(table, options.file)


def _require_encoding(name: str) -> None:
    try:
        codecs.lookup(name)
    except LookupError:
        message = _("--encoding: there is no encoding {name}").format(name=name)
        raise UsageError(message + did_you_mean(name, list(ENCODINGS))) from None
