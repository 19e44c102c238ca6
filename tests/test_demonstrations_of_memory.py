"""The story's claims about memory: their problems, and what is read off them.

That they hold in their short form is tried with all the others, in ``test_demonstrations.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import conftest
from congling.demonstrations.claim import but
from congling.demonstrations.demonstrate import demonstrate
from congling.demonstrations.fading import fading_memory
from congling.demonstrations.figure import figure
from congling.demonstrations.recall import LETTERS, QUESTION, Reader, RecallOptions, RecallTrial, sequences
from congling.demonstrations.recall_network import WIDER, RecallNetwork, network_of, size
from congling.demonstrations.translation_trial import Translated, TranslationTrial
from congling.demonstrations.waiting_time import WaitingOptions, WaitingTrial
from congling.tasks.translation.options import TranslationOptions

READERS: tuple[Reader, ...] = ("elman", "gru", "lstm", "attention")


def test_a_letter_comes_once_so_many_places_before_the_question() -> None:
    """Guards the distance, and against a second letter nearer by."""
    symbols, letters = sequences(211, 7, seed=3)
    assert symbols.shape == (211, 8) and torch.equal(symbols[:, 0], letters)
    assert torch.equal(symbols[:, -1], torch.full((211,), QUESTION)) and set(letters.tolist()) == set(range(LETTERS))
    assert bool(((symbols[:, 1:-1] >= LETTERS) & (symbols[:, 1:-1] < QUESTION)).all())
    assert not torch.equal(symbols, sequences(211, 7, seed=4)[0])


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_has_the_same_budget(reader: Reader) -> None:
    """Guards the comparison: a network with more parameters might remember more for that alone."""
    options = RecallOptions(reader=reader)
    network = network_of(options)
    assert 0.75 * options.parameters < size(network) <= options.parameters
    wider = RecallNetwork(reader, network.output.weight.shape[1] + WIDER)
    assert size(wider) > options.parameters


@pytest.mark.parametrize("reader", READERS)
def test_the_arriving_gradient_is_that_of_the_symbols_vectors(reader: Reader) -> None:
    """Guards the order of places against central differences: the last belongs to the letter."""
    options = but(RecallOptions(reader=reader, parameters=900, distances=(3,)), seed=5)
    arriving = RecallTrial(options, (1.0,)).gradients
    assert len(arriving) == 3 and arriving[0] == 1.0
    torch.manual_seed(5)
    network = network_of(options).double()
    symbols, letters = sequences(512, 3, seed=5)
    vectors = network.embed(symbols).detach()
    lengths = [_length_by_differences(network, vectors, letters, place) for place in (2, 1, 0)]
    assert arriving == pytest.approx([each / lengths[0] for each in lengths], rel=1e-4)


def _length_by_differences(network: RecallNetwork, vectors: torch.Tensor, letters: torch.Tensor, place: int) -> float:
    """The mean length of the gradient at one place, by moving each entry of its vectors a little."""
    columns, step = [], 1e-5
    network.requires_grad_(False)
    for entry in range(vectors.shape[2]):
        losses = []
        for sign in (1, -1):
            moved = vectors.clone()
            moved[:, place, entry] += sign * step
            losses.append(torch.nn.functional.cross_entropy(network.read(moved), letters, reduction="none"))
        columns.append((losses[0] - losses[1]) / (2 * step))
    return float(torch.stack(columns, dim=1).norm(dim=1).mean())


def test_near_letters_are_recalled_and_the_figure_has_two_courses() -> None:
    """Guards the training of a problem that no task has, and both panels of lines against sharing an axis."""
    claim = fading_memory()
    short = RecallOptions(parameters=3000, distances=(2, 5))
    variants = tuple(
        type(each)(each.name, each.label, but(short, reader=each.options.reader, steps=60))
        for each in claim.variants
        if isinstance(each.options, RecallOptions)
    )
    outcome = demonstrate(type(claim)(**(vars(claim) | {"variants": variants})), seeds=(1,))
    near = [values[0] for reading, values in outcome.values.items() if reading.metric == "near"]
    assert len(near) == 4 and min(near) > 0.5  # by chance 0.125
    assert outcome.commands == {}
    drawn = figure(outcome)
    metrics = len(claim.metrics)
    upper, lower = (drawn.layout[f"yaxis{metrics + number}"].domain for number in (1, 2))
    assert lower[0] == 0 and lower[1] < upper[0] < upper[1] < drawn.layout.yaxis1.domain[0]
    assert {trace.yaxis for trace in drawn.data} == {"y"} | {f"y{number}" for number in range(2, metrics + 3)}
    titles = [annotation.text for annotation in drawn.layout.annotations]
    assert claim.courses[1].title in titles


# Waiting -------------------------------------------------------------------------------------------------------------


def test_a_longer_sentence_takes_longer_in_every_network() -> None:
    """Guards against a clock around the wrong thing, and lengths that do not reach the network."""
    for network in ("rnn", "rnn-attention", "transformer"):
        trial = WaitingTrial.of(but(WaitingOptions(parameters=200_000, lengths=(2, 257)), network=network))
        assert 0 < trial.learning[0] < trial.learning[1] and 0 < 3 * trial.translating[0] < trial.translating[1]


# Translators ---------------------------------------------------------------------------------------------------------


def test_bleu_by_length_counts_each_sentence_once() -> None:
    """Guards the groups' borders: a sentence of the longest length of a group belongs to that group alone."""
    lengths = [1, 5, 6, 8, 9, 12, 13, 41]
    right = "a b c d e f"
    for number, length in enumerate(lengths):
        outputs = [right if row == number else "x" for row in range(len(lengths))]
        tested = Translated(lengths, outputs, [[right]] * len(lengths), "en")
        trial = TranslationTrial(tested, [], [])
        found = [tested.bleu(*group) > 1 for group in trial.groups]
        assert found == [length <= 5, 6 <= length <= 8, 9 <= length <= 12, length >= 13]
        assert trial.by_length[0] == [3.0, 7.0, 10.5, 27.0]
        assert (trial.score_of_long > 1) == (length >= 13)


def test_a_translator_is_trained_and_tested(tiny_corpus: conftest.TinyCorpus, tmp_path: Path) -> None:
    """Guards the way from options to BLEU over time, with a run that leaves nothing behind."""
    options = but(
        TranslationOptions(), source=tiny_corpus.source, target=tiny_corpus.target, network="rnn", width=8, steps=4,
        validations=2, valid_size=5, test_size=5, precision="float32",
    )  # fmt: skip
    trial = TranslationTrial.of(options)
    assert len(trial.minutes) == len(trial.scores) == 2 and 0 < trial.minutes[0] < trial.minutes[1]
    assert len(trial.tested.outputs) == len(trial.tested.lengths) >= 5 and trial.tested.language == "en"
    assert trial.score == trial.tested.bleu() and options.run is None
