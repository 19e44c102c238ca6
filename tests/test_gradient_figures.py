"""Gradients drawn: the computation graph, the flow through layers and steps, and the page of every operation."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from congling import language
from congling.data.examples import ExampleBatch
from congling.errors import UserError
from congling.figures.gradients.computation_graph import MOST_NODES, Graph, computation_graph, gradient_at, graph_of
from congling.figures.gradients.flow import Scale, flow_over_steps, flow_picture
from congling.figures.gradients.graph_layout import layered
from congling.figures.gradients.page import gradient_page
from congling.figures.gradients.table import block_of
from congling.figures.tensor_text import number_rows, short_number
from congling.learning.backprop import Finding, Flow, LayerFlow, Tape
from congling.networks.mlp import MultiLayerPerceptron
from congling.networks.transformer import Transformer

SVG = "{http://www.w3.org/2000/svg}"
X, T = torch.tensor([[0.5, -1.25]]), torch.tensor([[0.75]])


def perceptron(hidden: list[int], activation: str = "tanh", residual: bool = False) -> MultiLayerPerceptron:
    torch.manual_seed(7)
    made = MultiLayerPerceptron(2, 1, hidden=hidden, activation=activation, loss="squared-error", residual=residual)
    return made.eval()


def taped(network: nn.Module, batch: object) -> tuple[Tape, float, dict[Tensor, Tensor]]:
    with Tape() as tape:
        loss, count = network.loss(batch)  # type: ignore[operator]
    return tape, float(loss) / count, tape.gradients(loss)


class Sentences:
    """Three short sentences for a tiny Transformer; padding stands at two ends."""

    source = torch.tensor([[1, 2, 3, 4, 12], [2, 2, 5, 12, 12], [7, 8, 9, 10, 11]])
    source_padding = source == 12
    target_output = torch.tensor([[3, 1, 2], [4, 10, 10], [5, 6, 7]])
    target_input = torch.tensor([[10, 3, 1], [10, 4, 10], [10, 5, 6]])
    packing = None


@pytest.fixture(scope="module")
def transformer() -> Transformer:
    torch.manual_seed(5)
    return Transformer(13, 11, width=14, heads=2, feed_forward=17, encoder_layers=2, decoder_layers=3).eval()


# The computation graph -----------------------------------------------------------------------------------------------


def titles(graph: Graph) -> set[tuple[str, str]]:
    return {(start.title, end.title) for start, end in graph.edges}


def test_the_graph_connects_what_the_network_connects() -> None:
    """Guards against lost parameters and inputs, and against boxes that are not joined into formulas."""
    network = perceptron([3])
    tape, _loss, _gradients = taped(network, ExampleBatch(X, T))
    graph = graph_of(tape, network, inputs={"x": X, "t": T})
    assert titles(graph) == {
        ("x", "linear"),
        ("layers.0.linear.weight", "linear"),
        ("layers.0.linear.bias", "linear"),
        ("linear", "tanh"),
        ("tanh", "linear"),
        ("output.weight", "linear"),
        ("output.bias", "linear"),
        ("linear", "squared_error"),
        ("t", "squared_error"),
    }


def test_values_and_gradients_in_the_graph_are_those_of_the_tape() -> None:
    """Guards against a box that shows an inner result, or the gradient of another tensor; ungrouped, box by box."""
    network = perceptron([3, 3], residual=True)
    tape, loss, gradients = taped(network, ExampleBatch(X, T))
    graph = graph_of(tape, network)
    named = {node.title: node for node in graph.nodes}
    for name, parameter in network.named_parameters():
        assert torch.equal(named[name].gradient, gradients[parameter])  # type: ignore[arg-type]
        assert gradient_at(tape, parameter) is not None
    assert named["squared_error"].value.item() == pytest.approx(loss)  # type: ignore[union-attr]
    single = [node for node in graph_of(tape, network, grouped=False).nodes if node.kind == "operation"]
    assert len(single) == len(tape.operations)
    for node, operation in zip(single, tape.operations, strict=True):
        assert node.value is operation.output and node.gradient is operation.output_gradient


def test_the_picture_shows_all_numbers_of_small_tensors_and_the_size_of_large_ones() -> None:
    """Guards against numbers that are cut off, and against boxes as wide as a wall."""
    network = perceptron([3])
    tape, _loss, gradients = taped(network, ExampleBatch(X, T))
    texts = "\n".join(ElementTree.fromstring(computation_graph(tape, network)).itertext())
    weight = network.layers[0].linear.weight  # type: ignore[union-attr]
    for number in [*weight.flatten().tolist(), *gradients[weight].flatten().tolist()]:  # type: ignore[index,operator]
        assert short_number(number) in texts
    wide = perceptron([13])
    tape, _loss, _gradients = taped(wide, ExampleBatch(X, T))
    assert "(13×2) rms" in computation_graph(tape, wide)


def test_a_graph_that_nobody_can_read_is_refused() -> None:
    """Guards against a picture of a thousand boxes; the message says how many are possible."""
    network = perceptron([2] * 20)
    tape, _loss, _gradients = taped(network, ExampleBatch(X, T))
    with pytest.raises(UserError, match=f"at most {MOST_NODES}"):
        computation_graph(tape, network)


edges_of = st.sets(
    st.tuples(st.integers(0, 12), st.integers(0, 12)).filter(lambda edge: edge[0] < edge[1]), max_size=24
)


@given(edges_of)
def test_boxes_do_not_overlap_and_arrows_point_right(edges: set[tuple[int, int]]) -> None:
    """Guards the layout on any graph: boxes on top of each other or outside of the picture, arrows that go back."""
    sizes = {node: (30.0 + 7 * node, 20.0 + 5 * (node % 4)) for node in range(13)}
    layout = layered(sizes, sorted(edges))
    frames = [(*layout.boxes[node], *sizes[node]) for node in sizes]
    for place, (x, y, width, height) in enumerate(frames):
        assert x >= -1e-6 and x + width <= layout.size[0] + 1e-6
        assert y >= -1e-6 and y + height <= layout.size[1] + 1e-6
        for x2, y2, width2, height2 in frames[:place]:
            assert x + width <= x2 or x2 + width2 <= x or y + height <= y2 + 1e-6 or y2 + height2 <= y + 1e-6
    for (start, end), points in layout.arrows.items():
        assert points[0][0] == pytest.approx(layout.boxes[start][0] + sizes[start][0])
        assert points[-1][0] == pytest.approx(layout.boxes[end][0])
        assert all(before[0] <= after[0] for before, after in pairwise(points))


def test_a_chain_is_drawn_straight_and_crossings_are_undone() -> None:
    """Guards the order within columns: two chains that were given crosswise must not cross."""
    sizes: dict[object, tuple[float, float]] = {name: (40.0, 20.0) for name in ("a1", "b1", "b2", "a2", "a3", "b3")}
    layout = layered(sizes, [("a1", "a2"), ("a2", "a3"), ("b1", "b2"), ("b2", "b3")])
    heights = {chain: {round(layout.boxes[f"{chain}{place}"][1], 6) for place in (1, 2, 3)} for chain in "ab"}
    assert len(heights["a"]) == len(heights["b"]) == 1
    assert heights["a"] != heights["b"]


# The flow ------------------------------------------------------------------------------------------------------------


def flow_of_norms(*norms: tuple[float, float], findings: list[Finding] | None = None) -> Flow:
    layers = [LayerFlow(f"layers.{n}", each[0], each[1], 1.0, 1.0) for n, each in enumerate(norms)]
    return Flow(layers, findings or [])


def bars(picture: str) -> list[float]:
    return [float(each.get("width", "")) for each in ElementTree.fromstring(picture).iter(f"{SVG}rect")]


def test_bars_are_as_long_as_the_logarithm_says() -> None:
    """Guards the scale: each power of ten is the same length, activations and gradients have axes of their own."""
    widths = bars(flow_picture(flow_of_norms((1.0, 1e-6), (10.0, 1e-4), (100.0, 1e-2))))
    activations, gradients = widths[:3], widths[3:]
    assert activations[1] - activations[0] == pytest.approx(activations[2] - activations[1], abs=0.2)
    assert gradients[1] - gradients[0] == pytest.approx(gradients[2] - gradients[1], abs=0.2)
    assert gradients[1] - gradients[0] == pytest.approx(2 * gradients[0], abs=0.2)  # one division for the smallest
    assert min(widths) > 10


def test_zeros_and_infinities_are_drawn_and_not_hidden() -> None:
    """Guards against a crash, or an empty picture, just when something is wrong."""
    picture = flow_picture(flow_of_norms((1.0, 0.0), (math.inf, math.nan), (2.0, 3.0)))
    widths = bars(picture)
    assert widths[3] == 0 and widths[4] == 0
    assert widths[1] == max(widths) < math.inf
    assert "NaN" in picture and "inf" in picture
    assert bars(flow_picture(flow_of_norms((0.0, 0.0)))) == [0, 0]


def test_findings_stand_beside_their_layer_in_words() -> None:
    """Guards against a finding that is lost or stands at another layer."""
    found = [Finding("vanishing", "layers.1", 1e-5, "…"), Finding("dead-relu", "layers.1", 0.5, "…")]
    drawn = ElementTree.fromstring(flow_picture(flow_of_norms((1, 1), (1, 1), (1, 1), findings=found)))
    heights = {each.text: each.get("y") for each in drawn.iter(f"{SVG}text")}
    assert heights["◂ vanishing, dead ReLU"] == heights["layers.1"] != heights["layers.0"]


def test_the_flow_over_steps_has_a_row_for_each_layer_and_a_column_for_each_step() -> None:
    """Guards against swapped rows and columns, steps out of order, and a quantity that is mistaken for the other."""
    flows = {64: flow_of_norms((5.0, 1e-3), (7.0, 1e-1)), 2: flow_of_norms((6.0, 1e-5), (8.0, 1e-2))}
    drawn = ElementTree.fromstring(flow_over_steps(flows))
    told = [each.text for each in drawn.iter(f"{SVG}title")]
    assert told == [
        "layers.0, step 2: 1e−05",
        "layers.0, step 64: 0.001",
        "layers.1, step 2: 0.01",
        "layers.1, step 64: 0.1",
    ]
    shades = [float(each) for each in re.findall(r"fill-opacity:([\d.]+)", flow_over_steps(flows))][:4]
    assert shades == sorted(shades) and shades[0] < shades[3]
    assert "step 64: 7" in flow_over_steps(flows, "activation")


def test_flows_of_different_networks_are_not_mixed() -> None:
    """Guards against a map whose rows belong to nobody."""
    with pytest.raises(UserError, match="different networks"):
        flow_over_steps({1: flow_of_norms((1, 1)), 2: flow_of_norms((1, 1), (1, 1))})
    with pytest.raises(UserError, match="no layer"):
        flow_picture(Flow([], []))


@given(st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=7))
def test_a_scale_holds_all_its_values(values: list[float]) -> None:
    """Guards against bars that leave their panel, and axes with hundreds of marks."""
    scale = Scale.over(values)
    assert all(0 < scale.share(value) <= 1 + 1e-9 for value in values)
    assert 2 <= len(scale.ticks()) <= 8


# The page ------------------------------------------------------------------------------------------------------------


def numbers_in_order(page: str) -> list[int]:
    return [int(number) for number in re.findall(r"<tr><td>(\d+)</td>", page)]


def test_the_page_has_every_operation_from_the_loss_to_the_inputs(transformer: Transformer) -> None:
    """Guards against folded blocks that lose operations, and an order that is not the chain rule's."""
    tape, loss, gradients = taped(transformer, Sentences())
    page = gradient_page(tape, gradients, title="a run", network=transformer, loss=loss)
    assert numbers_in_order(page) == list(reversed(range(len(tape.operations))))
    assert len(tape.operations) > 400
    assert len(page) < 1500 * len(tape.operations)  # bytes: usable for a Transformer
    for name, parameter in transformer.named_parameters():
        if parameter in gradients:
            assert f"<code>{name}</code>" in page
    assert '<details class="fold"><summary><b>decoder.layers.2</b>' in page
    assert "unknown" not in page


