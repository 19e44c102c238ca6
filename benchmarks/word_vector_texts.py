"""The texts that word vectors are measured on, one sentence a line, its words with a space between."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path


def write_lines(path: Path, sentences: Iterator[Sequence[str]]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(" ".join(sentence) + "\n" for sentence in sentences)


def write_chinese(folder: Path) -> tuple[Path, Path]:
    """People's Daily: nineteen of twenty lines to learn from, and the others."""
    from congling.data.sources import find_source
    from congling.data.text.word_sentences import read_tagged
    from congling.tasks.named_data import fetched

    tagged = fetched(find_source("renmin-1998"), print_remark) / "199801.txt"
    lines = list(read_tagged(tagged))
    train, held_out = folder / "chinese.txt", folder / "chinese-held-out.txt"
    write_lines(train, (line for number, line in enumerate(lines) if number % 20))
    write_lines(held_out, (line for number, line in enumerate(lines) if not number % 20))
    return train, held_out


def write_english(folder: Path) -> tuple[Path, Path]:
    """The excerpt of Wikipedia in small letters, and the pairs of WordSim-353."""
    from congling.data.sources import find_source
    from congling.data.text.wikipedia import read_wikipedia
    from congling.data.text.words import splitter
    from congling.tasks.named_data import fetched

    articles = fetched(find_source("enwiki-excerpt"), print_remark) / "articles.xml.bz2"
    words_of, path = splitter("unicode"), folder / "english.txt"
    write_lines(path, (words_of(sentence.lower()) for sentence in read_wikipedia(articles)))
    return path, fetched(find_source("word-similarity"), print_remark) / "wordsim353.tsv"


def write_zipf(folder: Path, vocabulary: int, words: int) -> Path:
    """Every word once, and as many more by Zipf's law, in sentences of twenty."""
    import numpy as np

    chance = np.random.default_rng(1)
    weights = 1 / np.arange(1, vocabulary + 1)
    drawn = chance.choice(vocabulary, size=words - vocabulary, p=weights / weights.sum())
    ids = np.concatenate([np.arange(vocabulary), drawn])
    chance.shuffle(ids)
    path = folder / "zipf.txt"
    write_lines(path, ([f"w{number:06d}" for number in ids[i : i + 20]] for i in range(0, len(ids), 20)))
    return path


def print_remark(text: str) -> None:
    print(text, file=sys.stderr)
