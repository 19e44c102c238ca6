"""From what the user has (files, a table, a named data set) to what a training needs, kept inside the run.

The run's folder then holds ``source.model`` and ``target.model`` (tokenizers), ``data/train.arrow`` (token ids,
memory-mapped), and ``data/valid.jsonl`` and ``data/test.jsonl`` (sentences with all their references).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from congling.data.sources import find_source
from congling.data.text import pair_readers
from congling.data.text.languages import direction_of, primary
from congling.data.text.scripts import dominant_script
from congling.data.text.splits import REPEATED, TEST, TRAIN, VALID, Example, choose_parts, examples
from congling.data.text.token_store import TokenizedCounts, tokenize_pairs
from congling.data.text.tokenizer_training import Normalization, train_tokenizer
from congling.data.text.tokenizers import Tokenizer
from congling.errors import UsageError, UserError
from congling.language import _
from congling.learning.atomic import write_atomically
from congling.learning.runs import Run
from congling.tasks.named_data import fetched
from congling.tasks.translation.normalizations import normalizations
from congling.tasks.translation.options import DataOptions, TranslationOptions, VocabularyOptions

Pair = tuple[str, str]
Say = Callable[[str], None]
DEFAULT_SOURCE_VOCABULARY, DEFAULT_TARGET_VOCABULARY = 5000, 4000
LANGUAGE_OF_SCRIPT = {"Han": "zh", "Kana": "ja", "Hangul": "ko", "Latin": "en"}


@dataclass
class Corpus:
    """Sentence pairs, split; ``train`` can be read again and again, and need not be in memory."""

    train: Callable[[], Iterable[Pair]]
    valid: list[Example]
    test: list[Example]
    source_language: str
    target_language: str


# Reading -------------------------------------------------------------------------------------------------------------


def read_corpus(options: DataOptions, seed: int, say: Say) -> Corpus:
    """Read what the options name, hold out what they do not give, and say what was found and left out."""
    source_language, target_language = languages(options)
    counts = pair_readers.ReadingCounts()

    def pairs() -> Iterator[Pair]:
        nonlocal counts
        counts = pair_readers.ReadingCounts()
        return pair_readers.clean_pairs(_pairs(options, say), counts)

    valid = _own_examples(options.valid_source, options.valid_target)
    test = _own_examples(options.test_source, options.test_target)
    if next(pairs(), None) is None:
        raise UserError(_nothing_left(_name(options), counts))
    parts = choose_parts(pairs(), 0 if valid else options.valid_size, 0 if test else options.test_size, seed)
    train_size = int((parts.part_of == TRAIN).sum())

    def of_part(part: int) -> Iterator[Pair]:
        return (pair for pair, belongs in zip(pairs(), parts.part_of, strict=True) if belongs == part)

    corpus = Corpus(
        lambda: of_part(TRAIN), valid or examples(of_part(VALID)), test or examples(of_part(TEST)),
        source_language, target_language,
    )  # fmt: skip
    say(
        _(
            "{name}: {pairs} pairs; left out: {empty} with an empty side, {too_long} over-long, {repeated} repeated"
        ).format(
            name=_name(options), pairs=counts.pairs, empty=counts.empty, too_long=counts.too_long,
            repeated=int((parts.part_of == REPEATED).sum()),
        )
    )  # fmt: skip
    if parts.note:
        say(parts.note)
    say(
        _("{train} pairs to learn from, {valid} sentences to validate with, {test} to test with").format(
            train=train_size, valid=len(corpus.valid), test=len(corpus.test)
        )
    )
    return corpus


def _nothing_left(name: str, counts: pair_readers.ReadingCounts) -> str:
    return _("{name} holds no pair to learn from; left out: {empty} with an empty side, {too_long} over-long").format(
        name=name, empty=counts.empty, too_long=counts.too_long
    )


def languages(options: DataOptions) -> tuple[str, str]:
    """The two languages: as told, as the files' endings say, or as the first sentences' scripts suggest.

    Raises:
        UsageError: the files' endings say the reverse of what is told.
    """
    endings = _endings(options)
    told = None if options.direction is None else direction_of(options.direction)
    if told is not None:
        source, target = told
        if endings is not None and (primary(target), primary(source)) == (primary(endings[0]), primary(endings[1])):
            raise UsageError(
                _("--direction {direction}, but --source ends in .{ending}: exchange --source and --target").format(
                    direction=options.direction, ending=endings[0]
                )
            )
        return told
    if options.source is None and options.table is None and options.hub is None:
        return "zh", "en"
    if endings is not None:
        return endings
    first = list(islice(_pairs(options, lambda _text: None), 200))
    sides = (" ".join(side) for side in zip(*first, strict=True)) if first else ("", "")
    source, target = (LANGUAGE_OF_SCRIPT.get(dominant_script(side) or "", "und") for side in sides)
    return source, target


def _endings(options: DataOptions) -> tuple[str, str] | None:
    """The two language codes at the ends of the files' names, where both are there and differ."""
    if options.source is None or options.target is None:
        return None
    source, target = _ending(options.source), _ending(options.target)
    return (source, target) if source and target and primary(source) != primary(target) else None


