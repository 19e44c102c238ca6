"""Recurrence: formulas by hand, scans against a loop and PyTorch's layers, lengths, directions, the glass box."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from congling.equations import recurrence, recurrence_kernels
from congling.equations.equation import Equation, equations
from congling.equations.glass_box import glass_box
from congling.equations.packing import packing
from congling.networks.recurrent_kinds import RecurrentKind
from congling.networks.recurrent_layers import Recurrent, RecurrentLayer, RecurrentScan

KINDS: list[RecurrentKind] = ["elman", "gru", "lstm"]
TWINS: dict[str, type[nn.RNNBase]] = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
LENGTHS = torch.tensor([7, 11, 3, 1, 7])
SHOWN = {
    "elman": set(),
    "gru": {"reset", "update", "candidate"},
    "lstm": {"input_gate", "forget_gate", "candidate", "output_gate", "cell"},
}


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def scans_of(network: Recurrent) -> list[RecurrentScan]:
    return [scan for layer in network.layers if isinstance(layer, RecurrentLayer) for scan in layer.scans()]


def named_alike(twin: nn.RNNBase, network: Recurrent) -> list[tuple[nn.Parameter, nn.Parameter]]:
    """Each of our parameters, and PyTorch's own of the same meaning."""
    suffixes = [f"_l{n}{way}" for n in range(len(network.layers)) for way in ("", "_reverse")[: network.directions]]
    return [
        (ours, twin.get_parameter(theirs + suffix))
        for scan, suffix in zip(scans_of(network), suffixes, strict=True)
        for ours, theirs in zip(scan.parameters(), ("weight_ih", "weight_hh", "bias_ih", "bias_hh"), strict=True)
    ]