def test_the_page_is_offline_and_takes_no_orders() -> None:
    """Guards against scripts, links, and a run's name that becomes HTML."""
    network = perceptron([3])
    tape, loss, gradients = taped(network, ExampleBatch(X, T))
    page = gradient_page(tape, gradients, title="<img src=x>", loss=loss, facts=["a & <b>"], inputs={"<x>": X})
    assert "<img" not in page and "<script" not in page and "&lt;img src=x&gt;" in page and "a &amp; &lt;b&gt;" in page
    assert "&lt;x&gt;" in page
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)


def test_the_page_of_a_small_network_shows_its_graph_and_all_numbers() -> None:
    """Guards against numbers of small tensors that cannot be unfolded, local derivatives among them."""
    network = perceptron([3])
    tape, loss, gradients = taped(network, ExampleBatch(X, T))
    page = gradient_page(tape, gradients, title="small", network=network, loss=loss)
    assert 'aria-label="computation graph"' in page
    for operation in tape.operations:
        for tensor in (operation.output, operation.output_gradient, *(operation.local_derivatives() or ())):
            rows = None if tensor is None else number_rows(tensor)
            if rows is not None:
                assert "\n".join("  ".join(row) for row in rows) in page
    deep = perceptron([2] * 20)
    assert "computation graph" not in gradient_page(taped(deep, ExampleBatch(X, T))[0], title="deep")


