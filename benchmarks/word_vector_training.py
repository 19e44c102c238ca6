"""One training of word vectors, by gensim or by us, in a process of its own: seconds, megabytes, quality."""

from __future__ import annotations

import contextlib
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

VECTORS: dict[str, Any] = {
    "window": 5,
    "negative": 5,
    "sample": 1e-3,
}  # and 100 numbers, or 300 where memory is measured


def lines_of(text: Path) -> Iterator[list[str]]:
    with open(text, encoding="utf-8") as file:
        for line in file:
            yield line.split()


def gensim_model(given: dict[str, Any]) -> tuple[Any, float, float]:
    """A model that was trained, and the seconds that preparing and training took."""
    from gensim.models import Word2Vec
    from gensim.models.word2vec import LineSentence

    by_file = given["way"] == "gensim corpus_file"
    source = {"corpus_file": given["text"]} if by_file else {"corpus_iterable": LineSentence(given["text"])}
    model = Word2Vec(
        vector_size=given["size"], sg=int(not given["cbow"]), workers=given["workers"], epochs=given["epochs"],
        seed=given["seed"], min_count=given["min_count"], **VECTORS,
    )  # fmt: skip
    first = time.perf_counter()
    model.build_vocab(**source)
    begun = time.perf_counter()
    known = {"total_words": model.corpus_total_words} if by_file else {"total_examples": model.corpus_count}
    model.train(**source, **known, epochs=model.epochs)
    return model, begun - first, time.perf_counter() - begun


def our_trainer(given: dict[str, Any], folder: Path) -> tuple[Any, list[str], float, float]:
    """A trainer that has trained, its words, and the seconds that preparing and training took."""
    from congling.data.text.vocabulary import Vocabulary
    from congling.data.text.word_store import WordStore
    from congling.learning.runs import Run
    from congling.learning.word2vec.settings import Word2VecSettings
    from congling.learning.word2vec.trainer import WordTrainer

    text, first = Path(given["text"]), time.perf_counter()
    vocabulary = Vocabulary.count(lines_of(text), given["min_count"])
    store = WordStore.write(folder / "store", (vocabulary.ids(line) for line in lines_of(text)))
    preparing = time.perf_counter() - first
    settings = Word2VecSettings(
        vector_size=given["size"], cbow=given["cbow"], threads=given["workers"], epochs=given["epochs"],
        seed=given["seed"], **VECTORS,
    )  # fmt: skip
    run = Run.create(folder / "run", {}, task="word-embedding", seed=given["seed"]) if given["save"] else None
    words, counts = ([], vocabulary.counts) if given["save"] else (vocabulary.words, vocabulary.counts)
    if given["save"]:  # a run has its words on the disk
        vocabulary.write(folder / "vocabulary.txt")
        del vocabulary
    trainer = WordTrainer(store.ids, store.starts, counts, settings, run)
    begun = time.perf_counter()
    trainer.train()
    return trainer, words, preparing, time.perf_counter() - begun


def train_and_score(given: dict[str, Any]) -> dict[str, Any]:
    """Train one way; say how long it took, how much memory it needed, and how good the vectors are."""
    with tempfile.TemporaryDirectory() as folder:
        if given["way"] == "congling":
            trainer, words, preparing, seconds = our_trainer(given, Path(folder))
            vectors, contexts = trainer.words, trainer.contexts
        else:
            model, preparing, seconds = gensim_model(given)
            if given["save"]:
                model.save(f"{folder}/model")
            words, vectors, contexts = model.wv.index_to_key, model.wv.vectors, model.syn1neg
        found = {"seconds": seconds, "preparing": preparing}
        found |= {"megabytes": most_megabytes(), "unshared_megabytes": megabytes_of("RssAnon")}
        if given["pairs"]:
            found["spearman"] = spearman_of(words, vectors, Path(given["pairs"]))
        if given["held_out"]:
            found["loss"] = held_out_loss(words, vectors, contexts, given)
    return found


def most_megabytes() -> float:
    """The highest resident memory of this process. ``ru_maxrss`` knows it too, but counts the process that started this
    one where that had more: a new program inherits it."""
    return megabytes_of("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def megabytes_of(name: str) -> float:
    """What Linux says of the process, 0 elsewhere. RssAnon: what it has for itself, without mapped files and code."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), 0.0)
    return 0.0


def spearman_of(words: Sequence[str], vectors: Any, pairs: Path) -> float:
    from congling.tasks.word_embedding.word_pairs import read_pairs, score_pairs
    from congling.tasks.word_embedding.word_vectors import WordVectors

    return float(score_pairs(WordVectors(list(words), vectors), read_pairs(pairs)).spearman)


def held_out_loss(words: Sequence[str], vectors: Any, contexts: Any, given: dict[str, Any]) -> float:
    """The loss of a prediction in a text that nobody has learned from; the same draws whoever's vectors they are."""
    import numpy as np

    from congling.data.text.vocabulary import Vocabulary
    from congling.data.text.word_store import WordStore
    from congling.learning.word2vec.settings import Word2VecSettings
    from congling.learning.word2vec.text import mean_loss

    vocabulary = Vocabulary.count(lines_of(Path(given["text"])), given["min_count"])
    row_of = {word: row for row, word in enumerate(words)}
    rows = np.array([row_of[word] for word in vocabulary.words])
    held_out = WordStore.of(vocabulary.ids(line) for line in lines_of(Path(given["held_out"])))
    settings = Word2VecSettings(cbow=given["cbow"], seed=1, **VECTORS)
    return mean_loss(vectors[rows], contexts[rows], held_out.ids, held_out.starts, vocabulary.counts, settings)
