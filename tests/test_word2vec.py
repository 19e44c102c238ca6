"""Word2vec: its equations and networks, what it draws by, and the compiled loop against the definition."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from congling.equations.layers import embedding
from congling.equations.negative_sampling import negative_sampling_loss
from congling.equations.one_hot import one_hot
from congling.equations.similarity import cosine, dot
from congling.errors import UsageError, UserError
from congling.learning.backprop import Tape
from congling.learning.word2vec.compiled import learn_piece
from congling.learning.word2vec.draws import Draws, stream_of
from congling.learning.word2vec.pieces import MOST_WORDS, Pieces
from congling.learning.word2vec.plain import Drawing, learn_plainly
from congling.learning.word2vec.settings import Word2VecSettings
from congling.learning.word2vec.tables import ONE, alias_tables, keep_thresholds
from congling.learning.word2vec.text import Text, mean_loss
from congling.networks.word2vec import ContinuousBagOfWords, SkipGram, WordBatch

V, D = 23, 7
STARTS = np.array([0, 31, 31, 48, 101, 103, 104])  # an empty sentence among them, and one of a single word


def counts() -> NDArray[np.int64]:
    return np.sort(np.random.default_rng(3).integers(5, 300, V))[::-1].astype(np.int64)


def ids() -> NDArray[np.int32]:
    chances = counts() / counts().sum()
    return np.random.default_rng(5).choice(V, STARTS[-1], p=chances).astype(np.int32)


def network(cbow: bool, mean: bool = True) -> SkipGram | ContinuousBagOfWords:
    """Vectors long enough that probabilities are anywhere between 0 and 1."""
    torch.manual_seed(1)
    made = (ContinuousBagOfWords(V, D, mean) if cbow else SkipGram(V, D)).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0, 1.5)
    return made


# Equations and networks ----------------------------------------------------------------------------------------------


def test_similarities_by_hand() -> None:
    """A cosine of lengths, a dot product over the wrong axis, a zero vector that gives NaN."""
    a, b = torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.tensor([4.0, 3.0])
    assert dot.plain(a, b).tolist() == dot(a, b).tolist() == [24.0, 0.0]
    for way in (cosine, cosine.plain):
        assert way(a, b).tolist() == pytest.approx([24 / 25, 0.0])


def test_one_hot_times_a_matrix_is_looking_up() -> None:
    """One-hot rows that are 1 at another place than the look-up takes."""
    table = torch.arange(33.0).view(11, 3)
    indices = torch.tensor([[7, 0], [10, 7]])
    rows = one_hot(indices, 11)
    assert rows.shape == (2, 2, 11) and rows.sum(-1).tolist() == [[1, 1], [1, 1]]
    assert torch.equal(rows, one_hot.plain(indices, 11))
    assert torch.equal(rows @ table, embedding(indices, table))


def test_the_loss_by_hand() -> None:
    """A sign that is wrong for the negatives, or one that does not count and is counted."""
    predicted, positive = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, -1.0]])
    negatives = torch.tensor([[[0.5, 0.0], [2.0, 2.0]]])

    def sigmoid(score: float) -> float:
        return 1 / (1 + math.exp(-score))

    whole = -math.log(sigmoid(1)) - math.log(sigmoid(-0.5)) - math.log(sigmoid(-6))
    for way in (negative_sampling_loss, negative_sampling_loss.plain):
        assert way(predicted, positive, negatives).item() == pytest.approx(whole)
        some = way(predicted, positive, negatives, torch.tensor([[True, False]]))
        assert some.item() == pytest.approx(whole + math.log(sigmoid(-6)))


def test_the_loss_of_scores_beyond_all_bounds_is_finite() -> None:
    """log σ(−1000) by way of σ is −∞; gensim's table ends at 6."""
    far = torch.tensor([[1000.0]], dtype=torch.float64)
    loss = negative_sampling_loss.plain(far, -torch.ones_like(far), torch.ones(1, 2, 1, dtype=torch.float64))
    assert loss.item() == pytest.approx(3000.0)


def examples(inputs: list[list[int]]) -> WordBatch:
    return WordBatch(torch.tensor(inputs), torch.tensor([4, 11]), torch.tensor([[4, 7, 7], [2, 3, 22]]))


