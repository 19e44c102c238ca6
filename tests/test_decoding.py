"""Decoding: greedy, beam and sampling against slow twins, on a random model over five pieces."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from congling.decoding.beam import beam_search
from congling.decoding.candidates import best_continuations, best_pieces, forbid_repeats, likeliest
from congling.decoding.greedy import greedy_search
from congling.decoding.hypotheses import Hypothesis
from congling.decoding.sampling import draw, sample, tempered, top_k_only, top_p_only
from congling.decoding.trellis import Trellis
from congling.errors import UsageError

END, UNKNOWN, PAD, VOCABULARY = 0, 1, 4, 5
IDS = {"end_id": END, "pad_id": PAD}
NEVER = float("-inf")


@dataclass
class RandomSteps:
    """A model whose log-probabilities depend on the whole source and prefix; the state is both, as lists."""

    seed: int
    end_bias: float = 0.0
    vocabulary_size: int = VOCABULARY
    rows_seen: list[int] = field(default_factory=list)
    selected: list[list[int]] = field(default_factory=list)
    first_pieces: list[int] = field(default_factory=list)

    def start(self, source: Tensor, source_padding: Tensor) -> list[tuple[int, ...]]:
        rows = zip(source.tolist(), source_padding.tolist(), strict=True)
        return [(*(i for i, padded in zip(ids, pads, strict=True) if not padded), -1) for ids, pads in rows]

    def step(self, state: list[tuple[int, ...]], last: Tensor) -> tuple[Tensor, list[tuple[int, ...]]]:
        assert len(state) == len(last) > 0
        self.rows_seen.append(len(last))
        self.first_pieces = self.first_pieces or last.tolist()
        state = [(*row, piece) for row, piece in zip(state, last.tolist(), strict=True)]
        return torch.stack([self.log_probabilities(row) for row in state]), state

    def select(self, state: list[tuple[int, ...]], rows: Tensor) -> list[tuple[int, ...]]:
        self.selected.append(rows.tolist())
        return [state[row] for row in rows.tolist()]

    def log_probabilities(self, row: tuple[int, ...]) -> Tensor:
        chance = random.Random(f"{self.seed} {row}")
        logits = torch.tensor([chance.gauss(0, 1.5) for _ in range(self.vocabulary_size)], dtype=torch.float64)
        logits[END] += self.end_bias
        return logits.log_softmax(0)


class FixedSteps(RandomSteps):
    """The same log-probabilities at every position."""

    def __init__(self, log_probabilities: list[float]) -> None:
        super().__init__(0, vocabulary_size=len(log_probabilities))
        self.fixed = torch.tensor(log_probabilities, dtype=torch.float64)

    def log_probabilities(self, row: tuple[int, ...]) -> Tensor:
        return self.fixed


def batch(*sentences: list[int]) -> tuple[Tensor, Tensor]:
    width = max(map(len, sentences))
    source = torch.tensor([[*s, *[PAD] * (width - len(s))] for s in sentences])
    return source, source == PAD


SENTENCES = ([2, 0], [3, 1, 2, 0], [1, 3, 0])


def token_log_probabilities(steps: RandomSteps, source: list[int], ids: list[int], finished: bool) -> list[float]:
    """The model asked again, a prefix at a time."""
    pieces = [*ids, END] if finished else ids
    prefixes = [(*source, -1, PAD, *pieces[:n]) for n in range(len(pieces))]
    return [float(steps.log_probabilities(p)[piece]) for p, piece in zip(prefixes, pieces, strict=True)]


def exhaustive(
    steps: RandomSteps, source: list[int], longest: int, alpha: float, banned: tuple[int, ...]
) -> list[tuple[float, list[int]]]:
    """Every finished hypothesis of at most ``longest`` pieces with the end, best first."""
    found, prefixes = [], [[]]
    for _ in range(longest):
        for ids in prefixes:
            each = token_log_probabilities(steps, source, ids, finished=True)
            found.append((sum(each) / len(each) ** alpha, ids))
        prefixes = [[*ids, piece] for ids in prefixes for piece in range(1, VOCABULARY) if piece not in banned]
    return sorted(found, reverse=True)


def slow_beam(
    steps: RandomSteps, source: list[int], beam: int, n_best: int, alpha: float, longest: int
) -> list[tuple[float, list[int], bool]]:
    """Beam search by plain loops, which stops for no score: only when all places are finished or full."""
    running: list[tuple[float, list[int]]] = [(0.0, [])]
    finished: list[tuple[float, list[int], bool]] = []
    for length in range(1, longest + 1):
        grown = []
        for total, ids in running:
            scores = steps.log_probabilities((*source, -1, PAD, *ids)).tolist()
            grown += [(total + scores[piece], [*ids, piece]) for piece in range(VOCABULARY) if piece != PAD]
        grown = sorted(grown, reverse=True)[: beam - len(finished)]
        finished += [(total / length**alpha, ids[:-1], True) for total, ids in grown if ids[-1] == END]
        running = [(total, ids) for total, ids in grown if ids[-1] != END]
    unfinished = [(total / longest**alpha, ids, False) for total, ids in running]
    return sorted(finished or unfinished, reverse=True)[:n_best]


def same(first: Hypothesis, second: Hypothesis) -> bool:
    return (first.ids, first.finished) == (second.ids, second.finished) and math.isclose(first.score, second.score)


# Beam search


@pytest.mark.parametrize("n_best", [1, 7])
@pytest.mark.parametrize("alpha", [-0.5, 0.0, 0.6, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_wide_beam_is_an_exhaustive_search(seed: int, alpha: float, n_best: int) -> None:
    """Guards against leaving a hypothesis early that would have won, above all under a length penalty."""
    steps, longest = RandomSteps(seed), (4, 3, 5)
    results = beam_search(
        steps, *batch(*SENTENCES), beam=200, n_best=n_best, length_penalty=alpha, max_lengths=torch.tensor(longest),
        banned=(PAD,), **IDS,
    )  # fmt: skip
    for source, most, found in zip(SENTENCES, longest, results, strict=True):
        expected = exhaustive(steps, source, most, alpha, banned=(PAD,))[:n_best]
        assert [h.ids for h in found] == [ids for _, ids in expected]
        assert [h.score for h in found] == pytest.approx([score for score, _ in expected], rel=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 1.0, 1.7])
@pytest.mark.parametrize(("beam", "n_best"), [(2, 1), (3, 3), (5, 2), (7, 5)])
@pytest.mark.parametrize("seed", range(5))
def test_a_narrow_beam_is_the_same_beam_by_plain_loops(seed: int, beam: int, n_best: int, alpha: float) -> None:
    """Guards the bookkeeping of rows, places and parents, and that leaving early does no harm."""
    steps, longest = RandomSteps(seed, end_bias=-1.0), (11, 7, 2)
    results = beam_search(
        steps, *batch(*SENTENCES), beam=beam, n_best=n_best, length_penalty=alpha, max_lengths=torch.tensor(longest),
        banned=(PAD,), **IDS,
    )  # fmt: skip
    for source, most, found in zip(SENTENCES, longest, results, strict=True):
        expected = slow_beam(steps, source, beam, n_best, alpha, most)
        assert [(h.ids, h.finished) for h in found] == [(ids, finished) for _, ids, finished in expected]
        assert [h.score for h in found] == pytest.approx([score for score, _, _ in expected], rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_the_models_own_log_probabilities(seed: int) -> None:
    """Guards against scores of another row, renormalised ones, and a length that forgets the end."""
    steps = RandomSteps(seed, end_bias=0.5)
    for banned in ((PAD,), (PAD, UNKNOWN)):
        results = beam_search(
            steps, *batch(*SENTENCES), beam=5, n_best=5, length_penalty=0.6, max_lengths=torch.tensor([7, 7, 7]),
            banned=banned, **IDS,
        )  # fmt: skip
        for source, found in zip(SENTENCES, results, strict=True):
            assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
            assert len({tuple(h.ids) for h in found}) == len(found)
            for h in found:
                each = token_log_probabilities(steps, source, h.ids, h.finished)
                assert h.token_log_probabilities == pytest.approx(each, rel=1e-12)
                assert h.log_probability == pytest.approx(sum(each), rel=1e-12)
                assert h.score == pytest.approx(sum(each) / len(each) ** 0.6, rel=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(7))
def test_a_beam_of_one_is_greedy_search(seed: int, alpha: float) -> None:
    """Guards against a beam that runs on after its only place has ended."""
    steps, longest = RandomSteps(seed, end_bias=-0.5), torch.tensor([13, 5, 11])
    greedy = greedy_search(steps, *batch(*SENTENCES), max_lengths=longest, banned=(PAD,), **IDS)
    beams = beam_search(
        steps, *batch(*SENTENCES), beam=1, length_penalty=alpha, max_lengths=longest, banned=(PAD,), **IDS
    )
    for single, (best,) in zip(greedy, beams, strict=True):
        assert (single.ids, single.finished) == (best.ids, best.finished)
        assert single.log_probability == pytest.approx(best.log_probability, rel=1e-12)


class ScriptedSteps(RandomSteps):
    """Log-probabilities by the number of pieces so far, the last script for all later positions."""

    def __init__(self, *scripts: list[float]) -> None:
        super().__init__(0, vocabulary_size=len(scripts[0]))
        self.scripts = torch.tensor(scripts, dtype=torch.float64)

    def log_probabilities(self, row: tuple[int, ...]) -> Tensor:
        return self.scripts[min(len(row) - row.index(-1) - 2, len(self.scripts) - 1)]


def test_a_late_winner_is_waited_for() -> None:
    """Guards the bound under a length penalty: −2.54 / 5 beats −1, which −2.5 / 2 would not."""
    steps = ScriptedSteps([-1.0, -2.5], [-9.0, -0.01], [-9.0, -0.01], [-9.0, -0.01], [-0.01, -9.0])
    options = {"beam": 3, "length_penalty": 1.0, "max_lengths": torch.tensor([5]), "end_id": 0, "pad_id": 0}
    ((best,),) = beam_search(steps, *batch([2, 0]), **options)
    assert best.ids == [1, 1, 1, 1]
    assert best.score == pytest.approx(-2.54 / 5)


def test_a_penalty_on_long_hypotheses_waits_for_the_next_one() -> None:
    """Guards the bound under a negative length penalty: −0.8 · 2 beats −3, which −0.7 · 5 would not."""
    steps = ScriptedSteps([-3.0, -0.7], [-0.1, -9.0])
    options = {"beam": 3, "length_penalty": -1.0, "max_lengths": torch.tensor([5]), "end_id": 0, "pad_id": 0}
    ((best,),) = beam_search(steps, *batch([2, 0]), **options)
    assert best.ids == [1]
    assert best.score == pytest.approx(-1.6)


def test_a_sentence_ends_as_soon_as_nothing_can_win() -> None:
    """Guards the speed: once the best has ended, rows that cannot beat it must not run on to the greatest length."""
    steps = FixedSteps([math.log(0.9), math.log(0.04), math.log(0.03), math.log(0.02), math.log(0.01)])
    ((best,),) = beam_search(steps, *batch([2, 0]), beam=3, max_lengths=torch.tensor([97]), **IDS)
    assert best.ids == []
    assert steps.rows_seen == [1]


def test_two_that_end_together_both_count() -> None:
    """Guards the speed of n-best lists: two ends of one sentence at one position, and nothing left that could win."""
    steps = ScriptedSteps([-20.0, -0.7, -0.8], [-0.01, -9.0, -9.0])
    options = {"beam": 5, "n_best": 2, "max_lengths": torch.tensor([97]), "end_id": 0, "pad_id": 0}
    (found,) = beam_search(steps, *batch([2, 0]), **options)
    assert [h.ids for h in found] == [[1], [2]]
    assert steps.rows_seen == [1, 2]


def test_the_places_of_a_beam_run_out() -> None:
    """Guards against a length penalty under which nearly everything could win and each sentence ran to the end."""
    steps = RandomSteps(3, end_bias=1.5)
    beam_search(steps, *batch(*SENTENCES), beam=3, length_penalty=1.0, max_lengths=torch.full((3,), 97), **IDS)
    assert len(steps.rows_seen) < 20


def test_nothing_finished_gives_unfinished_hypotheses() -> None:
    """Guards against an empty answer, and against an unfinished hypothesis beside finished ones."""
    never_ends = FixedSteps([-50.0, -0.5, -1.1, -3.0, -3.5])
    (found,) = beam_search(never_ends, *batch([2, 0]), beam=3, n_best=2, max_lengths=torch.tensor([5]), **IDS)
    assert [(len(h.ids), h.finished) for h in found] == [(5, False), (5, False)]
    assert found[0].ids == [1] * 5
    assert found[0].score == pytest.approx(-2.5)
    sometimes = FixedSteps([-2.0, -0.5, -1.1, -3.0, -3.5])
    (found,) = beam_search(sometimes, *batch([2, 0]), beam=3, n_best=3, max_lengths=torch.tensor([5]), **IDS)
    assert found
    assert all(h.finished for h in found)


def test_where_nothing_is_possible_a_row_stops_with_what_it_has() -> None:
    """Guards against an endless or empty search when a model says −inf or NaN everywhere."""
    for value in (NEVER, float("nan")):
        steps = FixedSteps([value] * VOCABULARY)
        ((best,),) = beam_search(steps, *batch([2, 0]), beam=3, max_lengths=torch.tensor([5]), **IDS)
        (single,) = greedy_search(steps, *batch([2, 0]), max_lengths=torch.tensor([5]), **IDS)
        ((drawn,),) = sample(
            steps, *batch([2, 0]), generator=torch.Generator(), max_lengths=torch.tensor([5]), top_p=0.9, **IDS
        )
        assert best == single == drawn == Hypothesis([], 0.0, 0.0, False, [])


@dataclass
class DyingSteps(RandomSteps):
    """Sentences that begin with 3 have no next piece after the second; no other ends."""

    def log_probabilities(self, row: tuple[int, ...]) -> Tensor:
        values = super().log_probabilities(row).index_fill(0, torch.tensor([END]), NEVER)
        return torch.full_like(values, NEVER) if row[0] == 3 and len(row) - row.index(-1) - 2 == 2 else values


def test_a_row_without_a_next_piece_leaves_the_others_in_place() -> None:
    """Guards against states that slip to another row when one stops in the middle of the batch."""
    sentences = ([2, 0], [3, 1, 2, 0], [1, 3, 0], [2, 2, 0])
    together = greedy(DyingSteps(4), sentences, [7, 5, 4, 7])
    assert [len(h.ids) for (h,) in together] == [7, 2, 4, 7]
    for sentence, longest, (found,) in zip(sentences, [7, 5, 4, 7], together, strict=True):
        assert found.ids == greedy(DyingSteps(4), (sentence,), [longest])[0][0].ids
    searched = beam_search(DyingSteps(4), *batch(*sentences), beam=3, max_lengths=torch.tensor([7, 5, 4, 7]), **IDS)
    assert [len(best.ids) for (best,) in searched] == [7, 2, 4, 7]


def test_impossible_beams_are_the_users_error() -> None:
    """Guards the messages: they must name the user's numbers."""
    for beam, n_best, said in ((0, 1, "beam of 0"), (5, 7, "7 best .* beam of 5"), (5, 0, "0 best")):
        with pytest.raises(UsageError, match=said):
            beam_search(RandomSteps(0), *batch([2, 0]), beam=beam, n_best=n_best, max_lengths=torch.tensor([5]), **IDS)


