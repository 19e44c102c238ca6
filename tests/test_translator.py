"""The translator: every line gets its own translation, in order, whatever stands around it."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from conftest import WORDS
from congling.data.text.pair_batches import collate
from congling.decoding.greedy import greedy_search
from congling.equations.glass_box import glass_box
from congling.errors import UserError
from congling.learning.runs import Run
from congling.tasks.translation import translator as module
from congling.tasks.translation.options import SearchOptions
from congling.tasks.translation.translator import Translator

GREEDY = SearchOptions(beam=1)


@pytest.fixture(scope="module")
def translator(tiny_run: Path) -> Translator:
    torch.set_num_threads(1)
    return Translator.load(Run.open(tiny_run), device="cpu")


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """47 lines of very unequal lengths, some empty, in no order."""
    chance = random.Random(3)
    return ["".join(chance.choice([*WORDS, "。"]) for _ in range(chance.choice([0, 1, 2, 5, 13]))) for _ in range(47)]


def test_run_has_learned_something(translator: Translator) -> None:
    """Guards the other tests here: translations that do not hang on the source would let a wrong order pass."""
    texts = [each.text for each in translator.translate([f"{animal}。" for animal in WORDS], GREEDY)]
    assert len(set(texts)) >= 4
    assert translator.languages == ("zh", "en")


@pytest.mark.parametrize("options", [GREEDY, SearchOptions(beam=3)])
@pytest.mark.parametrize("lines_at_once", [7, 2048])
def test_order_is_kept_and_neighbours_do_not_matter(
    translator: Translator, lines: list[str], options: SearchOptions, lines_at_once: int
) -> None:
    """Guards against rows that are not put back after sorting by length, and padding that leaks into a translation."""
    found = list(translator.translate(lines, options, lines_at_once=lines_at_once))
    assert [each.source for each in found] == lines
    for line, together in list(zip(lines, found, strict=True))[::9]:
        (alone,) = translator.translate([line], options)
        assert alone.texts == together.texts
        assert alone.scores == pytest.approx(together.scores, abs=1e-4)


@pytest.mark.parametrize("options", [GREEDY, SearchOptions(beam=3)])
def test_threads_side_by_side_find_the_same(tiny_run: Path, lines: list[str], options: SearchOptions) -> None:
    """Guards a batch that several threads share: each sentence once, in its place; each thread alone."""
    alone, shared = (Translator.load(Run.open(tiny_run), device="cpu") for _time in range(2))
    expected = [(each.texts, each.scores) for each in alone.translate(lines, options)]
    assert shared.prepared is not None
    shared.prepared.compiled.prepare()
    computing, inner, both = [], shared._search, threading.Barrier(2, timeout=60)

    def listening(*arguments: Any) -> Any:
        both.wait()  # so small a part is else over before the other thread has begun
        computing.append((threading.get_ident(), torch.get_num_threads(), len(arguments[1])))
        return inner(*arguments)

    shared._search = listening  # type: ignore[method-assign]
    try:
        torch.set_num_threads(2)
        for _time in range(2):
            for each, (texts, scores) in zip(shared.translate(lines, options), expected, strict=True):
                assert each.texts == texts and each.scores == pytest.approx(scores, abs=1e-4)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    filled = len([line for line in lines if line])
    assert {threads for _thread, threads, _rows in computing} == {1}
    assert sorted(rows for _thread, _threads, rows in computing) == sorted(2 * [filled // 2, filled - filled // 2])
    assert len({thread for thread, _threads, _rows in computing[:2]}) == 2


def test_small_batches_give_the_same(translator: Translator, lines: list[str]) -> None:
    """Guards against a token budget that is smaller than a sentence."""
    one_by_one = translator.translate(lines, SearchOptions(beam=2, batch_tokens=1))
    assert [each.text for each in one_by_one] == [
        each.text for each in translator.translate(lines, SearchOptions(beam=2))
    ]


@pytest.mark.parametrize("empty", ["", "   ", "\t", "\u3000"])
def test_empty_lines_stay_empty_and_in_place(translator: Translator, empty: str) -> None:
    """Guards against a line that vanishes, so that all lines after it stand beside the wrong source."""
    before, nothing, after = translator.translate(["猫狗。", empty, "马。"], GREEDY)
    assert (nothing.text, nothing.parts, nothing.source) == ("", [], empty)
    assert before.text and after.text


def test_changed_weights_are_seen_by_the_next_search(translator: Translator, tiny_run: Path) -> None:
    """Guards validation, whose translator reads weights that a training changes: nothing prepared may outlive them."""
    network = Translator.load(Run.open(tiny_run), device="cpu").network
    tokenizers = translator.source_tokenizer, translator.target_tokenizer
    living = Translator(network, *tokenizers)
    ids = [living.source_tokenizer.encode("猫狗。")]
    before = living.search(ids, GREEDY)[0][0]
    assert before.ids == translator.search(ids, GREEDY)[0][0].ids
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(0.5)
    after, fresh = (each.search(ids, GREEDY)[0][0] for each in (living, Translator(network, *tokenizers)))
    assert after.log_probability == pytest.approx(fresh.log_probability, abs=1e-6)
    assert after.log_probability != pytest.approx(before.log_probability, abs=0.01)


@pytest.mark.parametrize("options", [GREEDY, SearchOptions(beam=3)])
def test_a_search_in_a_glass_box_shows_everything_and_finds_the_same(
    translator: Translator, options: SearchOptions
) -> None:
    """Guards the way that is laid out for speed: with a box open it must step aside, and without differ in nothing."""
    ids = [translator.source_tokenizer.encode(text) for text in ("猫狗。", "马。")]
    with glass_box() as seen:
        shown = translator.search(ids, options)
    assert "step.0.decoder.layers.0.cross_attention.weights" in seen
    for (inside, *_), (outside, *_) in zip(shown, translator.search(ids, options), strict=True):
        assert inside.ids == outside.ids
        assert inside.score == pytest.approx(outside.score, abs=1e-5)


def test_beam_one_is_greedy(translator: Translator) -> None:
    """Guards against a translator that passes other limits or bans to the two searches."""
    texts = ["猫马牛。", "羊。", "鱼鸟鸟狗。"]
    rows = translator.source_tokenizer.encode_all(texts)
    batch = collate(rows, [[] for _row in rows], translator.source_tokenizer.pad_id, translator.target_tokenizer.pad_id)
    target = translator.target_tokenizer
    expected = greedy_search(
        translator.network, batch.source, batch.source_padding, end_id=target.end_id, pad_id=target.pad_id,
        max_lengths=torch.tensor([3 * len(row) + 20 for row in rows]), banned=(target.unknown_id,),
    )  # fmt: skip
    found = list(translator.translate(texts, GREEDY))
    assert [each.parts[0][1][0].ids for each in found] == [each.ids for each in expected]
    beamed = list(translator.translate(texts, GREEDY, n_best=1))
    assert [each.text for each in beamed] == [target.decode(each.ids) for each in expected]


@pytest.mark.parametrize("options", [GREEDY, SearchOptions(beam=3)])
def test_unknown_piece_is_never_written(translator: Translator, options: SearchOptions) -> None:
    """Guards against ⁇ in a translation, even where the network thinks it most probable by far."""
    bias, unknown = translator.network.output_bias.data, translator.target_tokenizer.unknown_id
    before = float(bias[unknown])
    bias[unknown] = before + 100
    try:
        found = list(translator.translate(["สวัสดี", "😀😀😀", "猫\0狗", "x"], options))
    finally:
        bias[unknown] = before
    assert len(found) == 4
    assert all(unknown not in each.parts[0][1][0].ids and "⁇" not in each.text for each in found)


def test_n_best_is_sorted_distinct_and_truly_scored(translator: Translator) -> None:
    """Guards against scores that belong to another hypothesis, or the same translation twice."""
    (found,) = translator.translate(["猫狗羊。"], SearchOptions(beam=5, length_penalty=0), n_best=5)
    source_ids, hypotheses = found.parts[0]
    assert len(found.texts) == len(hypotheses) > 1
    assert found.scores == sorted(found.scores, reverse=True)
    assert len({tuple(each.ids) for each in hypotheses}) == len(hypotheses)
    source, target = translator.source_tokenizer, translator.target_tokenizer
    for score, hypothesis in zip(found.scores, hypotheses, strict=True):
        batch = collate([source_ids], [hypothesis.ids], source.pad_id, target.pad_id)
        with torch.no_grad():
            logits = translator.network(batch.source, batch.source_padding, batch.target_input)
        log_probabilities = logits[0].log_softmax(dim=-1)  # (T, V)
        expected = log_probabilities.gather(1, batch.target_output[0, :, None]).sum()
        assert score == pytest.approx(float(expected), abs=1e-3)


def test_narrow_beam_is_widened_for_n_best(translator: Translator) -> None:
    """Guards against an error for --n-best above --beam."""
    (found,) = translator.translate(["猫狗。"], SearchOptions(beam=2), n_best=4)
    assert len(found.texts) > 2


@pytest.mark.parametrize("text", ["猫狗羊马。", "羊。"])
def test_alignments_point_into_both_texts(translator: Translator, text: str) -> None:
    """Guards against places that count the end, the padding or the start."""
    (found,) = translator.translate([text], GREEDY)
    source_ids, (hypothesis,) = found.parts[0]
    pairs = translator.alignments(source_ids, hypothesis.ids)
    assert [target for _source, target in pairs] == list(range(len(hypothesis.ids)))
    assert all(0 <= source < len(source_ids) for source, _target in pairs)


def test_long_lines_are_translated_in_parts(translator: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a long line of which only the beginning is translated, or whose parts are mixed up."""
    monkeypatch.setattr(module, "LONGEST_SOURCE", 11)
    sentences = ["猫狗羊马。", "鱼鱼鸟。", "马马马羊牛。", "牛。"] * 5
    whole, short = translator.translate(["".join(sentences), "羊。"], GREEDY)
    parts = ["".join(translator.source_tokenizer.pieces(ids)).strip("▁") for ids, _found in whole.parts]
    assert "".join(parts) == "".join(sentences) and len(parts) > 5
    assert whole.text == " ".join(each.text for each in translator.translate(parts, GREEDY))
    assert whole.scores[0] == pytest.approx(sum(found[0].log_probability for _ids, found in whole.parts))
    assert short.text == next(translator.translate(["羊。"], GREEDY)).text