def _ending(path: Path) -> str | None:
    """A language code at the end of a file's name: ``train.zh.gz`` gives zh; ``train.txt`` gives nothing."""
    ending = path.name.removesuffix(".gz").rpartition(".")[2].lower()
    return ending if len(ending) == 2 and ending.isascii() and ending.isalpha() else None


def _name(options: DataOptions) -> str:
    return str(options.source or options.table or options.hub or options.data)


def _pairs(options: DataOptions, say: Say) -> Iterator[Pair]:
    if options.source is not None and options.target is not None:
        for path in (options.source, options.target):
            if path.exists() and not (path.is_file() or path.is_dir()):
                raise UserError(_("{path} can be read only once: write it to a file").format(path=path))
        return pair_readers.read_parallel(options.source, options.target)
    columns = options.source_column, options.target_column
    if options.table is not None:
        return pair_readers.read_table(options.table, *columns)
    if options.hub is not None:
        return pair_readers.read_hub(options.hub, options.hub_split, *columns, options.hub_configuration)
    return _named(options, say)


def _named(options: DataOptions, say: Say) -> Iterator[Pair]:
    source = find_source(options.data)
    if source.name != "tatoeba-zh-en":
        raise UserError(
            _("{name} holds no sentence pairs; translation can learn from: {names}").format(
                name=source.name, names="tatoeba-zh-en"
            )
        )
    pairs = pair_readers.read_tatoeba(fetched(source, say))
    wanted = [primary(language) for language in languages(options)]
    if wanted == ["zh", "en"]:
        return pairs
    if wanted == ["en", "zh"]:
        return ((english, chinese) for chinese, english in pairs)
    raise UserError(
        _("{name} holds zh and en: --direction {direction} is not to be had from it").format(
            name=source.name, direction=options.direction
        )
    )


def _own_examples(source: Path | None, target: Path | None) -> list[Example]:
    if source is None or target is None:
        return []
    counts = pair_readers.ReadingCounts()
    pairs = pair_readers.clean_pairs(pair_readers.read_parallel(source, target), counts)
    found = [Example(sentence, [reference]) for sentence, reference in pairs]
    if not found:
        raise UserError(_nothing_left(str(source), counts))
    return found


# Preparing -----------------------------------------------------------------------------------------------------------


