"""From what the user has (files of text, or a named data set) to the words as numbers that a run keeps.

The text is read once: each word gets a number when it is first seen, and when all are counted the numbers become ranks.

V vocabulary · N words · S sentences
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from congling.data.sources import find_source
from congling.data.text.splits import key_of, mixed
from congling.data.text.vocabulary import Vocabulary
from congling.data.text.wikipedia import read_wikipedia
from congling.data.text.word_sentences import cut, read_sentences, read_tagged, settled_split
from congling.data.text.word_store import WordStore
from congling.data.text.words import splitter
from congling.errors import UsageError
from congling.language import _
from congling.learning.runs import Run
from congling.tasks.named_data import fetched
from congling.tasks.training import Say
from congling.tasks.word_embedding.options import NAMED, RENMIN, WIKIPEDIA, WordDataOptions, WordEmbeddingOptions
from congling.tasks.word_embedding.stored_run import TRAIN, VALID, VOCABULARY

AS_READ = "data/as-read"
REMARK_SECONDS = 10.0  # between two remarks on how far the reading is
MOST_HELD_OUT = 0.1  # of all lines


@dataclass(frozen=True)
class Text:
    """A text that has not been read yet.

    Attributes:
        sentences: its words, one sentence after the other, each time that it is called.
        remark: how it is split into words, for the user.
    """

    sentences: Callable[[], Iterator[Sequence[str]]]
    remark: str = ""


@dataclass(frozen=True)
class WordData:
    """The words that are learned from, and those that were held out, as numbers alone: a training needs no spelling.

    Attributes:
        counts: (V,) how often each word of the vocabulary occurs in the former.
        train, valid: the sentences as numbers of words.
    """

    counts: NDArray[np.int64]
    train: WordStore
    valid: WordStore


def find(options: WordDataOptions, say: Say) -> Text:
    """Look at what the options name; nothing is written but a fetched data set.

    Raises:
        UserError: there is no such file or data set, a file is empty or not UTF-8, or jieba is needed and missing.
    """
    if options.text:
        return _of_files(options)
    source = find_source(options.data)
    if source.name not in NAMED:
        message = _("{name} holds no text for word vectors; there are: {names}")
        raise UsageError(message.format(name=source.name, names=", ".join(NAMED)))
    folder = fetched(source, say)
    if source.name == RENMIN:
        return Text(lambda: read_tagged(folder / "199801.txt", lower_case=options.lower_case))
    assert source.name == WIKIPEDIA
    words_of = splitter("unicode")

    def sentences() -> Iterator[Sequence[str]]:
        for sentence in read_wikipedia(folder / "articles.xml.bz2"):
            yield from cut(words_of(sentence.lower() if options.lower_case else sentence))

    return Text(sentences)


def _of_files(options: WordDataOptions) -> Text:
    split = settled_split(options.text, options.split)
    ways = {
        "spaces": _("at its spaces"),
        "unicode": _("by the rule for any script"),
        "jieba": _("by jieba's dictionary of Chinese"),
        "characters": _("letter by letter"),
    }
    remark = _("{name} is split into words {how}").format(name=options.name, how=ways[split])
    if options.split == "auto":
        remark += _("; ") + _("--split takes another way")
    return Text(lambda: read_sentences(options.text, split, lower_case=options.lower_case), remark)


def prepare_words(run: Run, options: WordEmbeddingOptions, text: Text, say: Say) -> None:
    """Read the text into the run's folder, and tell what became of it.

    Raises:
        UserError: there are no words, none is frequent enough, a line is not UTF-8, or the disk is full.
    """
    if text.remark:
        say(text.remark)
    data, as_read = options.data, run.file(AS_READ)
    words: dict[str, int] = {}
    store = WordStore.write(as_read, _numbered(_told(text.sentences(), say), words))
    held_out = held_out_sentences(len(store), data.valid_size, options.training.seed)
    vocabulary, number_of = _ranked(store, list(words), held_out, data)
    train = store.renumbered(run.file(TRAIN), number_of, ~held_out)
    valid = store.renumbered(run.file(VALID), number_of, held_out)
    shutil.rmtree(as_read)
    vocabulary.write(run.file(VOCABULARY))  # last: where it is, all is
    say(_found(store, len(words), WordData(vocabulary.counts, train, valid), data.min_count))


def words_in_memory(sentences: Iterable[Sequence[str]], options: WordEmbeddingOptions) -> tuple[Vocabulary, WordData]:
    """The same without a run: nothing is written. Errors as ``prepare_words``."""
    words: dict[str, int] = {}
    store = WordStore.of(_numbered(sentences, words))
    held_out = held_out_sentences(len(store), options.data.valid_size, options.training.seed)
    vocabulary, number_of = _ranked(store, list(words), held_out, options.data)

    def of(chosen: NDArray[np.bool_]) -> WordStore:
        rows = (number_of[store[number]] for number in np.flatnonzero(chosen).tolist())
        return WordStore.of([row[row >= 0] for row in rows])  # type: ignore[misc]

    return vocabulary, WordData(vocabulary.counts, of(~held_out), of(held_out))


def has_words(run: Run) -> bool:
    """Whether the run holds its text, all of it."""
    return run.file(VOCABULARY).is_file()


def load_words(run: Run) -> WordData:
    """The words of a run that was trained here.

    Raises:
        UserError: they are missing or damaged.
    """
    counts = Vocabulary.read(run.file(VOCABULARY)).counts
    return WordData(counts, WordStore.open(run.file(TRAIN)), WordStore.open(run.file(VALID)))


def held_out_sentences(count: int, wished: int, seed: int) -> NDArray[np.bool_]:
    """Which of S = ``count`` sentences are for validation: (S,); the same on every machine."""
    chosen = np.zeros(count, np.bool_)
    ranks = mixed(np.arange(count, dtype=np.uint64) ^ np.uint64(key_of("seed", str(seed))))
    chosen[np.argsort(ranks, kind="stable")[: min(wished, int(MOST_HELD_OUT * count))]] = True
    return chosen


def _numbered(sentences: Iterable[Sequence[str]], words: dict[str, int]) -> Iterator[list[int]]:
    """Each word's number, in the order in which they are first seen; fills ``words``."""
    for sentence in sentences:
        yield [words.setdefault(word, len(words)) for word in sentence]