# What holds for every search


def greedy(steps: RandomSteps, sentences: tuple[list[int], ...], longest: list[int], **options: object) -> list:
    return [[h] for h in greedy_search(steps, *batch(*sentences), max_lengths=torch.tensor(longest), **IDS, **options)]


def beamed(steps: RandomSteps, sentences: tuple[list[int], ...], longest: list[int], **options: object) -> list:
    more = {"beam": 5, "n_best": 3, "length_penalty": 0.6, "max_lengths": torch.tensor(longest)}
    return beam_search(steps, *batch(*sentences), **IDS, **more, **options)


def sampled(steps: RandomSteps, sentences: tuple[list[int], ...], longest: list[int], **options: object) -> list:
    more = {"samples": 3, "generator": torch.Generator().manual_seed(11), "max_lengths": torch.tensor(longest)}
    return sample(steps, *batch(*sentences), **IDS, **more, **options)


SEARCHES = pytest.mark.parametrize("search", [greedy, beamed, sampled])


@pytest.mark.parametrize("search", [greedy, beamed])
def test_a_sentence_does_not_see_its_batch_mates(search) -> None:
    """Guards against rows mixed up when others leave, and against padding that counts."""
    together = search(RandomSteps(5), SENTENCES, [11, 7, 13])
    for sentence, longest, found in zip(SENTENCES, [11, 7, 13], together, strict=True):
        (alone,) = search(RandomSteps(5), (sentence,), [longest])
        assert len(alone) == len(found)
        assert all(same(a, b) for a, b in zip(alone, found, strict=True))


