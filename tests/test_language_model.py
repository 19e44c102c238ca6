"""The recurrent language model: against PyTorch's layers, across stretches, a piece at a time, and beside counting."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from congling.data.text.running_text import Memory, TextBatch
from congling.decoding.greedy import greedy_search
from congling.decoding.sampling import sample
from congling.equations.glass_box import glass_box
from congling.learning.backprop import Tape
from congling.networks import language_model
from congling.networks.language_model import RecurrentLanguageModel
from congling.networks.recurrent_kinds import RecurrentKind
from congling.tasks.language_model.ngrams import WittenBell, score_by_counting
from congling.tasks.language_model.scores import Score

VOCABULARY = 13
KINDS: list[RecurrentKind] = ["elman", "gru", "lstm"]


def network(kind: RecurrentKind = "lstm", *, layers: int = 2, tied: bool = True) -> RecurrentLanguageModel:
    torch.manual_seed(5)
    made = RecurrentLanguageModel(VOCABULARY, kind=kind, width=7, embedding=5, layers=layers, tied_output=tied)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return made.double()


def text(rows: int, length: int, memory: Memory | None = None, seed: int = 3) -> TextBatch:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, VOCABULARY - 1, (rows, length + 1), generator=generator)
    return TextBatch(ids[:, :-1], ids[:, 1:], memory or Memory())


class Twin(nn.Module):
    """The same network as a user of PyTorch writes it, with the weights of ours."""

    def __init__(self, ours: RecurrentLanguageModel, kind: RecurrentKind) -> None:
        super().__init__()
        made = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[kind]
        layers = len(ours.recurrent.layers)
        self.embedding = nn.Embedding(VOCABULARY - 1, 5)
        self.recurrent = made(5, 7, num_layers=layers, batch_first=True)
        self.output = nn.Linear(7, VOCABULARY - 1)
        self.double()
        with torch.no_grad():
            self.embedding.weight.copy_(ours.embedding.weight * math.sqrt(5))
            for number, layer in enumerate(ours.recurrent.layers):
                names = {"W_xh": "weight_ih", "W_hh": "weight_hh", "b_xh": "bias_ih", "b_hh": "bias_hh"}
                for name, theirs in names.items():
                    getattr(self.recurrent, f"{theirs}_l{number}").copy_(getattr(layer.forward_scan, name))
            self.output.weight.copy_(ours.projection)
            self.output.bias.copy_(ours.output_bias)

    def forward(self, ids: Tensor) -> Tensor:
        return self.output(self.recurrent(self.embedding(ids))[0])


@pytest.mark.parametrize("kind", KINDS)
def test_equals_pytorchs_layers(kind: RecurrentKind) -> None:
    """Guards logits, loss and gradients: the scale of the embeddings, the order of the layers, the output's row."""
    ours, batch = network(kind, tied=False), text(3, 11)
    theirs = Twin(ours, kind)
    logits, _state = ours(batch.inputs)
    wanted = theirs(batch.inputs)
    assert torch.allclose(logits, wanted, atol=1e-12)
    loss, count = ours.loss(batch)
    reference = nn.functional.cross_entropy(wanted.flatten(0, 1), batch.targets.flatten(), reduction="sum")
    assert count == 33 and abs(float((loss - reference).detach())) < 1e-10
    loss.backward()
    reference.backward()
    pairs = [(ours.projection.grad, theirs.output.weight.grad), (ours.output_bias.grad, theirs.output.bias.grad)]
    pairs.append((ours.embedding.weight.grad, theirs.embedding.weight.grad * math.sqrt(5)))
    for number, layer in enumerate(ours.recurrent.layers):
        pairs.append((layer.forward_scan.W_hh.grad, getattr(theirs.recurrent, f"weight_hh_l{number}").grad))
    assert all(torch.allclose(one, other, atol=1e-10) for one, other in pairs)


@pytest.mark.parametrize("kind", KINDS)
def test_stretches_add_up_to_the_whole(kind: RecurrentKind) -> None:
    """Guards the memory: two stretches foretell what one long one does, and the gradient ends between them."""
    ours, whole, memory = network(kind), text(3, 11), Memory()
    parts = [TextBatch(whole.inputs[:, at], whole.targets[:, at], memory) for at in (slice(0, 4), slice(4, None))]
    losses = [ours.loss(part)[0] for part in parts]
    assert float(sum(losses).detach()) == pytest.approx(float(ours.loss(whole)[0].detach()), abs=1e-10)
    assert all(not each.requires_grad for each in memory.tensors.values())
    assert len(memory.tensors) == (4 if kind == "lstm" else 2)
    alone = float(ours.loss(TextBatch(parts[1].inputs, parts[1].targets, Memory()))[0].detach())
    assert abs(alone - float(losses[1].detach())) > 1e-4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tied", [True, False])
def test_plain_and_fused_agree_and_so_does_the_tape(kind: RecurrentKind, tied: bool) -> None:
    """Guards the glass box and the tape of this network, with a memory from before."""
    ours, batch, memory = network(kind, tied=tied), text(3, 5), Memory()
    ours.loss(text(3, 5, memory, seed=4))
    before = dict(memory.tensors)

    def loss() -> Tensor:
        return ours.loss(TextBatch(batch.inputs, batch.targets, Memory(dict(before))))[0]

    wanted = loss()
    with glass_box() as seen:
        assert abs(float((loss() - wanted).detach())) < 1e-10
    assert {"recurrent.layers.1.forward_scan.hidden", "logits"} <= set(seen)
    wanted.backward()
    with Tape() as tape:
        value = loss()
    found = tape.gradients(value)
    for name, parameter in ours.named_parameters():
        assert parameter.grad is not None and torch.allclose(found[parameter], parameter.grad, atol=1e-10), name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at_once", [3, 512])