def prepare(run: Run, corpus: Corpus, options: TranslationOptions, say: Say) -> None:
    """Train the tokenizers and turn the sentences into token ids, all inside the run.

    In the end ``run.yaml`` says which vocabulary sizes and normalisations came of what was asked for.
    """
    rules = normalizations(options.vocabulary, corpus.source_language, corpus.target_language)
    source, target = _tokenizers(corpus, options.vocabulary, rules)
    write_atomically(run.file("source.model"), source.model)
    write_atomically(run.file("target.model"), target.model)
    save_examples(run.file("data/valid.jsonl"), corpus.valid)
    save_examples(run.file("data/test.jsonl"), corpus.test)
    counts = tokenize_pairs(
        corpus.train(),
        source,
        target,
        run.file("data/train.arrow"),
        max_source_pieces=options.data.max_pieces,
        max_target_pieces=options.data.max_pieces,
        keep_text=options.vocabulary.subword_sampling > 0,
    )
    _report(counts, source, target, options, say)
    resolved = _resolved(options.vocabulary, source, target, rules)
    run.update_config(run.config | {"vocabulary": dataclasses.asdict(resolved)})


def _report(
    counts: TokenizedCounts, source: Tokenizer, target: Tokenizer, options: TranslationOptions, say: Say
) -> None:
    say(
        _("vocabularies: {source} and {target} pieces; {long} pairs of more than {most} pieces left out").format(
            source=source.size, target=target.size, long=counts.too_long, most=options.data.max_pieces
        )
    )
    if not counts.pairs:
        raise UserError(
            _("every pair has more than {most} pieces on a side: raise --max-pieces").format(
                most=options.data.max_pieces
            )
        )


def _tokenizers(
    corpus: Corpus, chosen: VocabularyOptions, rules: tuple[Normalization, Normalization]
) -> tuple[Tokenizer, Tokenizer]:
    def train(texts: Iterable[str], size: int | None, default: int, rule: Normalization, option: str) -> Tokenizer:
        return train_tokenizer(
            texts,
            size=size or default,
            kind=chosen.pieces,
            normalization=rule,
            shrink=size is None,
            option=option,
        )

    source_rule, target_rule = rules
    if chosen.joint_vocabulary:
        texts = (side for pair in corpus.train() for side in pair)
        joint = train(texts, chosen.joint_vocabulary, chosen.joint_vocabulary, target_rule, "--joint-vocabulary")
        return joint, joint
    sources = (source for source, _target in corpus.train())
    targets = (target for _source, target in corpus.train())
    return (
        train(sources, chosen.source_vocabulary, DEFAULT_SOURCE_VOCABULARY, source_rule, "--source-vocabulary"),
        train(targets, chosen.target_vocabulary, DEFAULT_TARGET_VOCABULARY, target_rule, "--target-vocabulary"),
    )


def _resolved(
    chosen: VocabularyOptions, source: Tokenizer, target: Tokenizer, rules: tuple[Normalization, Normalization]
) -> VocabularyOptions:
    """The options with what came of them in place of what was left open."""
    joint = chosen.joint_vocabulary is not None
    return dataclasses.replace(
        chosen,
        source_vocabulary=None if joint else source.size,
        target_vocabulary=None if joint else target.size,
        joint_vocabulary=source.size if joint else None,
        source_normalization=rules[0],
        target_normalization=rules[1],
    )


# Keeping -------------------------------------------------------------------------------------------------------------


def save_examples(path: Path, examples: list[Example]) -> None:
    """One JSON object a line: a source sentence and its references."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (
        json.dumps({"source": example.source, "references": example.references}, ensure_ascii=False)
        for example in examples
    )
    write_atomically(path, "".join(line + "\n" for line in lines))


def load_examples(path: Path) -> list[Example]:
    """What ``save_examples`` wrote."""
    if not path.is_file():
        raise UserError(_("{path} is missing: the run is incomplete").format(path=path))
    with open(path, encoding="utf-8", newline="\n") as file:
        return [_example(path, number, line) for number, line in enumerate(file, start=1)]


def _example(path: Path, number: int, line: str) -> Example:
    try:
        match json.loads(line):
            case {"source": str(source), "references": [str(first), *others]}:
                return Example(source, [first, *map(str, others)])
    except ValueError:
        pass
    raise UserError(
        _("{path}, line {number}: no source and references. Undo the edit").format(path=path, number=number)
    )