@SEARCHES
def test_ended_rows_leave_the_batch(search) -> None:
    """Guards the speed: the model must not be asked about rows that have ended."""
    steps = RandomSteps(1)
    results = search(steps, SENTENCES, [2, 17, 5])
    assert steps.rows_seen[-1] < max(steps.rows_seen)
    if search is not beamed:
        lengths = [len(h.token_log_probabilities) for found in results for h in found]
        assert steps.rows_seen == [sum(length > n for length in lengths) for n in range(max(lengths))]


def test_the_state_is_copied_only_when_rows_change() -> None:
    """Guards the speed of greedy search: copying all keys and values at each step costs more than the step."""
    steps = FixedSteps([-50.0, -0.5, -1.1, -3.0, -3.5])
    greedy(steps, SENTENCES, [5, 3, 5])
    assert steps.selected == [[0, 2]]


@SEARCHES
def test_the_greatest_lengths_hold(search) -> None:
    """Guards against one length for the whole batch and against one piece too many."""
    results = search(RandomSteps(2, end_bias=NEVER), SENTENCES, [3, 1, 5])
    assert [{len(h.ids) for h in found} for found in results] == [{3}, {1}, {5}]
    assert not any(h.finished for found in results for h in found)


@SEARCHES
def test_a_length_below_one_is_refused(search) -> None:
    """Guards against a row that could never leave."""
    with pytest.raises(ValueError, match="at least 1, not 0"):
        search(RandomSteps(2), SENTENCES, [3, 0, 5])