def test_input_is_read_chunk_by_chunk(translator: Translator) -> None:
    """Guards flat memory: a translator that lists its input first would need a corpus in memory, and answer last."""
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield "猫。"

    found = translator.translate(endless(), GREEDY, lines_at_once=5)
    for number in range(1, 24):
        next(found)
        assert read == -(-number // 5) * 5


def test_looking_inside_gives_the_same_translation(translator: Translator) -> None:
    """Guards against a page that shows another translation than the user gets."""
    inside = translator.look_inside("猫狗羊。", SearchOptions(beam=3))
    assert inside.text == next(translator.translate(["猫狗羊。"], SearchOptions(beam=3))).text
    assert len(inside.source_pieces) == len(inside.source_ids)
    assert inside.source_pieces[-1] == inside.target_pieces[-1] == "</s>"


def test_nothing_and_too_much_cannot_be_looked_into(translator: Translator) -> None:
    """Guards against an empty page, and against one of a gigabyte."""
    with pytest.raises(UserError, match=r"^there is nothing to translate in ' '$"):
        translator.look_inside(" ")
    with pytest.raises(UserError, match=r"at most 256 can be looked into"):
        translator.look_inside("猫" * 300)


@pytest.mark.parametrize(("language", "space"), [("cmn", ""), ("zh-Hant", ""), ("ja-JP", ""), ("th", " "), ("en", " ")])
def test_parts_of_a_long_line_are_joined_as_the_language_is_written(
    translator: Translator, monkeypatch: pytest.MonkeyPatch, language: str, space: str
) -> None:
    """Guards against spaces in Chinese by any of its codes, and against sentences that stick together."""
    monkeypatch.setattr(module, "LONGEST_SOURCE", 3)
    monkeypatch.setattr(translator, "languages", ("und", language))
    (found,) = translator.translate(["猫狗。马牛。"], GREEDY)
    texts = [translator.target_tokenizer.decode(hypotheses[0].ids) for _ids, hypotheses in found.parts]
    assert len(texts) > 1 and found.text == space.join(texts)
