"""Word vectors against gensim's Word2Vec: words a second, quality and memory, on the same text with the same settings.

- speed: words of the raw text, the rare ones that are dropped included, by the wall-clock time of all epochs, without
  counting words and without compiling. Gensim is measured with corpus_file= and with sentences=; its better one counts.
  Gensim looks words up in its vocabulary in every epoch, ours are written down as numbers once, before: so the ratio is
  given with the time of these preparations too, of counting and, for ours, numbering.
- quality: WordSim-353 (Spearman) of vectors from the English excerpt, and the loss a prediction of held-out Chinese,
  by our equation for both; means over seeds.
- memory: the highest resident memory of a process that counts the words of a synthetic Zipf text, trains and saves.

Every measurement is a process of its own; the two take turns.

    make benchmark-words            (or: python benchmarks/word_vectors_against_gensim.py --what speed --rounds 5)
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

VECTORS = {"window": 5, "negative": 5, "sample": 1e-3}  # and 100 numbers, or 300 where memory is measured
LEAST_COUNT = 5
WAYS = ("gensim corpus_file", "gensim sentences", "congling")


# One measurement, in a process of its own ----------------------------------------------------------------------------


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


def measure(given: dict[str, Any]) -> dict[str, Any]:
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


# The texts -----------------------------------------------------------------------------------------------------------


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


# The comparison ------------------------------------------------------------------------------------------------------


class Comparison:
    """Runs measurements in processes of their own, and remembers them."""

    def __init__(self, workers: int, epochs: int) -> None:
        self.common = {"workers": workers, "epochs": epochs, "size": 100, "min_count": LEAST_COUNT, "cbow": False,
                       "seed": 1, "save": False, "pairs": "", "held_out": ""}  # fmt: skip

    def run(self, way: str, text: Path, **chosen: Any) -> dict[str, Any]:
        given = self.common | {"way": way, "text": str(text)} | chosen
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # threads are the workers
        command = [sys.executable, __file__, "--measure", json.dumps(given)]
        outcome = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
        found: dict[str, Any] = json.loads(outcome.stdout)
        print_remark(f"{way:<20} {chosen} {found}")
        return found

    def speed(self, text: Path, rounds: int) -> dict[str, Any]:
        """The medians of words a second, and ours over gensim's better way, by kind of training; this also with the
        time of preparing."""
        size = sum(map(len, lines_of(text))) * self.common["epochs"]
        found = {}
        for kind in ("skip-gram", "cbow"):
            seconds: dict[str, list[float]] = {way: [] for way in WAYS}
            all_seconds: dict[str, list[float]] = {way: [] for way in WAYS}
            for _round in range(rounds):
                for way in WAYS:
                    measured = self.run(way, text, cbow=kind == "cbow")
                    seconds[way].append(measured["seconds"])
                    all_seconds[way].append(measured["seconds"] + measured["preparing"])
            rates = {way: size / statistics.median(taken) for way, taken in seconds.items()}
            found[kind] = rates | {"ratio": ratio_of(seconds), "ratio with preparing": ratio_of(all_seconds)}
        return found

    def quality(self, english: tuple[Path, Path], chinese: tuple[Path, Path], seeds: Sequence[int]) -> dict[str, Any]:
        """The means over the seeds, by kind of training and by whose vectors."""
        found: dict[str, Any] = {}
        for kind in ("skip-gram", "cbow"):
            for way in (WAYS[0], WAYS[2]):
                chosen = [{"seed": seed, "cbow": kind == "cbow"} for seed in seeds]
                alike = [self.run(way, english[0], pairs=str(english[1]), **each)["spearman"] for each in chosen]
                losses = [self.run(way, chinese[0], held_out=str(chinese[1]), **each)["loss"] for each in chosen]
                found[f"{kind}, {way}"] = {
                    "spearman": statistics.mean(alike), "spearman_each": alike,
                    "loss": statistics.mean(losses), "loss_each": losses,
                }  # fmt: skip
        return found

    def memory(self, text: Path) -> dict[str, Any]:
        """Megabytes by way, of 300 numbers a word and one epoch."""
        return {way: self.run(way, text, size=300, min_count=1, epochs=1, save=True) for way in WAYS}


def ratio_of(seconds: dict[str, list[float]]) -> float:
    """How many times as fast ours is as gensim's better way, by the medians."""
    medians = {way: statistics.median(taken) for way, taken in seconds.items()}
    return min(medians[way] for way in WAYS[:2]) / medians["congling"]


def with_spread(values: Sequence[float], digits: int) -> str:
    """The mean, and how far the seeds lie apart."""
    return f"{statistics.mean(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def report(found: dict[str, Any]) -> None:
    """Tables, then everything as JSON."""
    if "speed" in found:
        heads = [*(f"{way}, words/s" for way in WAYS), "ours / gensim's better", "with preparing"]
        print("| training | " + " | ".join(heads) + " |")
        print("| --- |" + " ---: |" * len(heads))
        for kind, rates in found["speed"].items():
            ratios = f"{rates['ratio']:.2f} | {rates['ratio with preparing']:.2f}"
            print(f"| {kind} | " + " | ".join(f"{rates[way]:,.0f}" for way in WAYS) + f" | {ratios} |")
    if "quality" in found:
        print("\n| training | WordSim-353, Spearman | held-out loss, nats |\n| --- | ---: | ---: |")
        for name, scores in found["quality"].items():
            alike, loss = with_spread(scores["spearman_each"], 3), with_spread(scores["loss_each"], 4)
            print(f"| {name} | {alike} | {loss} |")
    if "memory" in found:
        print("\n| 200,000 × 300 | resident, MB at most | unshared, MB at the end |\n| --- | ---: | ---: |")
        for way, scores in found["memory"].items():
            print(f"| {way} | {scores['megabytes']:.0f} | {scores['unshared_megabytes']:.0f} |")
    print("\n" + json.dumps(found))


def processor() -> str:
    """What the processor calls itself."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", nargs="+", choices=["speed", "quality", "memory"],
                        default=["speed", "quality", "memory"])  # fmt: skip
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(json.loads(given.measure))))
        return
    comparison, found = Comparison(given.workers, given.epochs), dict[str, Any]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "speed" in given.what:
            found["speed"] = comparison.speed(write_chinese(folder)[0], given.rounds)
        if "quality" in given.what:
            found["quality"] = comparison.quality(write_english(folder), write_chinese(folder), given.seeds)
        if "memory" in given.what:
            found["memory"] = comparison.memory(write_zipf(folder, 200_000, 2_000_000))
    report(found | {"workers": given.workers, "epochs": given.epochs, "processor": processor()})


if __name__ == "__main__":
    main()