@SEARCHES
def test_banned_pieces_never_come(search) -> None:
    """Guards against <unk> and <pad> in a translation, even where the model likes them best."""
    steps = FixedSteps([-4.0, -0.1, -5.0, -4.5, -0.2])
    results = search(steps, SENTENCES, [11, 11, 11], banned=(UNKNOWN, PAD))
    pieces = {piece for found in results for h in found for piece in h.ids}
    assert pieces <= {2, 3}
    assert all(value <= -4.0 for found in results for h in found for value in h.token_log_probabilities)


@SEARCHES
def test_banned_pieces_may_lie_beyond_the_models_columns(search) -> None:
    """Guards networks that leave out the column of padding, which callers still ban."""
    steps = FixedSteps([-1.0, -1.1, -1.2, -1.3])
    for found in search(steps, SENTENCES, [5, 7, 3], banned=(UNKNOWN, PAD)):
        assert all(set(h.ids) <= {2, 3} for h in found)


@SEARCHES
def test_no_ngram_comes_twice(search) -> None:
    """Guards against a model that says the same two words two hundred times."""
    steps = FixedSteps([-9.0, -1.5, -1.0, -0.5, -9.0])
    for found in search(steps, SENTENCES, [29, 23, 31], no_repeat_ngram=2, banned=(PAD,)):
        for h in found:
            pairs = list(zip(h.ids, h.ids[1:], strict=False))
            assert len(set(pairs)) == len(pairs)
            assert h.finished


