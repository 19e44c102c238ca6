"""From what the user has (text files, a named data set) to the text as numbers of pieces that a run keeps.

The run's folder then holds ``pieces.model`` (the tokenizer), ``data/train``, ``data/valid`` and ``data/test`` (the
pieces of each part, memory-mapped), and ``data/text.json`` (what is known of them), which is written last.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from congling.data.text.passages import Passage, hold_out, read_passages, text_files
from congling.data.text.splits import TEST, TRAIN, VALID
from congling.data.text.tokenizer_training import train_tokenizer
from congling.data.text.tokenizers import Tokenizer
from congling.data.text.word_store import WordStore
from congling.errors import UserError
from congling.language import _
from congling.learning.atomic import write_atomically
from congling.learning.runs import Run
from congling.tasks.language_model.named_texts import named_passages
from congling.tasks.language_model.options import LanguageModelOptions, PieceOptions, TextDataOptions
from congling.tasks.training import Say

TOKENIZER, DESCRIPTION = "pieces.model", "data/text.json"
PARTS = {"train": TRAIN, "valid": VALID, "test": TEST}
AT_ONCE = 20_000  # passages that are cut into pieces together
DEFAULT_VOCABULARY = 8000  # of bpe and unigram
MOST_CHARACTERS = 30_000  # of an alphabet
FEW_DOCUMENTS = 20  # too few to learn how one begins

Reading = Callable[[], Iterator[Passage]]


@dataclass(frozen=True)
class TextFacts:
    """What is known of a text that was cut into pieces.

    Attributes:
        characters: of each part, the end of a document counted as one.
        documents: that end in the part to learn from.
    """

    characters: dict[str, int]
    documents: int

    @property
    def begins_documents(self) -> bool:
        """Whether the network has seen often enough how a document begins; else a prompt begins a line."""
        return self.documents >= FEW_DOCUMENTS


@dataclass(frozen=True)
class TextParts:
    """A text as numbers of pieces, in its three parts; in memory or mapped from the disk."""

    tokenizer: Tokenizer
    facts: TextFacts
    parts: dict[str, WordStore]

    @property
    def opening(self) -> int:
        """The piece that stands before a prompt: the end of the document before, or a line break."""
        line_break = self.tokenizer.line_break_id
        return self.tokenizer.end_id if self.facts.begins_documents or line_break is None else line_break


# Reading -------------------------------------------------------------------------------------------------------------


def reading(options: TextDataOptions, say: Say) -> Reading:
    """How to read what the options name, again and again.

    Raises:
        UserError: there is no such data set, or a folder holds no text.
    """
    if not options.text:
        return named_passages(options.data, say)
    files = text_files(options.text)
    for file in files:
        if file.exists() and not file.is_file():
            raise UserError(_("{path} can be read only once: write it to a file").format(path=file))
    return lambda: read_passages(files, options.documents)


# Preparing -----------------------------------------------------------------------------------------------------------


def prepare(run: Run, options: LanguageModelOptions, read: Reading, say: Say) -> None:
    """Find the pieces of a text and write it as their numbers, all inside the run.

    Raises:
        UserError: there is too little text, or it cannot be read or written.
    """
    made = text_parts(options, read, lambda name, rows: WordStore.write(run.file(f"data/{name}"), rows))
    write_atomically(run.file(TOKENIZER), made.tokenizer.model)
    write_atomically(run.file(DESCRIPTION), json.dumps(asdict(made.facts)) + "\n")
    say(
        _("{name}: {train} characters to learn from, {valid} to validate with, {test} to test with").format(
            name=options.data.name, **{part: f"{count:,}" for part, count in made.facts.characters.items()}
        )
    )
    say(
        _("{pieces} different pieces; the text to learn from has {length} of them").format(
            pieces=f"{made.tokenizer.size:,}", length=f"{len(made.parts['train'].ids):,}"
        )
    )


def text_parts(
    options: LanguageModelOptions, read: Reading, store: Callable[[str, Iterable[Sequence[int]]], WordStore]
) -> TextParts:
    """The text's parts, each through ``store``, which takes its name and its passages' ids. Errors as ``prepare``."""
    lengths = _lengths(read(), options.data.name)
    part_of, _given = hold_out(lengths, (options.data.valid_size, options.data.test_size), options.training.seed)

    def of_part(part: int) -> Iterator[Passage]:
        return (passage for passage, belongs in zip(read(), part_of, strict=True) if belongs == part)

    if not (part_of == VALID).any():
        message = _("{name} is too short: with one line there is nothing to validate with")
        raise UserError(message.format(name=options.data.name))
    tokenizer = find_pieces(options.vocabulary, of_part(TRAIN))
    documents = sum(passage.ends for passage in of_part(TRAIN))
    stores = {name: store(name, ids_of(tokenizer, of_part(part))) for name, part in PARTS.items()}
    characters = {name: int(lengths[part_of == part].sum()) for name, part in PARTS.items()}
    return TextParts(tokenizer, TextFacts(characters, documents), stores)


def _lengths(passages: Iterator[Passage], name: str) -> NDArray[np.int64]:
    """The characters of each passage."""
    pairs = ((passage.characters, len(passage.text)) for passage in passages)
    found: NDArray[np.int64] = np.fromiter(pairs, np.dtype((np.int64, 2)))
    if not found[:, 1].any():
        raise UserError(_("{name} holds no text").format(name=name))
    return found[:, 0]


def find_pieces(options: PieceOptions, passages: Iterable[Passage]) -> Tokenizer:
    """The tokenizer that the options describe."""
    default = MOST_CHARACTERS if options.pieces == "characters" else DEFAULT_VOCABULARY
    return train_tokenizer(
        (passage.text.rstrip("\n") for passage in passages),
        size=options.vocabulary or default,
        kind=options.pieces,
        normalization=options.normalization,
        byte_fallback=options.byte_fallback,
        running_text=True,
        shrink=options.vocabulary is None,
        option="--vocabulary",
    )


def ids_of(tokenizer: Tokenizer, passages: Iterable[Passage]) -> Iterator[list[int]]:
    """The pieces of each passage; with the end, where a document ends."""
    remaining = iter(passages)
    while some := list(islice(remaining, AT_ONCE)):
        for passage, ids in zip(some, tokenizer.encode_all([each.text for each in some]), strict=True):
            yield [*ids, tokenizer.end_id] if passage.ends else ids


# Keeping -------------------------------------------------------------------------------------------------------------


def has_text(run: Run) -> bool:
    """Whether all that ``prepare`` writes is there."""
    return run.file(DESCRIPTION).is_file()


def load_text(run: Run) -> TextParts:
    """What ``prepare`` wrote.

    Raises:
        UserError: something is missing or was edited.
    """
    path = run.file(DESCRIPTION)
    try:
        facts = TextFacts(**json.loads(path.read_text(encoding="utf-8")))
        characters = {name: int(facts.characters[name]) for name in PARTS}
        facts = TextFacts(characters, int(facts.documents))
    except OSError:
        raise UserError(_("{path} is missing: the run is incomplete").format(path=path)) from None
    except (ValueError, TypeError, KeyError):
        raise UserError(_("{path} was edited into something else: undo the edit").format(path=path)) from None
    stores = {name: WordStore.open(run.file(f"data/{name}")) for name in PARTS}
    return TextParts(Tokenizer.load(run.file(TOKENIZER)), facts, stores)


def own_text(tokenizer: Tokenizer, files: Sequence[Path], options: TextDataOptions) -> tuple[WordStore, int]:
    """Text files of the user's, cut as the run's own text was; and how many characters they have.

    Raises:
        UserError: they cannot be read, or hold nothing.
    """
    lengths = _lengths(read_passages(files, options.documents), ", ".join(map(str, files)))
    passages = read_passages(files, options.documents)
    return WordStore.of(ids_of(tokenizer, passages)), int(lengths.sum())
