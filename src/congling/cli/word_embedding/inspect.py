"""``congling inspect RUN "a sentence"`` of word vectors: its words in three encodings, or a page with all of space."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from congling.cli.checkpoint import checkpoint
from congling.cli.options import parse
from congling.cli.page import write_page
from congling.cli.table import print_table
from congling.cli.training import say
from congling.cli.values import names_and_shapes, print_json, print_value, print_values
from congling.errors import UsageError, UserError
from congling.language import _
from congling.learning.options import require_at_least

if TYPE_CHECKING:
    from collections.abc import Callable

    from congling.interchange.word_table import Vectors
    from congling.learning.checkpoints import Which
    from congling.learning.runs import Run
    from congling.tasks.word_embedding.word_vectors import WordVectors

FIRST_NUMBERS = 5  # of a vector, in the table


@dataclass
class Options:
    """Looking inside"""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    sentence: tyro.conf.Positional[str | None] = None
    """The sentence whose words to look at; by default one whose words are all known."""
    html: Path | None = None
    """Write one self-contained page to this file, to open in any browser, also offline: the three encodings, the
    latent space in two and three dimensions, the arithmetic of analogies, the space through training."""
    words: int = 10_000
    """How many words the page shows, the most frequent first."""
    projection: list[Literal["tsne", "pca", "umap"]] = field(default_factory=lambda: ["tsne", "pca"])
    """How the page lays the words out: t-SNE, principal components, or UMAP (needs the extra: pip install
    'congling[umap]'); several can be chosen between."""
    analogy: tuple[str, str, str] | None = None
    """Three words for the page to begin with, as for congling predict: the first is to the second as the third is to
    what? It calculates second − first + third."""
    value: str | None = None
    """Print one value in full: a name of --values, such as cosines."""
    values: bool = False
    """List every value by name: the indices, the one-hot vectors, the embeddings, their cosines, and where the run has
    vectors of neighbours how likely the words are each other's."""
    json: bool = False
    """Print JSON, for a program to read."""
    checkpoint: str = "best"
    """Which weights: best, last, or the number of a step."""

    def check(self) -> None:
        """Refuse options that mean nothing together."""
        require_at_least(("--words", self.words, 2))
        if self.html is None and self.analogy is not None:
            raise UsageError(_("--analogy goes with --html; on a terminal: congling predict RUN --analogy"))
        if not self.projection:
            raise UsageError(_("--projection wants at least one of tsne, pca, umap"))


def main(arguments: list[str], prog: str) -> int:
    """Show a sentence's words as numbers."""
    options = parse(Options, arguments, prog, _("Look at word vectors: a sentence in three encodings, and the space."))
    options.check()
    from congling.learning.runs import Run
    from congling.tasks.word_embedding.word_vectors import WordVectors

    run = Run.open(options.run)
    vectors = WordVectors.load(run, checkpoint(options.checkpoint))
    sentence = _sentence(run, vectors, options)
    if options.html is not None:
        _write_page(run, vectors, sentence, options, options.html)
    elif options.values or options.value is not None:
        _show_values(vectors, sentence, options)
    else:
        _show_encodings(vectors, sentence, options.json)
    return 0


def _sentence(run: Run, vectors: WordVectors, options: Options) -> list[str]:
    from congling.figures.words.sentence import words_of_sentence
    from congling.figures.words.suggestions import sentence_of
    from congling.tasks.word_embedding.stored_run import word_embedding_options_of

    if options.sentence is None:
        return sentence_of(vectors.vocabulary, vectors.words)
    data = word_embedding_options_of(run).data
    sentence = words_of_sentence(options.sentence, vectors.vocabulary, data.split, data.lower_case)
    if not sentence:
        raise UsageError(_("there are no words in {text}").format(text=repr(options.sentence)))
    return sentence


# As text -------------------------------------------------------------------------------------------------------------