@SEARCHES
def test_the_decoder_starts_from_padding(search) -> None:
    """Guards the start: the decoder's first input is <pad>."""
    steps = RandomSteps(0)
    search(steps, SENTENCES, [5, 5, 5])
    assert set(steps.first_pieces) == {PAD}


@SEARCHES
def test_an_empty_batch_is_no_work(search) -> None:
    """Guards against a model asked about nothing."""
    steps = RandomSteps(0)
    nothing = torch.empty(0, 3, dtype=torch.int64), torch.empty(0, 3, dtype=torch.bool)
    options = {"max_lengths": torch.empty(0, dtype=torch.int64), **IDS}
    extra = {"generator": torch.Generator()} if search is sampled else {"beam": 3} if search is beamed else {}
    entry = {greedy: greedy_search, beamed: beam_search, sampled: sample}[search]
    assert entry(steps, *nothing, **options, **extra) == []
    assert steps.rows_seen == []


def test_greedy_search_records_the_runners_up() -> None:
    """Guards the inspect page: alternatives of the right row and position, best first, the chosen piece among them."""
    steps = RandomSteps(6)
    found = greedy_search(
        steps, *batch(*SENTENCES), max_lengths=torch.tensor([7, 3, 5]), record_alternatives=3, **IDS
    )  # fmt: skip
    for source, h in zip(SENTENCES, found, strict=True):
        pieces = [*h.ids, END] if h.finished else h.ids
        assert len(h.alternatives) == len(pieces)
        for n, (piece, likely) in enumerate(zip(pieces, h.alternatives, strict=True)):
            expected = steps.log_probabilities((*source, -1, PAD, *h.ids[:n])).topk(3)
            assert [p for p, _ in likely] == expected.indices.tolist()
            assert [v for _, v in likely] == pytest.approx(expected.values.tolist())
            assert likely[0] == (piece, h.token_log_probabilities[n])