def _ranked(
    store: WordStore, words: list[str], held_out: NDArray[np.bool_], options: WordDataOptions
) -> tuple[Vocabulary, NDArray[np.int32]]:
    """The vocabulary of what is not held out, and each word's number in it, −1 for none: (words,)."""
    counts = store.counts(len(words))
    for sentence in np.flatnonzero(held_out).tolist():
        np.subtract.at(counts, store[sentence], 1)
    vocabulary = Vocabulary.of_counts(words, counts, options.min_count, options.max_vocabulary)
    ids = map(vocabulary.id_of, words)
    return vocabulary, np.fromiter((-1 if number is None else number for number in ids), np.int32, len(words))


def _told(sentences: Iterator[Sequence[str]], say: Say) -> Iterator[Sequence[str]]:
    """The sentences, with a remark now and then on how many words they were."""
    words, told = 0, time.monotonic()
    for sentence in sentences:
        yield sentence
        words += len(sentence)
        if time.monotonic() - told > REMARK_SECONDS:
            told = time.monotonic()
            say(_("reading: {words} words").format(words=f"{words:,}"))


def _found(store: WordStore, distinct: int, data: WordData, min_count: int) -> str:
    message = _(
        "{words} words in {sentences} lines, {distinct} different ones; the {vocabulary} most frequent, which occur at"
        " least {min_count} times, are learned; {valid} lines are held out for validation"
    )
    numbers = {
        "words": len(store.ids), "sentences": len(store), "distinct": distinct, "vocabulary": len(data.counts),
        "valid": len(data.valid), "min_count": min_count,
    }  # fmt: skip
    return message.format(**{name: f"{number:,}" for name, number in numbers.items()})