BATCHES = {
    "skip-gram": (network(False), examples([[5], [4]])),
    "cbow-mean": (network(True, True), examples([[5, 5, 9], [4, V, V]])),
    "cbow-sum": (network(True, False), examples([[5, 5, 9], [4, V, V]])),
}


@pytest.mark.parametrize("name", BATCHES)
def test_the_gradient_on_the_tape_and_by_central_differences(name: str) -> None:
    """Padding that is averaged, a positive among the negatives that counts, a rule that the tape lacks."""
    learner, batch = BATCHES[name]
    with Tape() as tape:
        loss, count = learner.loss(batch)
    found = tape.gradients(loss)
    assert count == 2
    for parameter in learner.parameters():
        numeric = torch.zeros_like(parameter)
        with torch.no_grad():
            for place in range(parameter.numel()):
                ends = []
                for step in (1e-6, -2e-6):
                    parameter.view(-1)[place] += step
                    ends.append(float(learner.loss(batch)[0]))
                parameter.view(-1)[place] += 1e-6
                numeric.view(-1)[place] = (ends[0] - ends[1]) / 2e-6
        torch.testing.assert_close(found[parameter], numeric, rtol=1e-6, atol=1e-7)
        (automatic,) = torch.autograd.grad(learner.loss(batch)[0], [parameter])
        torch.testing.assert_close(found[parameter], automatic, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ["cbow-mean", "cbow-sum"])
def test_padding_is_no_neighbour(name: str) -> None:
    """A mean over the padding too: a row of one neighbour beside a row of three."""
    learner, batch = BATCHES[name]
    alone = [
        learner.loss(WordBatch(batch.inputs[row : row + 1, :count], batch.positives[row : row + 1],
                               batch.negatives[row : row + 1]))[0].item()
        for row, count in enumerate((3, 1))
    ]  # fmt: skip
    assert learner.loss(batch)[0].item() == pytest.approx(sum(alone), rel=1e-12)


def test_the_vectors_start_as_those_of_word2vec() -> None:
    """Contexts that start at random: the loss of a prediction is then not (K + 1) log 2."""
    learner = SkipGram(V, D)
    assert learner.words.weight.shape == learner.contexts.weight.shape == (V, D)
    assert 0.9 / D < float(learner.words.weight.detach().abs().max()) <= 1 / D
    loss, count = learner.loss(WordBatch(torch.tensor([[5]]), torch.tensor([4]), torch.tensor([[3, 7]])))
    assert loss.item() / count == pytest.approx(3 * math.log(2))


# What is drawn -------------------------------------------------------------------------------------------------------


def test_the_generator_is_splitmix64() -> None:
    """A generator that somebody improved: its numbers are published for the seed 1234567."""
    draws = Draws(1234567)
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [draws.bits() for _ in published] == published


def test_streams_of_pieces_do_not_meet() -> None:
    """Two pieces, or two seeds, that draw the same numbers one step apart."""
    starts = [stream_of(seed, piece) for seed in (0, 1, 2) for piece in range(50)]
    drawn = [bits for start in starts for bits in _some(Draws(start), 50)]
    assert len(set(drawn)) == len(drawn)


def _some(draws: Draws, count: int) -> list[int]:
    return [draws.bits() for _ in range(count)]


@pytest.mark.parametrize("exponent", [0.75, 1.0, 0.0, -0.5])
def test_negatives_are_drawn_in_proportion(exponent: float) -> None:
    """An alias that gets the wrong share: the probability of every word follows from the tables exactly."""
    thresholds, aliases = alias_tables(counts(), exponent)
    chances = thresholds / ONE / V
    np.add.at(chances, aliases, (1 - thresholds / ONE) / V)
    wanted = counts() ** exponent
    np.testing.assert_allclose(chances, wanted / wanted.sum(), rtol=0, atol=1e-9)


def test_words_come_as_the_tables_say() -> None:
    """Tables that are right, and read wrongly: 40,000 draws, five standard deviations."""
    thresholds, aliases = alias_tables(counts(), 0.75)
    draws, size = Draws(11), 40_000
    found = Counter(draws.word(thresholds.tolist(), aliases.tolist()) for _ in range(size))
    wanted = counts() ** 0.75 / (counts() ** 0.75).sum()
    for word, chance in enumerate(wanted):
        assert abs(found[word] - size * chance) < 5 * math.sqrt(size * chance)