def test_steps_are_seen_in_a_glass_box() -> None:
    """Guards the paths under which a page finds each decoding step."""
    from congling.equations.glass_box import glass_box

    with glass_box() as seen:
        (h,) = greedy_search(RandomSteps(6), *batch([2, 0]), max_lengths=torch.tensor([3]), **IDS)
    shown = [seen[f"step.{n}.log_probabilities"] for n in range(len(h.token_log_probabilities))]
    assert [float(s.max()) for s in shown] == h.token_log_probabilities


# Candidates


@pytest.mark.parametrize("count", [1, 6, 127, 128, 129])
def test_the_best_of_a_long_row_are_found_in_its_folds(count: int) -> None:
    """Guards the quick way through many long rows: best pieces in one column, in the tail, and banned ones."""
    scores = torch.randn(23, 3 * 128 + 17, generator=torch.Generator().manual_seed(count))
    scores[0, [5, 5 + 128, 5 + 256]] += 100  # of one column
    scores[1, -3:] += 100  # of the tail
    banned = torch.tensor([5, 399])
    values, pieces = best_pieces(scores, count, banned)
    expected = scores.index_fill(1, banned, NEVER).topk(count, dim=1)
    assert torch.equal(values, expected.values) and torch.equal(pieces, expected.indices)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 7), st.sets(st.integers(0, 6), max_size=5))
def test_best_pieces_are_the_best_that_are_not_banned(seed: int, count: int, banned: set[int]) -> None:
    """Guards the short cut that reads the vocabulary once: no allowed piece may be crowded out by banned ones."""
    scores = torch.randn(3, 7, generator=torch.Generator().manual_seed(seed))
    before = scores.clone()
    values, pieces = best_pieces(scores, count, torch.tensor(sorted(banned), dtype=torch.int64))
    assert torch.equal(scores, before)
    for row in range(3):
        expected = sorted(((float(scores[row, p]), p) for p in range(7) if p not in banned), reverse=True)[:count]
        found = [(v, p) for v, p in zip(values[row].tolist(), pieces[row].tolist(), strict=True) if v > NEVER]
        assert found == expected


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 10**6), st.lists(st.integers(0, 4), min_size=1, max_size=5), st.integers(1, 300),
    st.lists(st.integers(0, 299), max_size=3),
)  # fmt: skip
def test_compiled_continuations_are_the_plain_ones(
    seed: int, counts: list[int], vocabulary: int, banned: list[int]
) -> None:
    """Guards the quick way through a vocabulary: pieces in one column, in the tail, impossible and forbidden ones."""
    from congling.decoding import candidates_compiled, greedy_compiled
    from congling.equations import softmax_kernels

    generator = torch.Generator().manual_seed(seed)
    counts = counts if any(counts) else [1]
    scores = torch.randn(sum(counts), vocabulary, generator=generator)
    scores[torch.rand(scores.shape, generator=generator) < 0.3] = NEVER
    scores[torch.rand(len(scores), generator=generator) < 0.1] = float("nan")
    total = torch.randn(sum(counts), generator=generator).numpy()
    owner = np.repeat(np.arange(len(counts)), counts)
    free = torch.randint(0, 6, (len(counts),), generator=generator).numpy()
    free[owner[0]] = max(1, free[owner[0]])
    forbidden = torch.tensor(banned, dtype=torch.int64)
    plain = best_continuations(scores, total, owner, free, forbidden)
    room = 5 * len(counts)
    parents, pieces, values = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.float32)
    lanes = np.empty(candidates_compiled.LANES, np.float32)
    found = candidates_compiled.best_continuations(
        scores.numpy(), total, owner, free, forbidden.numpy(), lanes, parents, pieces, values
    )
    for one, other in zip((parents, pieces, values), plain, strict=True):
        assert one[:found].tolist() == other.tolist()
    plain_pieces, plain_values = likeliest(scores.log_softmax(dim=1), forbidden)
    for row, (piece, value) in enumerate(zip(plain_pieces.tolist(), plain_values.tolist(), strict=True)):
        logits, room = scores[row].numpy(), np.empty(vocabulary, np.int32)
        log_sum = softmax_kernels.log_sum_of_exponentials(logits, room)
        got_piece, logit = greedy_compiled._largest_allowed(logits.copy(), forbidden.numpy())
        got = got_piece, logit - log_sum
        assert got == (piece, pytest.approx(value, rel=1e-5, abs=1e-6)) if value > NEVER else not got[1] > NEVER


