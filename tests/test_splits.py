"""The split by components: nothing that is tested was trained on, on every machine the same."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from congling.data.text import splits
from congling.data.text.splits import REPEATED, TEST, TRAIN, VALID, Example, Parts, choose_parts, examples, normalised
from congling.errors import UserError

SINGLES = [(f"源{number}", f"target {number}") for number in range(101)]


def keys(pairs: list[tuple[str, str]]) -> set[str]:
    return {f"s {normalised(s)}" for s, _t in pairs} | {f"t {normalised(t)}" for _s, t in pairs}


@dataclass(frozen=True)
class Split:
    """Pairs that were divided along their parts."""

    parts: Parts
    train: list[tuple[str, str]]
    valid: list[Example]
    test: list[Example]


def split(pairs: list[tuple[str, str]], valid: int, test: int, seed: int) -> Split:
    parts = choose_parts(pairs, valid, test, seed)

    def of(wanted: int) -> list[tuple[str, str]]:
        return [pair for pair, part in zip(pairs, parts.part_of, strict=True) if part == wanted]

    return Split(parts, of(TRAIN), examples(of(VALID)), examples(of(TEST)))


def flat(held_out: list[Example]) -> list[tuple[str, str]]:
    return [(example.source, reference) for example in held_out for reference in example.references]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=41),
    st.integers(0, 5),
    st.integers(0, 5),
    st.integers(0, 99),
)
def test_no_sentence_is_in_two_sets(edges: list[tuple[int, int]], valid: int, test: int, seed: int) -> None:
    """Guards against leaks through shared sentences, in either language and along any chain, and against lost pairs."""
    pairs = SINGLES[:37] + [(f"共{source}", f"shared {target}") for source, target in edges]
    found = split(pairs, valid, test, seed)
    sets = [found.train, flat(found.valid), flat(found.test)]
    for one, other in itertools.combinations(sets, 2):
        assert not keys(one) & keys(other)
    assert set().union(*map(set, sets)) == set(pairs)
    most = max(1, found.parts.components // 10)
    assert (found.parts.valid, found.parts.test) == (min(valid, most), min(test, most))


def test_a_chain_is_one_component() -> None:
    """Guards against joining neighbours only: the first and the last pair share nothing but what lies between."""
    chain = [("a", "A"), ("b", "A"), ("b", "B"), ("c", "B"), ("c", "C")]
    assert choose_parts(chain + SINGLES[:7], 1, 1, seed=3).components == 8


def test_the_same_words_on_both_sides_join_nothing() -> None:
    """Guards against one name-space for both languages, in which "OK" as source and "OK" as target would meet."""
    assert choose_parts([("OK", "好"), ("是", "OK"), ("x", "y")], 1, 1, seed=3).components == 3


def test_twins_that_differ_in_case_width_or_spaces_do_not_leak() -> None:
    """Guards against a test sentence whose twin with a capital or a full-width sign was trained on."""
    twins = [("甲！", "Go on."), ("乙", " GO ON. "), ("甲!", "Proceed")]
    assert choose_parts(twins + SINGLES[:5], 1, 1, seed=3).components == 6


def test_repeated_pairs_are_trained_on_once() -> None:
    """Guards against repeated pairs that weigh more, and against dropping pairs that repeat one side only."""
    pairs = [*SINGLES, ("源1", "other"), *SINGLES[:11]]
    found = split(pairs, 0, 0, seed=3)
    assert found.train == [*SINGLES, ("源1", "other")]
    assert list(np.flatnonzero(found.parts.part_of == REPEATED)) == list(range(102, 113))


def test_examples_keep_all_references() -> None:
    """Guards against scoring against one of several right translations."""
    pairs = [("甲", "A"), ("乙", "B"), ("甲 ", "A2"), ("甲", "A")]
    assert examples(pairs) == [Example("甲", ["A", "A2"]), Example("乙", ["B"])]


def test_the_seed_chooses_and_the_order_of_lines_does_not() -> None:
    """Guards against a split that another shuffle of the same corpus would turn into a leak."""
    shuffled = random.Random(5).sample(SINGLES, len(SINGLES))
    one, other = split(SINGLES, 7, 5, seed=11), split(shuffled, 7, 5, seed=11)
    assert set(flat(one.test)) == set(flat(other.test))
    assert set(flat(one.valid)) == set(flat(other.valid))
    assert set(flat(one.test)) != set(flat(split(SINGLES, 7, 5, seed=12).test))


def test_the_split_does_not_hang_on_hash_randomisation() -> None:
    """Guards against sets or hash() in the choice: other processes, other hash seeds, the same pinned answer."""
    program = (
        "from congling.data.text.splits import TEST, choose_parts as c;"
        "print([n for n, p in enumerate(c([(f'{n}s', f'{n}t') for n in range(53)], 2, 3, 7).part_of) if p == TEST])"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
            encoding="utf-8",
        ).stdout
        for seed in ("1", "2")
    }
    assert answers == {"[1, 26, 31]\n"}


def test_small_data_hold_out_a_tenth_and_say_so() -> None:
    """Guards against a test set that eats the training data, and against doing so silently."""
    found = split(SINGLES, 1000, 4, seed=3)
    assert (len(found.train), len(found.valid), len(found.test)) == (101 - 10 - 4, 10, 4)
    note = found.parts.note
    assert note is not None
    assert "of 101 groups of sentences, 10 are held out for validation and 4 for the test, not 1000 and 4" in note
    assert choose_parts(SINGLES, 10, 10, seed=3).note is None


def test_too_little_data_is_the_users_to_mend() -> None:
    """Guards against an empty training or test set."""
    with pytest.raises(UserError, match="the data fall into 2 groups"):
        choose_parts(SINGLES[:2], 1, 1, seed=3)
    assert split(SINGLES[:2], 0, 0, seed=3).train == SINGLES[:2]
    found = split(SINGLES[:3], 1, 1, seed=3)
    assert (len(found.train), len(found.valid), len(found.test)) == (1, 1, 1)


def test_a_giant_component_is_for_training() -> None:
    """Guards against drawing the component that "Yes." holds together, half of a large corpus, for the test."""
    giant = [(f"巨{number}", "Yes.") for number in range(splits.LARGEST_HELD_OUT + 1)]
    for seed in range(13):
        parts = choose_parts(giant + SINGLES[:3], 1, 1, seed)
        assert np.all(parts.part_of[: len(giant)] == TRAIN)
    with pytest.raises(UserError, match="groups"):
        choose_parts([(s + letter, t + letter) for letter in "abc" for s, t in giant], 1, 1, seed=3)