def test_frequent_words_are_thinned_out() -> None:
    """The rule of the paper in the place of the C tool's, or rare words that are left out."""
    thresholds = keep_thresholds(np.array([900, 99, 1]), 0.01)
    ratio = 0.01 / 0.9
    assert thresholds[0] / ONE == pytest.approx(math.sqrt(ratio) + ratio)
    assert thresholds[2] == ONE
    assert (keep_thresholds(np.array([900, 0]), 0) == ONE).all()


def test_pieces_hold_every_word_once() -> None:
    """A word that is in no piece, or in two; a line of a million words that one thread must learn alone."""
    lengths = np.array([5, 0, 25_001, 3, 10_000, 1, *[37] * 4001])
    starts = np.append(0, np.cumsum(lengths))
    pieces = Pieces.of(starts)
    cut = np.diff(pieces.starts)
    assert set(starts) <= set(pieces.starts) and pieces.starts[-1] == starts[-1] and cut.max() <= MOST_WORDS
    assert len(cut) == len(lengths) + 2
    assert pieces.limits[0] == 0 and pieces.limits[-1] == len(cut) and (np.diff(pieces.limits) > 0).all()
    sizes = np.diff(pieces.words_before)
    assert sizes.sum() == starts[-1] and sizes.max() <= 2 * MOST_WORDS
    assert len(Pieces.of(np.arange(0, 2001, 10))) == 20  # a small text has small pieces


# Compiled and plain --------------------------------------------------------------------------------------------------

KINDS = {"skip-gram": (False, True), "cbow-mean": (True, True), "cbow-sum": (True, False)}


def compiled(kind: str, learner: SkipGram | ContinuousBagOfWords, rate: float, kind_of: type) -> tuple[float, int]:
    """Let the compiled loop learn from all sentences, in the network's own numbers or in a copy of them."""
    cbow, mean = KINDS[kind]
    words, contexts = (p.detach().numpy() for p in (learner.words.weight, learner.contexts.weight))
    text = Text.of(ids(), STARTS, counts(), Word2VecSettings(sample=0.05))
    return learn_piece(
        text.ids, text.pieces.starts, 0, len(STARTS) - 1, words, contexts, text.keep, text.thresholds, text.aliases,
        3, 5, cbow, mean, kind_of(rate), np.uint64(stream_of(5, 2)),
    )  # fmt: skip


def plain(kind: str, learner: SkipGram | ContinuousBagOfWords, rate: float) -> tuple[float, int]:
    keep, (thresholds, aliases) = keep_thresholds(counts(), 0.05), alias_tables(counts(), 0.75)
    drawing = Drawing(keep.tolist(), thresholds.tolist(), aliases.tolist(), 3, 5, KINDS[kind][0])
    draws, losses = Draws(stream_of(5, 2)), []
    for begin, end in itertools.pairwise(STARTS):
        for example in drawing.examples(ids()[begin:end].tolist(), draws):
            losses.append(learn_plainly(learner, example, rate))
    return sum(losses), len(losses)