def test_vanishing_gradients_stand_on_top_in_plain_words() -> None:
    """Guards the findings: a deep sigmoid network's gradients vanish, and the page says where and what helps."""
    network = perceptron([5] * 9, activation="sigmoid")
    tape, loss, gradients = taped(network, ExampleBatch(torch.randn(17, 2), torch.randn(17, 1)))
    page = gradient_page(tape, gradients, title="deep", network=network, loss=loss)
    findings = page[page.index("<h2>Findings") : page.index("<h2>Flow")]
    assert "<b>vanishing</b>" in findings and "residual connections" in findings
    for finding in tape.flow().findings:
        assert findings.count(f"<li>{finding.text}</li>") == 1
    healthy = gradient_page(taped(perceptron([3]), ExampleBatch(X, T))[0], title="fine")
    assert "Nothing looks wrong" in healthy


def test_the_first_number_that_is_not_finite_is_named() -> None:
    """Guards against a page of NaN that does not say where they come from."""
    network = perceptron([3], activation="exponential")
    network.layers[0].linear.bias.data.fill_(1000.0)  # type: ignore[union-attr,operator]
    tape, loss, gradients = taped(network, ExampleBatch(X, T))
    page = gradient_page(tape, gradients, title="lost", network=network, loss=loss)
    assert "<b>not finite</b>" in page and str(tape.first_non_finite()).split(",")[0] in page