def test_a_trellis_knows_the_way_back() -> None:
    """Guards rows that have parted, changed places or left: each still has its own beginning."""
    trellis = Trellis()
    trellis.grow(np.array([0, 1]), np.array([5, 6]), np.array([-1.0, -2.0], np.float32))
    trellis.grow(np.array([1, 0, 1]), np.array([7, 8, 9]), np.array([-3.0, -4.0, -5.0], np.float32))
    trellis.grow(np.array([2, 0]), np.array([3, 4]), np.array([-6.0, -7.0], np.float32))
    assert (trellis.length, trellis.newest.tolist()) == (3, [3, 4])
    assert trellis.prefixes(np.array([1, 0, 0])).tolist() == [[6, 7, 4], [6, 9, 3], [6, 9, 3]]
    assert trellis.path(3, 0) == ([6, 9, 3], [-2.0, -5.0, -6.0])
    assert trellis.path(2, 1) == ([5, 8], [-1.0, -4.0])
    assert trellis.path(0, 1) == ([], [])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 3), max_size=13), st.integers(0, 4))
def test_forbidden_repeats_are_just_those_that_repeat(prefix: list[int], size: int) -> None:
    """Guards both ends of the n-gram windows."""
    scores = torch.zeros(2, VOCABULARY)
    rows = torch.tensor([prefix, [2] * len(prefix)], dtype=torch.int64)
    allowed = forbid_repeats(scores, rows.numpy(), size)
    assert not scores.any()
    for piece in range(VOCABULARY):
        with_it = [*prefix, piece]
        ngrams = [with_it[n : n + size] for n in range(len(with_it) - size + 1)]
        repeats = size > 0 and len(with_it) >= size and ngrams.count(with_it[-size:]) > 1
        assert (allowed[0, piece].item() == NEVER) == repeats


# Sampling


def chi_square(counts: Tensor, probabilities: Tensor) -> float:
    expected = probabilities * counts.sum()
    return float(((counts - expected) ** 2 / expected)[probabilities > 0].sum())


def test_samples_follow_the_distribution() -> None:
    """Guards the inverse of the cumulative sum; 22 is passed by chance once in 5,000 seeds (4 degrees of freedom)."""
    probabilities = torch.tensor([0.05, 0.3, 0.0, 0.4, 0.05, 0.2])
    rows = 10_007
    uniform = torch.rand(rows, generator=torch.Generator().manual_seed(7))
    counts = torch.bincount(draw(probabilities.log().expand(rows, 6), uniform), minlength=6)
    assert counts[2] == 0
    assert chi_square(counts, probabilities) < 22


def test_a_draw_never_meets_an_impossible_piece() -> None:
    """Guards both edges: 0 before a leading and almost 1 before a trailing piece of probability 0."""
    logits = torch.tensor([[NEVER, 0.3, -0.7, 0.1, NEVER]])
    assert draw(logits, torch.tensor([0.0])).item() == 1
    assert draw(logits, torch.tensor([1.0])).item() == 3