@pytest.mark.parametrize("kind", KINDS)
def test_compiled_equals_plain_step_by_step(kind: str) -> None:
    """Any difference at all: other draws, another order, a row that was drawn twice, a derivative, a lost factor.

    After hundreds of steps, each from where the ones before have led, in float64: rounding alone is left.
    """
    fast, slow = network(*KINDS[kind]), network(*KINDS[kind])
    loss, count = compiled(kind, fast, 0.1, np.float64)
    wanted, steps = plain(kind, slow, 0.1)
    assert count == steps > 80
    assert loss == pytest.approx(wanted, rel=1e-12)
    for parameter, other in zip(fast.parameters(), slow.parameters(), strict=True):
        torch.testing.assert_close(parameter, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_float32_is_as_near_as_rounding_allows(kind: str) -> None:
    """Loose sums or an approximate σ in the type that everybody trains in: hundreds of steps, 2⁻²⁴ each."""
    fast, slow = network(*KINDS[kind]).float(), network(*KINDS[kind])
    loss, count = compiled(kind, fast, 0.1, np.float32)
    wanted, _steps = plain(kind, slow, 0.1)
    assert loss == pytest.approx(wanted, rel=1e-6)
    for parameter, other in zip(fast.parameters(), slow.parameters(), strict=True):
        torch.testing.assert_close(parameter.double(), other, rtol=0, atol=count * 2.0**-24)


def test_the_loss_is_true_where_tables_end() -> None:
    """Scores beyond ±6, ±30 and ±100, where probabilities underflow and a product of them does all the more."""
    fast, slow = network(False), network(False)
    with torch.no_grad():
        for learner in (fast, slow):
            learner.words.weight.mul_(10)
    loss, count = compiled("skip-gram", fast, 0.0, np.float64)
    wanted, _steps = plain("skip-gram", slow, 0.0)
    assert wanted / count > 50
    assert loss == pytest.approx(wanted, rel=1e-12)


def test_the_mean_loss_leaves_the_vectors_alone() -> None:
    """A held-out loss that is learned from, or that hangs on who looked first."""
    settings = Word2VecSettings(vector_size=D, window=3, sample=0.05, seed=5)
    words, contexts = (p.detach().numpy().copy() for p in network(False).parameters())
    before = words.copy(), contexts.copy()
    losses = [mean_loss(words, contexts, ids(), STARTS, counts(), settings) for _again in range(2)]
    assert losses[0] == losses[1]
    assert np.array_equal(words, before[0]) and np.array_equal(contexts, before[1])
    text, learner = Text.of(ids(), STARTS, counts(), settings), network(False)
    drawing = Drawing(*(t.tolist() for t in (text.keep, text.thresholds, text.aliases)), 3, 5, False)  # type: ignore[arg-type]
    found: list[Tensor] = []
    for number in range(len(text.pieces)):
        draws = Draws(stream_of(5, number))
        first, last = text.pieces.limits[number : number + 2]
        for begin, end in zip(STARTS[first:last], STARTS[first + 1 : last + 1], strict=True):
            found += [learner.loss(e.batch)[0] for e in drawing.examples(ids()[begin:end].tolist(), draws)]
    assert losses[0] == pytest.approx(torch.stack(found).mean().item(), rel=1e-12)


# Bad input -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("numbers", "starts", "counted", "said"), [
    ([], [0], [], "no word to learn from"), ([0, 0, 0], [0, 3], [3], "one word only, over and over"),
    ([0, 1, 1], [0, 1, 2, 3], [2, 1], "without neighbours"),
])  # fmt: skip
def test_texts_without_anything_to_learn(numbers: list[int], starts: list[int], counted: list[int], said: str) -> None:
    """Vectors that are noise, or an endless search for a negative, in the place of a word about the text."""
    with pytest.raises(UserError, match=said):
        Text.of(np.array(numbers, np.int32), np.array(starts), np.array(counted), Word2VecSettings())


@pytest.mark.parametrize(
    ("numbers", "starts"), [([0, 2], [0, 2]), ([0, -1], [0, 2]), ([0, 1], [0, 1]), ([0, 1], [1, 2])]
)
def test_numbers_outside_the_vocabulary_are_refused(numbers: list[int], starts: list[int]) -> None:
    """The compiled loop writes wherever a number leads it."""
    with pytest.raises(ValueError):
        Text.of(np.array(numbers, np.int32), np.array(starts), np.array([5, 3]), Word2VecSettings())


@pytest.mark.parametrize(("wrong", "said"), [
    ({"vector_size": 0}, "--vector-size 0"), ({"window": 0}, "--window 0"), ({"negative": 0}, "--negative 0"),
    ({"sample": -1.0}, "--sample -1"), ({"ns_exponent": math.nan}, "--ns-exponent nan"), ({"threads": 0}, "s 0"),
    ({"learning_rate": 0.0}, "--learning-rate 0"), ({"least_learning_rate": 1.0}, "--least-learning-rate 1 is more"),
    ({"minutes": 1.0, "epochs": 2.0}, "--minutes 1 and --epochs 2 exclude"), ({"epochs": math.inf}, "--epochs inf"),
])  # fmt: skip
def test_settings_that_no_training_can_have(wrong: dict[str, float], said: str) -> None:
    """A crash in the compiled loop, or a training of nothing, in the place of the option's name."""
    with pytest.raises(UsageError, match=said):
        Word2VecSettings(**wrong).check()  # type: ignore[arg-type]
    Word2VecSettings().check()
