"""The network that reads texts: against PyTorch's own layers, in the glass box, on the tape, and with padding."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from congling.data.text.labelled_batches import TextBatch, collate_texts
from congling.equations.glass_box import glass_box
from congling.equations.pooling_over_time import max_over_time, mean_over_time
from congling.learning.backprop import Tape
from congling.networks.recurrent_kinds import RecurrentKind
from congling.networks.text_classifier import TextClassifier, TimePooling

VOCABULARY, CLASSES, WIDTH, EMBEDDING, PAD = 13, 3, 5, 7, 12
ROWS = [[3, 1, 4, 1, 5, 9], [2, 6], [], [5, 3, 5, 8, 9, 7, 9, 3, 2, 3]]
TARGETS = [0, 2, 1, 1]
TWINS = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def network_of(kind: RecurrentKind, pooling: TimePooling, *, layers: int = 1, directions: int = 2) -> TextClassifier:
    torch.manual_seed(11)
    network = TextClassifier(
        VOCABULARY,
        CLASSES,
        kind=kind,
        width=WIDTH,
        embedding=EMBEDDING,
        layers=layers,
        bidirectional=directions == 2,
        pooling=pooling,
    )
    return network.double()


def batch() -> TextBatch:
    return collate_texts(ROWS, TARGETS, PAD)


def twin_logits(network: TextClassifier, kind: str, row: list[int]) -> Tensor:
    """The same by PyTorch's recurrent layer, for one text without any padding."""
    twin = TWINS[kind](EMBEDDING, WIDTH, batch_first=True, bidirectional=network.recurrent.directions == 2).double()
    scans = list(network.recurrent.layers[0].scans())  # type: ignore[operator]
    with torch.no_grad():
        for scan, suffix in zip(scans, ("", "_reverse"), strict=False):
            names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
            for place in range(4):
                getattr(twin, names[place] + suffix).copy_(scan.weights[place])
    states, last = twin(network.embedding.weight[torch.tensor([[*row, 0]])])
    last = last[0] if kind == "lstm" else last
    pooled = {
        "last": torch.cat(list(last), dim=-1),
        "mean": states.mean(dim=1),
        "max": states.amax(dim=1),
        "max-mean": torch.cat([states.amax(dim=1), states.mean(dim=1)], dim=-1),
    }[network.pooling]
    return nn.functional.linear(pooled, network.output.weight, network.output.bias)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "max-mean"])
@pytest.mark.parametrize("kind", ["elman", "gru", "lstm"])
def test_same_as_pytorch_without_padding(kind: RecurrentKind, pooling: TimePooling, directions: int) -> None:
    """Guards padding that leaks into states, pooling or the last state: each text alone gives the same."""
    network = network_of(kind, pooling, directions=directions)
    together = network(batch().ids, batch().lengths)
    alone = torch.cat([twin_logits(network, kind, row) for row in ROWS])
    assert torch.allclose(together, alone, rtol=0, atol=1e-12)
    wanted = torch.autograd.grad(alone.square().sum(), list(network.output.parameters()), retain_graph=True)
    found = torch.autograd.grad(together.square().sum(), list(network.output.parameters()))
    assert all(torch.allclose(one, other, rtol=0, atol=1e-11) for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize("pooling", ["last", "max-mean"])
@pytest.mark.parametrize("kind", ["elman", "gru", "lstm"])
def test_the_tape_agrees_with_autograd(kind: RecurrentKind, pooling: TimePooling) -> None:
    """Guards an operation without a rule, or plain formulas that are not the fused ones."""
    network = network_of(kind, pooling, layers=2)
    loss, count = network.loss(batch())
    loss.backward()
    with Tape() as tape:
        by_tape, _count = network.loss(batch())
    gradients = tape.gradients(by_tape)
    assert count == 4 and float(by_tape) == pytest.approx(float(loss.detach()), rel=1e-13)
    for name, parameter in network.named_parameters():
        assert torch.allclose(gradients[parameter], parameter.grad, rtol=0, atol=1e-12), name


def test_the_glass_box_shows_states_and_gates() -> None:
    """Guards the names that the page and ``inspect --value`` look for."""
    network = network_of("gru", "max-mean")
    with glass_box() as box:
        network(batch().ids, batch().lengths)
    for direction in ("forward_scan", "backward_scan"):
        for name in ("hidden", "reset", "update", "candidate"):
            assert box[f"recurrent.layers.0.{direction}.{name}"].shape == (4, 11, WIDTH)
    assert box["pooled"].shape == (4, 4 * WIDTH) and box["output"].shape == (4, CLASSES)
    assert int(box["winners"].max(dim=1).values[2]) == 0  # of a text with nothing but its end


def test_pooling_by_hand() -> None:
    """Guards padding in a mean, and a negative maximum that a padded zero would beat."""
    states = torch.tensor([[[-3.0, 1.0], [-2.0, 5.0], [0.0, 0.0]], [[4.0, -6.0], [9.0, 9.0], [9.0, 9.0]]])
    lengths = torch.tensor([2, 1])
    for way in (max_over_time, max_over_time.plain):
        assert way(states, lengths).tolist() == [[-2.0, 5.0], [4.0, -6.0]]
    assert mean_over_time(states, lengths).tolist() == [[-2.5, 3.0], [4.0, -6.0]]


def test_pieces_are_dropped_in_training_alone_and_never_the_end() -> None:
    """Guards an end that is unknown, pads that become pieces, and noise in evaluation."""
    network = network_of("gru", "max")
    network.piece_dropout = 0.9
    ids, lengths = batch().ids, batch().lengths
    torch.manual_seed(3)
    dropped = network.train()._with_unknown(ids, lengths)
    changed = dropped != ids
    assert changed.any() and (dropped[changed] == 1).all()
    assert not changed[torch.arange(4), lengths - 1].any() and not changed[ids == PAD].any()
    assert torch.equal(network.eval()._with_unknown(ids, lengths), ids)


def test_guesses_are_of_neighbours() -> None:
    """Guards a guess of the piece itself, of padding, or of the wrong side: against a loop over all places."""
    torch.manual_seed(5)
    network = TextClassifier(
        VOCABULARY, CLASSES, kind="gru", width=WIDTH, embedding=EMBEDDING, pooling="max", guesses=True
    ).double()
    assert network.guesses is not None
    network.guesses.share = 1.1  # every place
    loss, count = network.guess_loss(batch())
    states, _last = network._read(batch().ids, batch().lengths, network.embedding_dropout)
    forward, backward = states.chunk(2, dim=-1)
    wanted, places = 0.0, 0
    for row, length in enumerate(batch().lengths.tolist()):
        ids = batch().ids[row].tolist()
        for t in range(length - 1):
            for part, at, target in ((forward, t, t + 1), (backward, t + 1, t)):
                projected = network.guesses.projections[0 if part is forward else 1](part[row, at])
                scores = network.embedding.weight @ projected + network.guesses.bias
                wanted -= float(torch.log_softmax(scores, dim=-1)[ids[target]].detach())
                places += 1
    assert count == places and float(loss.detach()) == pytest.approx(wanted, rel=1e-12)
    with pytest.raises(ValueError, match="without guesses"):
        network_of("gru", "max").guess_loss(batch())