def test_hypotheses_follow_the_model() -> None:
    """Guards the loop around the draw: one uniform number for each row and position, never shared between rows."""
    steps = FixedSteps([math.log(0.5), math.log(0.2), math.log(0.3)])
    (found,) = sample(
        steps, *batch([2, 0]), generator=torch.Generator().manual_seed(3), samples=2003,
        max_lengths=torch.tensor([2]), end_id=END, pad_id=2,
    )  # fmt: skip
    # Empty; one piece and the end; or two pieces: 0.5, 0.1, 0.15, and 0.25 for the unfinished.
    kinds = [(), (1,), (2,)]
    counts = torch.tensor(
        [sum(tuple(h.ids) == kind and h.finished for h in found) for kind in kinds], dtype=torch.float
    )
    counts = torch.cat([counts, torch.tensor([2003.0]) - counts.sum()])
    assert chi_square(counts, torch.tensor([0.5, 0.1, 0.15, 0.25])) < 20  # 3 degrees: once in 5,000


def test_temperature_top_k_and_top_p() -> None:
    """Guards the order, the ties and the edges of the three restrictions by hand-computed values."""
    logits = torch.tensor([[0.5, 0.125, 0.25, 0.125], [0.125, 0.625, 0.125, 0.125]]).log()

    def kept(limited: Tensor) -> list[list[int]]:
        return [row.isfinite().nonzero().squeeze(1).tolist() for row in limited]

    assert kept(top_k_only(logits, 2)) == [[0, 2], [0, 1, 2, 3]]  # ties stay
    assert kept(top_k_only(logits, 1)) == [[0], [1]]
    assert kept(top_k_only(logits, 0)) == kept(top_k_only(logits, 11)) == [[0, 1, 2, 3]] * 2
    assert kept(top_p_only(logits, 0.01)) == [[0], [1]]
    assert kept(top_p_only(logits, 0.5)) == [[0], [1]]
    assert kept(top_p_only(logits, 0.6)) == [[0, 2], [1]]
    assert kept(top_p_only(logits, 1.0)) == [[0, 1, 2, 3]] * 2
    assert torch.allclose(tempered(logits, 0.5).softmax(-1)[0], torch.tensor([16.0, 1.0, 4.0, 1.0]) / 22)


def test_samples_are_determined_by_the_seed() -> None:
    """Guards against randomness from anywhere else."""

    def ids(seed: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(seed)
        options = {"samples": 5, "max_lengths": torch.tensor([11, 13, 7]), **IDS}
        return [
            h.ids for found in sample(RandomSteps(4), *batch(*SENTENCES), generator=generator, **options) for h in found
        ]

    assert ids(2) == ids(2)
    assert ids(2) != ids(3)


def test_a_sample_does_not_see_when_its_mates_leave() -> None:
    """Guards against random numbers handed out by the place among the rows that are left."""
    steps = RandomSteps(4, end_bias=-3.0)
    _, _, early = sampled(steps, SENTENCES, [1, 2, 11])
    _, _, late = sampled(steps, SENTENCES, [13, 13, 11])
    assert [h.ids for h in early] == [h.ids for h in late]


def test_samples_carry_true_log_probabilities() -> None:
    """Guards against the temperature or the nucleus leaking into what the model is said to think."""
    steps = RandomSteps(8)
    results = sampled(steps, SENTENCES, [7, 5, 11], temperature=0.7, top_k=3, top_p=0.95)
    for source, found in zip(SENTENCES, results, strict=True):
        for h in found:
            each = token_log_probabilities(steps, source, h.ids, h.finished)
            assert h.token_log_probabilities == pytest.approx(each, rel=1e-12)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"temperature": 0.0}, "temperature 0.0"),
        ({"temperature": -1.5}, "temperature -1.5"),
        ({"temperature": float("nan")}, "temperature nan"),
        ({"top_k": -3}, "top-k -3"),
        ({"top_p": 0.0}, "top-p 0.0"),
        ({"top_p": 1.5}, "top-p 1.5"),
        ({"samples": 0}, "0 samples"),
    ],
)
def test_impossible_samples_are_the_users_error(options: dict[str, float], said: str) -> None:
    """Guards the messages: they must name the user's number."""
    with pytest.raises(UsageError, match=said):
        sample(
            RandomSteps(0), *batch([2, 0]), generator=torch.Generator(), max_lengths=torch.tensor([5]), **IDS, **options
        )