def _show_encodings(vectors: WordVectors, sentence: list[str], as_json: bool) -> None:
    total = len(vectors)
    ids = [vectors.vocabulary.id_of(word) for word in sentence]
    if as_json:
        words = [
            {"word": word, "index": id, "embedding": None if id is None else vectors.vectors[id].tolist()}
            for word, id in zip(sentence, ids, strict=True)
        ]
        print_json({"vocabulary": total, "width": vectors.vector_size, "words": words})
        return
    rows = [_row(vectors, word, id) for word, id in zip(sentence, ids, strict=True)]
    embedding = _("embedding, 1 × {width}").format(width=vectors.vector_size)
    print_table([_("word"), _("index"), _("one-hot, 1 × {total}").format(total=total), embedding], rows)


def _row(vectors: WordVectors, word: str, id: int | None) -> list[str]:
    if id is None:
        near = _(", ").join(vectors.vocabulary.nearest_spellings(word)) or _("none")
        return [word, "-", "-", _("not in the vocabulary; alike: {words}").format(words=near)]
    after = len(vectors) - id - 1
    numbers = "  ".join(f"{number:7.4f}" for number in vectors.vectors[id][:FIRST_NUMBERS])
    more = "  …" if vectors.vector_size > FIRST_NUMBERS else ""
    return [word, str(id), _("{before} zeros, 1, {after} zeros").format(before=id, after=after), numbers + more]


def _show_values(vectors: WordVectors, sentence: list[str], options: Options) -> None:
    from congling.figures.words.sentence import sentence_values

    ids = vectors.vocabulary.ids(sentence)
    if not ids:
        raise UserError(_("none of the words is in the vocabulary: {words}").format(words=_(", ").join(sentence)))
    if unknown := [word for word in sentence if word not in vectors]:
        say(_("left out, for they are not in the vocabulary: {words}").format(words=_(", ").join(unknown)))
    values = sentence_values(ids, vectors.vectors, vectors.contexts)
    if options.value is not None:
        print_value(values, options.value, options.json)
    elif options.json:
        print_json({"words": [vectors.words[id] for id in ids], "values": names_and_shapes(values)})
    else:
        print_values(values)


# As a page -----------------------------------------------------------------------------------------------------------


def _write_page(run: Run, vectors: WordVectors, sentence: list[str], options: Options, path: Path) -> None:
    from congling.figures.words.page import words_page
    from congling.figures.words.suggestions import analogies_of
    from congling.figures.words.view import view_of_words

    for word in options.analogy or ():
        vectors.number(word)  # refuses an unknown one
    analogies = analogies_of(vectors.vocabulary, vectors.words)  # a − b + c
    if options.analogy is not None:
        of, to, third = options.analogy
        analogies = list(dict.fromkeys([(to, of, third), *analogies]))
    view = view_of_words(
        run.path.name,
        vectors.words,
        vectors.vectors,
        vectors.vocabulary.counts if vectors.vocabulary.counts.any() else None,
        sentence,
        shown=options.words,
        methods=list(dict.fromkeys(options.projection)),
        frames=_frames(run, checkpoint(options.checkpoint), vectors.vectors),
        analogies=analogies,
        say=say,
    )
    write_page(path, words_page(view))


def _frames(run: Run, which: Which, now: Vectors) -> dict[int, Callable[[], Vectors]]:
    """The run's frames before the checkpoint, of many an even choice, each read when it is asked for; then ``now``."""
    from congling.figures.pictures.budget import some_steps
    from congling.learning.checkpoints import checkpoint_folder
    from congling.learning.frames import list_frames

    name = checkpoint_folder(run, which).name
    step = int(name) if name.isdecimal() else max(run.checkpoint_steps(), default=0)
    before = some_steps([each for each in list_frames(run) if each < step])
    return {each: partial(_words_at, run, each) for each in before} | {step: lambda: now}


def _words_at(run: Run, step: int) -> Vectors:
    from congling.learning.frames import load_frame

    vectors: Vectors = load_frame(run, step)["words.weight"].float().numpy()
    return vectors
