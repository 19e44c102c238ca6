"""The linear model beside the reading network: against counts by hand, with padding, and on the tape."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import Tensor

from congling.data.text.labelled_batches import TextBatch, collate_texts
from congling.learning.backprop import Tape
from congling.networks.bag_of_ngrams import BASE, PRIME, SPREAD, BagOfNgrams, ngram_rows
from congling.networks.text_classifier import TextClassifier

PAD, CLASSES, LONGEST, ROWS = 12, 3, 4, 101
TEXTS = [[3, 1, 4, 1, 5, 9, 3, 1, 4], [2, 6], [], [5, 3, 5, 8, 9, 7, 9]]


def batch() -> TextBatch:
    return collate_texts(TEXTS, [0, 2, 1, 1], PAD)


def bag_of(dropout: float = 0.0) -> BagOfNgrams:
    torch.manual_seed(3)
    bag = BagOfNgrams(CLASSES, longest=LONGEST, numbers=ROWS * CLASSES + 2, scale=2.5, dropout=dropout).double()
    with torch.no_grad():
        bag.weight.normal_()
        bag.bias.normal_()
    return bag


def counted(text: list[int]) -> Tensor:
    """How often each row's runs stand in a text with its end, by Python's own numbers, (R)."""
    pieces, counts = [*text, 0], Counter[int]()
    for end in range(len(pieces)):
        for length in range(1, min(LONGEST, end + 1) + 1):
            key = 0
            for piece in reversed(pieces[end + 1 - length : end + 1]):
                key = (key * BASE + piece + 1) % PRIME
            counts[key * SPREAD % PRIME % ROWS] += 1
    return torch.tensor([counts[row] for row in range(ROWS)], dtype=torch.float64)


def test_the_same_as_a_linear_model_on_counts() -> None:
    """Guards runs across padding or missing at the start, a wrong norm, and a gradient that misses repeated runs."""
    bag = bag_of()
    found = bag(batch().ids, batch().lengths)
    counts = torch.stack([counted(text) for text in TEXTS])  # (B, R)
    weight, bias = (each.detach().clone().requires_grad_() for each in (bag.weight, bag.bias))
    wanted = 2.5 * counts @ weight / counts.sum(dim=1, keepdim=True).sqrt() + bias
    assert torch.allclose(found, wanted, rtol=0, atol=1e-12)
    mine = torch.autograd.grad(found.square().sum(), [bag.weight, bag.bias])
    twins = torch.autograd.grad(wanted.square().sum(), [weight, bias])
    assert all(torch.allclose(one, other, rtol=0, atol=1e-11) for one, other in zip(mine, twins, strict=True))


def test_rows_tell_runs_apart() -> None:
    """Guards a hash that forgets the order or the length of a run: in a large table few runs share a row."""
    ids = torch.arange(60).repeat(60, 1)
    ids[:, 1::2] = torch.arange(60).unsqueeze(1)  # pairs (a, b) and (b, a) of all 60 pieces
    rows = ngram_rows(ids, torch.full((60,), 60), 2, 2**24)
    runs = {(int(row[t - 1]), int(row[t])) for row in ids for t in range(1, 60)}
    assert int((rows[:, 0, 1] == -1).all()) and len(set(rows[:, 1:, 1].flatten().tolist())) >= len(runs) - 2


def test_runs_are_dropped_in_training_alone() -> None:
    """Guards noise in evaluation, and scores that grow or shrink by dropping."""
    bag = bag_of(dropout=0.5)
    steady = bag_of()(batch().ids, batch().lengths)
    assert torch.equal(bag.eval()(batch().ids, batch().lengths), steady)
    drawn = torch.stack([bag.train()(batch().ids, batch().lengths) for _draw in range(1000)]).detach()
    assert (drawn.mean(dim=0) - steady).abs().max() < 6 * float(drawn.std(dim=0).max()) / 1000**0.5


def reader() -> TextClassifier:
    torch.manual_seed(11)
    network = TextClassifier(13, CLASSES, kind="gru", width=5, embedding=7, pooling="max", ngrams=LONGEST).double()
    network.ngrams = BagOfNgrams(CLASSES, longest=LONGEST, numbers=ROWS * CLASSES).double()
    with torch.no_grad():
        network.ngrams.weight.normal_()
    return network


def test_two_answers_become_one() -> None:
    """Guards an answer that counts twice, and a loss that is not that of each answer by itself."""
    network, given = reader(), batch()
    together = network(given.ids, given.lengths)
    loss, count = network.loss(given)
    bag = network.ngrams
    network.ngrams = None
    alone, counting = network(given.ids, given.lengths), bag(given.ids, given.lengths)  # type: ignore[misc]
    assert torch.allclose(together, (alone + counting) / 2, rtol=0, atol=1e-13)
    both = [torch.nn.functional.cross_entropy(each, given.targets, reduction="sum") for each in (alone, counting)]
    assert count == 4 and float(loss.detach()) == pytest.approx(float(sum(both).detach()) / 2, rel=1e-12)  # type: ignore[union-attr]


def test_the_tape_agrees_with_autograd() -> None:
    """Guards an operation of the table without a rule on the tape."""
    network = reader()
    loss, _count = network.loss(batch())
    loss.backward()  # type: ignore[no-untyped-call]
    with Tape() as tape:
        by_tape, _count = network.loss(batch())
    gradients = tape.gradients(by_tape)
    for name, parameter in network.named_parameters():
        assert torch.allclose(gradients[parameter], parameter.grad, rtol=0, atol=1e-12), name  # type: ignore[arg-type]
