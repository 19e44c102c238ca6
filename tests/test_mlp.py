"""The multi-layer perceptron against PyTorch's layers, its losses by hand, its parts, and how it is initialised.

B 11 · I 3 · hidden 7, 7, 5 · O 2
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from congling.data.examples import ExampleBatch
from congling.equations.glass_box import glass_box
from congling.equations.initialisation import INITIALISERS, initialiser_for
from congling.equations.losses import absolute_error, squared_error
from congling.networks.mlp import LossName, MultiLayerPerceptron

BATCH, INPUTS, HIDDEN, OUTPUTS = 11, 3, (7, 7, 5), 2


def perceptron(**settings: Any) -> MultiLayerPerceptron:
    torch.manual_seed(2)
    chosen: dict[str, Any] = {"hidden": HIDDEN, "activation": "tanh", "loss": "squared-error"}
    network = MultiLayerPerceptron(INPUTS, OUTPUTS, **(chosen | settings)).double()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 1:  # zeros and ones would hide mistakes
                parameter.uniform_(0.3, 0.9)
    return network


def batch(loss: LossName = "squared-error") -> ExampleBatch:
    generator = torch.Generator().manual_seed(11)
    inputs = torch.randn(BATCH, INPUTS, dtype=torch.float64, generator=generator)
    if loss == "cross-entropy":
        return ExampleBatch(inputs, torch.randint(0, OUTPUTS, (BATCH,), generator=generator))
    return ExampleBatch(inputs, torch.randn(BATCH, OUTPUTS, dtype=torch.float64, generator=generator))


def twin(network: MultiLayerPerceptron, inputs: Tensor, normalisation: str, residual: bool) -> Tensor:
    """The same function out of PyTorch's own layers, on the network's parameters."""
    for layer in network.layers:
        sums = F.linear(inputs, layer.linear.weight, layer.linear.bias)  # type: ignore[union-attr,arg-type]
        if normalisation == "layer":
            norm = layer.normalisation
            sums = F.layer_norm(sums, sums.shape[-1:], norm.weight, norm.bias)  # type: ignore[union-attr,arg-type]
        if normalisation == "batch":
            norm = layer.normalisation
            sums = F.batch_norm(sums, None, None, norm.weight, norm.bias, training=True)  # type: ignore[union-attr,arg-type]
        outputs = torch.tanh(sums)
        inputs = inputs + outputs if residual and inputs.shape == outputs.shape else outputs
    return F.linear(inputs, network.output.weight, network.output.bias)


@pytest.mark.parametrize("in_the_open", [False, True])
@pytest.mark.parametrize("normalisation", ["none", "layer", "batch"])
@pytest.mark.parametrize("residual", [False, True])
def test_equals_pytorch(in_the_open: bool, normalisation: str, residual: bool) -> None:
    """Guards the order of sum, norm, bend and way around, fused and plain: values and all gradients."""
    network, examples = perceptron(normalisation=normalisation, residual=residual), batch()
    parameters = list(network.parameters())
    weighing = torch.linspace(0.5, 1.5, BATCH * OUTPUTS, dtype=torch.float64).view(BATCH, OUTPUTS)
    wanted = twin(network, examples.inputs, normalisation, residual)
    wanted_gradients = torch.autograd.grad((wanted * weighing).sum(), parameters)
    if in_the_open:
        with glass_box():
            found = network(examples.inputs)
    else:
        found = network(examples.inputs)
    gradients = torch.autograd.grad((found * weighing).sum(), parameters)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-13)
    for gradient, other in zip(gradients, wanted_gradients, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("loss", "wanted"),
    [
        ("squared-error", lambda y, t: F.mse_loss(y, t) * BATCH),
        ("absolute-error", lambda y, t: F.l1_loss(y, t) * BATCH),
        ("cross-entropy", lambda y, t: F.cross_entropy(y, t, reduction="sum")),
    ],
)
def test_the_loss_is_a_sum_over_examples(loss: LossName, wanted: Any) -> None:
    """Guards sums against means: two halves must add up to the whole, and the count is of examples, not of numbers."""
    network, examples = perceptron(loss=loss), batch(loss)
    total, count = network.loss(examples)
    assert count == BATCH
    torch.testing.assert_close(total, wanted(network(examples.inputs), examples.targets), rtol=1e-12, atol=0)
    halves = [ExampleBatch(examples.inputs[part], examples.targets[part]) for part in (slice(0, 4), slice(4, None))]
    assert sum(network.loss(half)[0].item() for half in halves) == pytest.approx(total.item(), rel=1e-12)


def test_errors_by_hand() -> None:
    """Guards the mean over an example's outputs and the sum over examples: (4 + 0)/2 + (1 + 9)/2, (2 + 0 + 1 + 3)/2."""
    outputs = torch.tensor([[3.0, 1.0], [0.0, 5.0]], dtype=torch.float64)
    targets = torch.tensor([[1.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    for way in (squared_error.plain, squared_error.fused):
        assert float(way(outputs, targets)) == 7
    for way in (absolute_error.plain, absolute_error.fused):
        assert float(way(outputs, targets)) == 3


def test_no_hidden_layer_is_linear_regression() -> None:
    """Guards ``hidden=[]``: nothing but the output layer."""
    network = perceptron(hidden=())
    assert [name for name, _p in network.named_parameters()] == ["output.weight", "output.bias"]
    inputs = batch().inputs
    torch.testing.assert_close(network(inputs), inputs @ network.output.weight.T + network.output.bias)


def test_names_in_the_glass_box() -> None:
    """Guards the names that figures and the worksheet read: a = g(z), and the outputs."""
    network = perceptron()
    with glass_box() as seen:
        outputs = network(batch().inputs)
    for number in range(len(HIDDEN)):
        sums, activated = seen[f"layers.{number}.sums"], seen[f"layers.{number}.activated"]
        assert sums.shape == (BATCH, HIDDEN[number])
        torch.testing.assert_close(activated, torch.tanh(sums), rtol=1e-12, atol=1e-15)
    assert torch.equal(seen["outputs"], outputs.detach())
    assert torch.equal(seen["output.sums"], outputs.detach())


def test_dropout_only_in_training() -> None:
    """Guards evaluation against chance, and training against none: a dropped unit is exactly zero."""
    network, inputs = perceptron(dropout=0.5), batch().inputs
    torch.manual_seed(3)
    assert not torch.equal(network(inputs), network(inputs))
    network.eval()
    assert torch.equal(network(inputs), network(inputs))
    torch.testing.assert_close(network(inputs), twin(network, inputs, "none", residual=False))


def test_a_residual_layer_needs_equal_widths() -> None:
    """Guards against a broadcast sum, or an error, where 7 inputs meet 5 outputs."""
    network = perceptron(residual=True)
    assert [layer.residual for layer in network.layers] == [False, True, False]


def test_computes_in_the_type_of_its_weights() -> None:
    """Guards training in bfloat16: the inputs are raised or narrowed, and the loss comes in float32."""
    network = perceptron().bfloat16()
    loss, _count = network.loss(batch())
    assert network(batch().inputs).dtype == torch.bfloat16
    assert loss.dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "deviation"),
    [
        ("xavier", math.sqrt(2 / (211 + 307))),
        ("he", math.sqrt(2 / 307)),
        ("lecun", math.sqrt(1 / 307)),
        ("small-normal", 0.01),
        ("unit-normal", 1.0),
        ("zeros", 0.0),
    ],
)
def test_deviations_of_initialisers(name: str, deviation: float) -> None:
    """Guards in against out: 65,000 draws meet their deviation to 1 % (the standard error is 0.3 %)."""
    torch.manual_seed(7)
    weight = torch.empty(211, 307)
    INITIALISERS[name](weight)
    assert float(weight.std()) == pytest.approx(deviation, rel=0.01)
    assert abs(float(weight.mean())) <= 0.02 * deviation


@pytest.mark.parametrize(
    ("activation", "chosen"), [("relu", "he"), ("silu", "he"), ("tanh", "xavier"), ("sine", "xavier")]
)
def test_auto_goes_by_the_activation(activation: str, chosen: str) -> None:
    """Guards the choice, and that the output layer, which has no activation, is Xavier's."""
    assert initialiser_for("auto", activation) is INITIALISERS[chosen]
    network = MultiLayerPerceptron(307, 211, hidden=[307], activation=activation, loss="squared-error")
    assert network.output.weight.abs().max().item() <= math.sqrt(6 / (211 + 307))
    hidden = network.layers[0].linear.weight.std()  # type: ignore[union-attr]
    assert hidden.item() == pytest.approx(math.sqrt((2 if chosen == "he" else 1) / 307), rel=0.01)


def test_parameters_have_biases_of_zero() -> None:
    """Guards the start: only the weights are random."""
    network = MultiLayerPerceptron(INPUTS, OUTPUTS, hidden=HIDDEN, activation="tanh", loss="squared-error")
    linears = [module for module in network.modules() if isinstance(getattr(module, "bias", None), nn.Parameter)]
    assert linears and all(bool((module.bias == 0).all()) for module in linears)