def test_the_page_shows_the_flow_over_steps_where_there_are_several() -> None:
    """Guards against a section that is empty for a single step, or missing for many."""
    tape, _loss, gradients = taped(perceptron([3]), ExampleBatch(X, T))
    flow = tape.flow()
    assert "Flow over the training" not in gradient_page(tape, gradients, title="one", flows={1: flow})
    assert "Flow over the training" in gradient_page(tape, gradients, title="two", flows={1: flow, 2: flow})


@pytest.mark.parametrize(
    ("path", "block"),
    [
        ("decoder.layers.2.self_attention.output_projection", "decoder.layers.2"),
        ("layers.11", "layers.11"),
        ("source_embedding.table", "source_embedding"),
        ("output", "output"),
        ("", ""),
    ],
)
def test_operations_are_folded_by_blocks_of_the_network(path: str, block: str) -> None:
    """Guards the grouping by which a Transformer's operations are found."""
    assert block_of(path) == block


@pytest.mark.parametrize("draw", [lambda flow: flow_picture(flow), lambda flow: flow_over_steps({1: flow})])
def test_figures_speak_the_users_language(draw: Callable[[Flow], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against texts that were looked up before the language was chosen."""
    monkeypatch.setattr(language, "_catalogue", _Shouting())
    assert "STRENGTH OF THE GRADIENT" in draw(flow_of_norms((1, 1)))


class _Shouting:
    def gettext(self, text: str) -> str:
        return text.upper().replace("{LAYER}", "{layer}").replace("{STEP}", "{step}").replace("{VALUE}", "{value}")