def twin_of(network: Recurrent, kind: str, **settings: Any) -> nn.RNNBase:
    """PyTorch's own network with the same weights."""
    first = scans_of(network)[0]
    make: Any = TWINS[kind]
    twin: nn.RNNBase = make(
        first.W_xh.shape[1], first.width, len(network.layers), batch_first=True, **settings
    ).double()
    with torch.no_grad():
        for number, (ours, theirs) in enumerate(named_alike(twin, network)):
            ours.copy_(random(*ours.shape, seed=number) / 3)
            theirs.copy_(ours)
    return twin


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("layers", "bidirectional", "plain"), [(1, False, True), (2, True, False), (3, False, False)])
def test_a_network_is_pytorchs(kind: RecurrentKind, layers: int, bidirectional: bool, plain: bool) -> None:
    """Guards values, last states and every gradient: gates in another order, a bias left out, a state at padding."""
    network = Recurrent(kind, 3, 5, layers=layers, bidirectional=bidirectional).double()
    twin = twin_of(network, kind, bidirectional=bidirectional)
    leaves = [random(5, 11, 3).requires_grad_() for _ in range(2)]
    if plain:
        with glass_box(keep_gradients=True):
            outputs, state = network(leaves[0], LENGTHS)
    else:
        outputs, state = network(leaves[0], LENGTHS)
    packed, last = twin(pack_padded_sequence(leaves[1], LENGTHS, batch_first=True, enforce_sorted=False))
    expected, _ = pad_packed_sequence(packed, batch_first=True)
    torch.testing.assert_close(outputs, expected, rtol=1e-12, atol=1e-12)
    states = [torch.stack(each) for each in zip(*state.scans, strict=True)]
    lasts = list(last) if isinstance(last, tuple) else [last]
    for ours, theirs in zip(states, lasts, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    for all_of_it in ([outputs, *states], [expected, *lasts]):
        total = torch.stack([(each * random(*each.shape, seed=9)).sum() for each in all_of_it]).sum()
        total.backward()  # type: ignore[no-untyped-call]
    for given, twins in [(leaves[0], leaves[1]), *named_alike(twin, network)]:
        torch.testing.assert_close(given.grad, twins.grad, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    "lengths", [None, [11] * 5, [7, 11, 0, 1, 7], [0] * 5], ids=["whole", "equal", "unequal", "empty"]
)
def test_plain_fused_and_pytorchs_scan_are_equal(
    kind: str, reverse: bool, lengths: list[int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards every way there is, the GPU's too, with a state given: empty sequences, both directions, no padding."""
    equation: Equation[Any, Any] = equations()[kind]
    inputs, *given = equation.example(torch.Generator().manual_seed(3))[:-2]
    ends = None if lengths is None else torch.tensor(lengths)

    def by(body: Any) -> list[Tensor]:
        leaves = [each.detach().clone().requires_grad_() for each in (inputs, *given)]
        values = body(*leaves, ends, reverse)
        total = torch.stack([(each * random(*each.shape, seed=4)).sum() for each in values]).sum()
        return [
            *(each.detach() for each in values),
            *torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True),
        ]

    plain, fused = by(equation.plain), by(equation.fused)
    monkeypatch.setattr(recurrence_kernels, "_on_a_gpu", lambda _inputs: True)
    for ours, theirs, torchs in zip(plain, fused, by(equation.fused), strict=True):
        torch.testing.assert_close(theirs, ours, rtol=1e-11, atol=1e-12)
        torch.testing.assert_close(torchs, ours, rtol=1e-11, atol=1e-12)


def test_steps_by_hand() -> None:
    """Guards what a gate does: shut update gates forget all, open ones keep all; the cell adds up."""
    zero = torch.zeros(1, 1, dtype=torch.float64)
    one = torch.ones(1, 1, dtype=torch.float64)
    for body in (recurrence.elman_step.plain, recurrence.elman_step):
        state = body(one, 2 * one, 3 * one, -one, 0.5 * one[0], 0.25 * one[0])
        assert float(state) == pytest.approx(math.tanh(3 + 0.5 - 2 + 0.25))
    for keeps, expected in ((50.0, 0.75), (-50.0, math.tanh(0.5))):
        biases = torch.tensor([50.0, keeps, 0.0], dtype=torch.float64)
        W_hh = torch.tensor([[0.0], [0.0], [2.0]], dtype=torch.float64)  # the candidate is tanh(2h − 1), reset open
        for gru in (recurrence.gru_step.plain, recurrence.gru_step):
            state = gru(zero, 0.75 * one, zero.repeat(3, 1), W_hh, biases, torch.tensor([0.0, 0, -1.0]).double())
            assert float(state) == pytest.approx(expected)
    biases = torch.tensor([50.0, 50.0, 50.0, 0.0], dtype=torch.float64)  # all comes in, nothing is forgotten
    nothing = zero.repeat(4, 1)
    for lstm in (recurrence.lstm_step.plain, recurrence.lstm_step):
        state, cell = lstm(zero, zero, 3 * one, nothing, nothing, biases, 0 * biases)
        assert float(cell) == pytest.approx(4)
        assert float(state) == pytest.approx(0.5 * math.tanh(4))


@pytest.mark.parametrize("kind", KINDS)
def test_step_by_step_is_the_scan(kind: RecurrentKind) -> None:
    """Guards decoding: what is written position by position must be what was learned over whole sequences."""
    network = Recurrent(kind, 3, 5, layers=2, dropout=0.3).double().eval()
    inputs = random(2, 7, 3)
    outputs, last = network(inputs)
    state = network.begin(2, inputs)
    for t in range(7):
        output, state = network.step(inputs[:, t], state)
        torch.testing.assert_close(output, outputs[:, t], rtol=1e-12, atol=1e-12)
    for ours, theirs in zip(state.scans, last.scans, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    halfway = network(inputs[:, :4])[1]
    torch.testing.assert_close(network(inputs[:, 4:], state=halfway)[0], outputs[:, 4:], rtol=1e-12, atol=1e-12)
    with pytest.raises(ValueError, match="both directions"):
        Recurrent(kind, 3, 5, bidirectional=True).step(torch.zeros(2, 3), state)


def test_dropout_stands_between_layers_alone() -> None:
    """Guards against dropout over time, or of the inputs twice: one layer has none, two have it in training only."""
    inputs = random(2, 7, 3)
    for layers, same in ((1, True), (2, False)):
        network = Recurrent("gru", 3, 5, layers=layers, dropout=0.5).double()
        assert torch.equal(network(inputs)[0], network.eval()(inputs)[0]) is same
        assert torch.equal(network(inputs)[0], network(inputs)[0])


def test_states_are_selected_by_row() -> None:
    """Guards beam search: a hypothesis that is copied takes every layer's state along, cells too."""
    network = Recurrent("lstm", 3, 5, layers=2).double()
    _, state = network(random(3, 7, 3))
    picked = state.select(torch.tensor([2, 0, 2, 1]))
    assert all(len(scan) == 2 for scan in picked.scans) and len(picked.scans) == 2
    for before, after in zip(state.scans, picked.scans, strict=True):
        for each, chosen in zip(before, after, strict=True):
            assert torch.equal(chosen, each[[2, 0, 2, 1]])


@pytest.mark.parametrize("kind", KINDS)
def test_the_glass_box_shows_states_and_gates_over_time(kind: RecurrentKind) -> None:
    """Guards what is drawn: by name, (B, T, W), in the order of time although one scan reads backwards."""
    network = Recurrent(kind, 3, 5, bidirectional=True).double()
    with glass_box() as seen:
        outputs, _ = network(random(5, 11, 3), LENGTHS)
    for place, scan in enumerate(("forward_scan", "backward_scan")):
        torch.testing.assert_close(seen[f"layers.0.{scan}.hidden"], outputs[..., 5 * place : 5 * (place + 1)])
        shown = {path.rsplit(".", 1)[1] for path in seen if path.startswith(f"layers.0.{scan}.")}
        assert shown == {"hidden", *SHOWN[kind]}
        assert {seen[f"layers.0.{scan}.{name}"].shape for name in shown} == {(5, 11, 5)}
    if kind == "lstm":
        for scan in ("forward_scan", "backward_scan"):
            expected = seen[f"layers.0.{scan}.output_gate"] * torch.tanh(seen[f"layers.0.{scan}.cell"])
            real = torch.arange(11) < LENGTHS[:, None]
            torch.testing.assert_close(seen[f"layers.0.{scan}.hidden"][real], expected[real])


def test_how_a_network_begins() -> None:
    """Guards the beginning: recurrent matrices keep lengths, gate by gate, and an LSTM remembers from the first day."""
    torch.manual_seed(1)
    scan = scans_of(Recurrent("lstm", 3, 5))[0]
    for part in scan.W_hh.chunk(4):
        torch.testing.assert_close(part @ part.t(), torch.eye(5), rtol=1e-5, atol=1e-6)
    assert scan.b_xh.view(4, 5)[:, 0].tolist() == [0, 1, 0, 0] and not scan.b_hh.any()
    assert float(scan.W_xh.detach().abs().max()) <= math.sqrt(6 / (3 + 5))
    assert not scans_of(Recurrent("gru", 3, 5))[0].b_xh.any()


def test_lengths_that_cannot_be() -> None:
    """Guards against states of other sequences: a length beyond the batch would read into the next row."""
    with pytest.raises(ValueError, match="lengths from 2 to 12 in a batch of 11 positions"):
        packing(torch.tensor([12, 2]), 11)
    with pytest.raises(ValueError, match="lengths from -1 to 2"):
        packing(torch.tensor([-1, 2]), 11)


@pytest.mark.parametrize("kind", KINDS)
def test_a_scan_in_a_narrow_type(kind: RecurrentKind) -> None:
    """Guards training in bfloat16: outputs stay bfloat16, and near what float32 gives after many steps."""
    torch.manual_seed(1)
    network = Recurrent(kind, 7, 11)
    inputs = torch.randn(3, 50, 7)
    exact, _ = network(inputs)
    narrow, _ = network.bfloat16()(inputs.bfloat16())
    assert narrow.dtype == torch.bfloat16
    assert float((narrow.float() - exact).detach().abs().max()) < 0.05
    narrow.float().square().sum().backward()
    assert all(bool(each.grad.isfinite().all()) for each in network.parameters())  # type: ignore[union-attr]