def test_steps_equal_the_full_pass(kind: RecurrentKind, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards prompts of unequal length, prompts that are read in parts, and the first step, which reads nothing."""
    monkeypatch.setattr(language_model, "READ_AT_ONCE", at_once)
    ours = network(kind).eval()
    rows = [[3, 1, 4, 1, 5, 9, 2, 6], [2, 7], [5]]
    ids = torch.tensor([row + [ours.pad_id] * (8 - len(row)) for row in rows])
    with torch.no_grad():
        state = ours.start(ids, ids == ours.pad_id)
        chosen, state = ours.step(state, torch.full((3,), ours.pad_id))
        after, state = ours.step(state, torch.tensor([8, 0, 11]))
        swapped, _ = ours.step(ours.select(state, torch.tensor([2, 0])), torch.tensor([1, 1]))
        for number, (row, last) in enumerate(zip(rows, (8, 0, 11), strict=True)):
            logits = ours(torch.tensor([[*row, last, 1]]))[0][0].log_softmax(-1).float()
            assert torch.allclose(chosen[number], logits[len(row) - 1], atol=1e-6)
            assert torch.allclose(after[number], logits[len(row)], atol=1e-6)
            if number != 1:
                assert torch.allclose(swapped[0 if number == 2 else 1], logits[-1], atol=1e-6)


def test_the_decoding_floor_writes_on_and_tells_each_piece() -> None:
    """Guards greedy search and sampling without a source: what is heard is what is found, row by row, in order."""
    ours = network().eval()
    prompts, padding = torch.tensor([[3, 1], [2, 5]]), torch.zeros(2, 2, dtype=torch.bool)
    heard: list[tuple[int, int]] = []
    settings = {"end_id": 0, "pad_id": ours.pad_id, "max_lengths": torch.tensor([6, 4]), "banned": (1,)}

    def hear(row: int, piece: int) -> None:
        heard.append((row, piece))

    found = greedy_search(ours, prompts, padding, hear=hear, **settings)
    for row, hypothesis in enumerate(found):
        pieces = [piece for each, piece in heard if each == row]
        assert pieces == hypothesis.ids + [0] * hypothesis.finished
        assert pieces == greedy_by_hand(ours, prompts[row].tolist(), len(pieces))
    drawn = [sample(ours, prompts, padding, generator=torch.Generator().manual_seed(2), samples=3, **settings)] * 2
    assert drawn[0] == drawn[1] and [len(each) for each in drawn[0]] == [3, 3]


def greedy_by_hand(ours: RecurrentLanguageModel, prompt: list[int], count: int) -> list[int]:
    """The likeliest piece that is not banned, with the whole text read anew each time."""
    ids = list(prompt)
    for _piece in range(count):
        logits = ours(torch.tensor([ids]))[0][0, -1].detach()
        logits[1] = -math.inf
        ids.append(int(logits.argmax()))
    return ids[len(prompt) :]


# Counting ------------------------------------------------------------------------------------------------------------


def test_witten_bell_by_hand() -> None:
    """Guards counts and kinds: after 0 came 1, 1 and 2, so that p(1 | 0) = (2 + 2 p(1)) / (3 + 2)."""
    ids = np.array([0, 1, 0, 1, 0, 2], np.int32)
    model = WittenBell(ids, vocabulary=4, order=2)
    p_one = (2 + 3 * 0.25) / (6 + 3)
    found = np.exp(model.log_probabilities(np.array([0, 1], np.int32)))
    assert found == pytest.approx([(2 + 2 * p_one) / 5])
    never = np.exp(model.log_probabilities(np.array([2, 1], np.int32)))  # nothing ever followed a 2
    assert never == pytest.approx([p_one])


@pytest.mark.parametrize("order", [1, 2, 3])
def test_witten_bell_sums_to_one(order: int) -> None:
    """Guards the interpolation: a baseline whose probabilities leak looks worse than counting is."""
    ids = np.random.default_rng(1).integers(0, 5, 200).astype(np.int32)
    model = WittenBell(ids, vocabulary=7, order=order)
    for history in ([0, 1], [4, 4], [6, 2]):
        given = history[: order - 1]
        total = sum(np.exp(model.log_probabilities(np.array([*given, w], np.int32)))[0] for w in range(7))
        assert total == pytest.approx(1)


def test_counting_foretells_what_it_has_seen() -> None:
    """Guards the scores around it: a text of period 3 costs a trigram nearly nothing, and a score's units."""
    ids = np.tile([2, 3, 4], 200).astype(np.int32)
    score = score_by_counting(ids, ids[:60], 7, characters=120)
    assert score.pieces == 58 and score.characters == 116 and score.loss < 0.02
    units = Score(nats=math.log(8) * 10, pieces=10, characters=5)
    assert units.perplexity == pytest.approx(8) and units.bits_a_character == pytest.approx(6)
