"""The tape on whole networks: against autograd, against central differences, and what it finds."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from congling.data.examples import ExampleBatch
from congling.data.text.pair_batches import Batch, collate
from congling.equations import attention as attention_equations
from congling.equations import recurrence as recurrence_equations
from congling.equations.activations import relu, softmax
from congling.equations.equation import equations
from congling.errors import UserError
from congling.learning.backprop import Tape
from congling.networks.activations import ACTIVATIONS
from congling.networks.cnn import ConvolutionalNetwork
from congling.networks.convolution_layers import Pooling
from congling.networks.layers import Linear
from congling.networks.mlp import LossName, MultiLayerPerceptron, Normalisation
from congling.networks.recurrent_kinds import RecurrentKind
from congling.networks.recurrent_translator import RecurrentTranslator
from congling.networks.transformer import Transformer

assert attention_equations and recurrence_equations  # register their formulas


def transformer(activation: str = "relu", norm_first: bool = True, dropout: float = 0.1, **sizes: int) -> Transformer:
    chosen = {"width": 6, "heads": 3, "feed_forward": 7, "encoder_layers": 2, "decoder_layers": 2} | sizes
    torch.manual_seed(1)
    network = Transformer(
        13, 17, **chosen, dropout=dropout, attention_dropout=dropout, activation_dropout=dropout,
        activation=activation, norm_first=norm_first,  # type: ignore[arg-type]
    )  # fmt: skip
    return network.double()


def sentences() -> Batch:
    return collate([[3, 4, 5], [6, 7]], [[3, 4], [5, 6, 7, 8]], 12, 16)


def relative_to_the_largest(found: dict[Tensor, Tensor], network: nn.Module) -> float:
    """Some gradients are zero in exact arithmetic (a key's bias), so that all are measured by the largest one."""
    wanted = {parameter: parameter.grad for parameter in network.parameters()}
    assert set(found) == set(wanted)
    largest = max(float(g.abs().max()) for g in wanted.values() if g is not None)
    return max(float((found[p] - g).abs().max()) for p, g in wanted.items() if g is not None) / largest


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu"])
@pytest.mark.parametrize("norm_first", [True, False])
def test_the_transformer_equals_autograd(activation: str, norm_first: bool) -> None:
    """A rule that is right alone and wrong in a network: views, masks, dropout, tied tables, values used twice."""
    network, batch = transformer(activation, norm_first), sentences()
    torch.manual_seed(7)
    with Tape() as tape:
        loss, _ = network.loss(batch, label_smoothing=0.1)
    found = tape.gradients(loss)
    torch.manual_seed(7)
    other, _ = network.loss(batch, label_smoothing=0.1)
    other.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(loss, other.detach(), rtol=1e-12, atol=0)
    assert relative_to_the_largest(found, network) < 1e-10


@pytest.mark.parametrize("kind", ["elman", "gru", "lstm"])
@pytest.mark.parametrize("attention", [False, True])
def test_recurrent_translators_equal_autograd(kind: RecurrentKind, attention: bool) -> None:
    """A step of a recurrence that the tape takes the wrong way back; autograd goes through the fused scans' own way."""
    torch.manual_seed(1)
    network = RecurrentTranslator(
        13, 17, kind=kind, width=5, encoder_layers=2, decoder_layers=2, attention=attention, dropout=0.1
    ).double()
    batch = sentences()
    torch.manual_seed(7)
    with Tape() as tape:
        loss, _ = network.loss(batch, label_smoothing=0.1)
    found = tape.gradients(loss)
    torch.manual_seed(7)
    other, _ = network.loss(batch, label_smoothing=0.1)
    other.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(loss, other.detach(), rtol=1e-12, atol=0)
    assert relative_to_the_largest(found, network) < 1e-10


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize(("normalisation", "residual", "loss"), [
    ("none", False, "squared-error"), ("layer", True, "absolute-error"), ("batch", True, "cross-entropy"),
])  # fmt: skip
def test_perceptrons_equal_autograd(
    activation: str, normalisation: Normalisation, residual: bool, loss: LossName
) -> None:
    """A part of a small network that the tape does not know, or knows wrongly."""
    torch.manual_seed(1)
    network = MultiLayerPerceptron(
        3, 5, hidden=[7, 7, 2], activation=activation, loss=loss, dropout=0.2, normalisation=normalisation,
        residual=residual,
    ).double()  # fmt: skip
    targets = torch.randint(0, 5, (11,)) if loss == "cross-entropy" else torch.randn(11, 5, dtype=torch.float64)
    assert_equals_autograd(network, ExampleBatch(torch.randn(11, 3, dtype=torch.float64), targets))


@pytest.mark.parametrize(("pooling", "residual"), [("max", False), ("mean", True), ("none", True)])
def test_convolutional_networks_equal_autograd(pooling: Pooling, residual: bool) -> None:
    """A convolution, a pooling or a normalisation of pictures that the tape takes the wrong way back."""
    torch.manual_seed(1)
    network = ConvolutionalNetwork(
        2, 11, 3, blocks=[3, 5], convolutions=2, kernel=3, stride=2 if pooling == "none" else 1, pooling=pooling,
        residual=residual, hidden=[7],
    ).double()  # fmt: skip
    batch = ExampleBatch(torch.randn(5, 2, 11, 11, dtype=torch.float64), torch.randint(0, 3, (5,)))
    assert_equals_autograd(network, batch)


def assert_equals_autograd(network: MultiLayerPerceptron | ConvolutionalNetwork, batch: ExampleBatch) -> None:
    torch.manual_seed(7)
    with Tape() as tape:
        loss, _ = network.loss(batch)
    found = tape.gradients(loss)
    torch.manual_seed(7)
    other, _ = network.loss(batch)
    other.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(loss, other.detach(), rtol=1e-12, atol=0)
    assert relative_to_the_largest(found, network) < 1e-10


def test_every_entry_of_a_small_network_equals_central_differences() -> None:
    """An error that the tape and autograd share, such as a formula that is not the one that runs."""
    network = transformer("gelu", dropout=0.0, width=4, heads=2, feed_forward=3, encoder_layers=1, decoder_layers=1)
    batch = sentences()
    with Tape() as tape:
        loss, _ = network.loss(batch, label_smoothing=0.1)
    found = tape.gradients(loss)
    largest = max(float(g.abs().max()) for g in found.values())
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            flat, gradient = parameter.view(-1), found[parameter].reshape(-1)
            for place in range(len(flat)):
                before = flat[place].item()
                ends = []
                for moved in (before + 1e-5, before - 1e-5):
                    flat[place] = moved
                    ends.append(float(network.loss(batch, label_smoothing=0.1)[0]))
                flat[place] = before
                difference = (ends[0] - ends[1]) / 2e-5
                assert abs(difference - gradient[place].item()) < 1e-7 * largest, f"{name}[{place}]"


def differentiable() -> list[str]:
    """The formulas whose example has something to differentiate."""
    names = []
    for name, each in equations().items():
        arguments = each.example(torch.Generator().manual_seed(0))
        if any(isinstance(a, Tensor) and a.requires_grad for a in arguments):
            names.append(name)
    return names


@pytest.mark.parametrize("name", differentiable())
def test_the_tape_runs_every_formula(name: str) -> None:
    """A formula that is added with an operation of which the tape has no rule."""
    each = equations()[name]
    arguments = each.example(torch.Generator().manual_seed(0))
    with Tape() as tape:
        outcome = each(*arguments)
        values = [v for v in (outcome if isinstance(outcome, tuple) else (outcome,)) if v.is_floating_point()]
        loss = torch.stack([(v * v).sum() for v in values]).sum()
    found = tape.gradients(loss)
    outcome = each.plain(*arguments)
    values = [v for v in (outcome if isinstance(outcome, tuple) else (outcome,)) if v.is_floating_point()]
    leaves = [a for a in arguments if isinstance(a, Tensor) and a.requires_grad]
    wanted = torch.autograd.grad(torch.stack([(v * v).sum() for v in values]).sum(), leaves)
    for leaf, gradient in zip(leaves, wanted, strict=True):
        torch.testing.assert_close(found[leaf], gradient, rtol=1e-10, atol=1e-12)


def test_an_operation_knows_where_it_ran_and_what_passed_it() -> None:
    """Paths and formulas that are mixed up, gradients kept with the wrong operation."""
    network, batch = transformer(dropout=0.0), sentences()
    with Tape() as tape:
        loss, _ = network.loss(batch)
    found = tape.gradients(loss)
    scores = [each for each in tape.operations if each.equation == "softmax" and each.name == "div"]
    assert [each.module for each in scores][:2] == [f"encoder.layers.{number}.self_attention" for number in (0, 1)]
    inner = "encoder.layers.0.feed_forward.inner"
    (product,) = [each for each in tape.operations if (each.module, each.name) == (inner, "mm")]
    left, right = product.inputs
    torch.testing.assert_close(product.output, left @ right)
    torch.testing.assert_close(product.input_gradients[1], left.T @ product.output_gradient)
    layer = network.get_submodule(inner)
    torch.testing.assert_close(found[layer.weight], product.input_gradients[1].T)
    assert "encoder.layers.0.self_attention.weights" in tape.box


def test_a_training_can_do_without_keeping_gradients() -> None:
    """keep=False changes the gradients, or keeps them all the same."""
    network, batch = transformer(dropout=0.0), sentences()
    results = []
    for keep in (True, False):
        with Tape(keep=keep) as tape:
            loss, _ = network.loss(batch)
        results.append(tape.gradients(loss))
    assert all(torch.equal(results[0][p], results[1][p]) for p in network.parameters())
    assert all(each.output_gradient is None for each in tape.operations)


def test_inputs_have_gradients_too() -> None:
    """What a decision leans on: the gradient of an input that asks for one."""
    layer = Linear(3, 2).double()
    given = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    with Tape() as tape:
        loss = relu(layer(given)).sum()
    found = tape.gradients(loss)
    other = relu.plain(layer(given)).sum()
    other.backward()
    torch.testing.assert_close(found[given], given.grad)


def test_a_second_loss_forgets_the_first() -> None:
    """Gradients of an earlier loss that stay with the operations, and are taken for those of this one."""
    layer = Linear(3, 2).double()
    with Tape() as tape:
        loss = layer(torch.randn(5, 3, dtype=torch.float64)).square().sum()
        other = layer.bias.square().sum()
    tape.gradients(loss)
    assert set(tape.gradients(other)) == {layer.bias}
    (product,) = [each for each in tape.operations if each.name == "mm"]
    assert product.output_gradient is None and product.input_gradients == ()


def test_an_operation_without_a_rule_is_named() -> None:
    """A gradient that is silently lost where there is no rule."""
    values = torch.rand(3, 3, dtype=torch.float64, requires_grad=True)
    with Tape() as tape:
        loss = torch.linalg.det(values)
    with pytest.raises(UserError, match=r"no rule for the operation aten\._linalg_det"):
        tape.gradients(loss)


def test_a_change_in_place_is_refused() -> None:
    """A value that changes after it was recorded would give a wrong gradient without a word."""
    values = torch.rand(3, dtype=torch.float64, requires_grad=True)
    with pytest.raises(UserError, match=r"aten\.mul_.*in place"), Tape():
        (values + 1).mul_(2)


@pytest.mark.parametrize("changed", ["input", "output", "beside"])
def test_a_value_that_was_changed_behind_the_tapes_back_is_refused(changed: str) -> None:
    """A gradient of other numbers than those that were multiplied: PyTorch's autograd refuses this too."""
    values, beside = torch.rand(3, dtype=torch.float64, requires_grad=True), torch.rand(3, dtype=torch.float64)
    with Tape() as tape:
        shifted = values + 1
        product = shifted * beside
        loss = product.tanh().sum()
    with torch.no_grad():
        {"input": shifted.detach(), "output": product.view(3, 1), "beside": beside}[changed].mul_(2)
    with pytest.raises(UserError, match=r"cannot go back through (mul|tanh): .*changed in place"):
        tape.gradients(loss)


def test_the_gradient_stops_where_it_is_cut() -> None:
    """detach must cut, and numbers of a leaf's shape only must not count as hanging on it."""
    values = torch.rand(3, dtype=torch.float64, requires_grad=True)
    with Tape() as tape:
        loss = (values * values.detach() + torch.ones_like(values).mul_(2)).sum()
    assert torch.equal(tape.gradients(loss)[values], values.detach())


def test_a_loss_of_another_calculation_is_refused() -> None:
    """Gradients of zero for a loss that the tape never saw."""
    with Tape() as tape:
        pass
    with pytest.raises(UserError, match="hangs on nothing"):
        tape.gradients(torch.zeros(()))
    with pytest.raises(ValueError, match="one number"):
        tape.gradients(torch.zeros(3))


# What it finds -------------------------------------------------------------------------------------------------------


class Chain(nn.Module):
    """Layers one after the other, to make gradients vanish or explode."""

    def __init__(self, depth: int, scale: float) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layers = nn.ModuleList(Linear(7, 7).double() for _ in range(depth))
        with torch.no_grad():
            for layer in self.layers:
                layer.weight.mul_(scale)

    def forward(self, value: Tensor) -> Tensor:
        for layer in self.layers:
            value = layer(value)
        return value.square().sum()


def flow_of(network: nn.Module, given: Tensor) -> Tape:
    with Tape() as tape:
        loss = network(given)
    tape.gradients(loss)
    return tape


@pytest.mark.parametrize(("scale", "kind"), [(0.2, "vanishing"), (1.0, None), (8.0, "exploding")])
def test_vanishing_and_exploding_gradients_are_found(scale: float, kind: str | None) -> None:
    """A finding that is always there, or never, or at the wrong layer."""
    flow = flow_of(Chain(9, scale), torch.randn(5, 7, dtype=torch.float64)).flow()
    assert [layer.path for layer in flow.layers] == [f"layers.{number}" for number in range(9)]
    assert {finding.kind for finding in flow.findings} == ({kind} if kind else set())
    if kind:
        assert flow.findings[0].path == "layers.0"
        assert "layers.8" not in {finding.path for finding in flow.findings}


def test_the_loss_is_no_layer() -> None:
    """A translator whose gradients all 'vanish' beside the loss's own, which is 1: its last layer is the logits."""
    network, batch = transformer(dropout=0.0), sentences()
    with Tape() as tape:
        total, count = network.loss(batch)
        loss = total / count
    tape.gradients(loss)
    flow = tape.flow()
    with torch.no_grad():
        wanted = batch.target_output.flatten()
        logits = network(batch.source, batch.source_padding, batch.target_input).flatten(0, 1)[wanted != 16]
        one_hot = torch.eye(logits.shape[1], dtype=logits.dtype)[wanted[wanted != 16]]
        back = (torch.softmax(logits, dim=1) - one_hot) / count
    assert flow.layers[-1].path == "" and flow.findings == []
    assert flow.layers[-1].gradient_norm == pytest.approx(float(back.square().mean().sqrt()))
    assert flow.layers[-1].activation_norm == pytest.approx(float(logits.square().mean().sqrt()))


@pytest.mark.parametrize("layer", [0, 4, 8])
def test_gradients_that_are_not_finite_are_found(layer: int) -> None:
    """'Nothing looks wrong', of a network whose gradients are all NaN: there is nothing to compare them with."""
    network = Chain(9, 1.0)
    with torch.no_grad():
        network.layers[layer].weight[2, 3] = math.nan
    findings = flow_of(network, torch.randn(5, 7, dtype=torch.float64)).flow().findings
    assert [(finding.kind, finding.path) for finding in findings] == [
        ("non-finite", f"layers.{number}") for number in range(9)
    ]


def test_the_strengths_are_root_mean_squares() -> None:
    """A strength that grows with the width or the batch."""
    network = Chain(2, 1.0)
    tape = flow_of(network, torch.randn(5, 7, dtype=torch.float64))
    first = tape.flow().layers[0]
    output = tape.box["layers.0.output"]
    assert first.activation_norm == pytest.approx(float(output.square().mean().sqrt()))
    layer = network.layers[0]
    weights = torch.cat([layer.weight.flatten(), layer.bias]).detach()
    assert first.weight_norm == pytest.approx(float(weights.square().mean().sqrt()))


class Rectified(nn.Module):
    """One layer of which some units can be switched off, and a softmax of any sharpness."""

    def __init__(self, dead: int, sharpness: float) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layer, self.sharpness = Linear(3, 5).double(), sharpness
        with torch.no_grad():
            self.layer.bias[:dead] = -100

    def forward(self, value: Tensor) -> Tensor:
        hidden = relu(self.layer(value))
        return (softmax(hidden * self.sharpness) * hidden).sum()


def test_dead_units_and_saturated_softmaxes_are_found() -> None:
    """Units that are zero for every example and nearly certain weights go unnoticed, or healthy ones are blamed."""
    given = torch.randn(64, 3, dtype=torch.float64)
    assert flow_of(Rectified(0, 1.0), given).flow().findings == []
    findings = flow_of(Rectified(2, 1.0), given).flow().findings
    assert [(finding.kind, finding.value) for finding in findings] == [("dead-relu", 2 / 5)]
    assert "2 of 5" in findings[0].text
    kinds = {finding.kind for finding in flow_of(Rectified(0, 1e4), given).flow().findings}
    assert "saturated-softmax" in kinds


def test_a_dead_channel_is_found() -> None:
    """A unit of a feature map is a channel: columns of pixels are counted, and the dead channel goes unnoticed."""
    torch.manual_seed(1)
    network = ConvolutionalNetwork(2, 11, 3, blocks=[5], convolutions=1, kernel=3, pooling="max", hidden=[])
    pictures = ExampleBatch(torch.randn(17, 2, 11, 11), torch.randint(0, 3, (17,)))
    for dead, expected in ((0, []), (2, [("dead-relu", 2 / 5)])):
        with torch.no_grad():
            network.get_parameter("blocks.0.normalisations.0.bias")[:dead] = -100
        with Tape() as tape:
            loss, _ = network.loss(pictures)
        tape.gradients(loss)
        findings = tape.flow().findings
        assert [(finding.kind, finding.value) for finding in findings] == expected
    assert "2 of 5" in findings[0].text and "17 examples" in findings[0].text


def test_units_without_examples_are_looked_at_too() -> None:
    """A rectified vector, or a single number, that ends the search with an error."""
    values = torch.randn(23, dtype=torch.float64, requires_grad=True)
    with Tape() as tape:
        loss = relu(values).sum() + relu(values[0])
    tape.gradients(loss)
    assert tape.flow().findings == []


def test_the_operation_that_made_the_first_nan_is_named() -> None:
    """'The loss is NaN', and nobody knows since when."""
    values = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    with Tape() as tape:
        loss = (torch.log(values * 2) + 1).sum()
    fault = tape.first_non_finite()
    assert fault is not None and (fault.kind, fault.operation.name) == ("value", "log")
    assert "log" in str(fault) and "-4 … 2" in str(fault)
    assert torch.isnan(loss)


def test_a_gradient_that_overflows_is_named() -> None:
    """A loss that is finite, with a gradient that is not."""
    values = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    with Tape() as tape:
        loss = torch.sqrt(values * 1.0).sum()
    tape.gradients(loss)
    fault = tape.first_non_finite()
    assert fault is not None and (fault.kind, fault.operation.name) == ("gradient", "sqrt")


def test_infinities_of_a_mask_are_no_fault() -> None:
    """The −∞ that keeps attention from looking ahead is reported as an overflow."""
    network, batch = transformer(), sentences()
    with Tape() as tape:
        loss, _ = network.loss(batch)
    tape.gradients(loss)
    assert tape.first_non_finite() is None
    assert math.isfinite(float(loss))


def test_an_infinity_that_is_given_as_a_number_is_no_fault() -> None:
    """A mask that is filled in, instead of added; what overflows behind it is still found."""
    values = torch.tensor([3.0, 5.0, 7.0], dtype=torch.float64, requires_grad=True)
    with Tape() as tape:
        masked = (values * 2).masked_fill(torch.tensor([True, False, False]), -math.inf)
        loss = torch.exp(masked).sum()
    tape.gradients(loss)
    assert tape.first_non_finite() is None
    with tape:
        torch.exp(values * 1000)
    fault = tape.first_non_finite()
    assert fault is not None and fault.operation.name == "exp"


def test_what_came_in_broken_is_not_blamed_on_an_operation() -> None:
    """NaN in the user's data."""
    weights = torch.ones(2, dtype=torch.float64, requires_grad=True)
    with Tape() as tape:
        (weights * torch.tensor([1.0, math.nan], dtype=torch.float64)).sum()
    fault = tape.first_non_finite()
    assert fault is not None and fault.kind == "input" and "1 not finite" in str(fault)
