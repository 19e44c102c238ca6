"""The glass box: everything is seen under the right path, nothing is left behind, and looking changes nothing."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules import module as module_hooks

from congling.data.text.pair_batches import collate
from congling.equations.equation import equations
from congling.equations.glass_box import glass_box, open_box, running, scope, show
from congling.networks.transformer import Transformer

HEADS, WIDTH, SOURCE_PAD, TARGET_PAD = 3, 21, 16, 18


class Half(nn.Module):
    """Shows half of its input; fails if that is told."""

    def forward(self, input: Tensor, failing: bool = False) -> Tensor:
        half = input / 2
        show("half", half)
        if failing:
            raise ZeroDivisionError
        return half


class Eighth(nn.Module):
    """Three halves, of which the last two are one module."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Half()
        self.others = nn.ModuleList([Half()])

    def forward(self, input: Tensor, failing: bool = False) -> Tensor:
        return self.others[0](self.others[0](self.first(input)), failing)

    def halve(self, input: Tensor) -> Tensor:
        with running(self):
            show("before", input)
            return self.first(input)


def translator() -> Transformer:
    torch.manual_seed(7)
    network = Transformer(
        SOURCE_PAD + 1, TARGET_PAD + 1, width=WIDTH, heads=HEADS, feed_forward=13, encoder_layers=2, decoder_layers=2
    )
    return network.double().eval()


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    made = collate([[2, 3, 5, 7, 11, 13], [4, 6]], [[2, 5, 3, 9], [7, 8]], SOURCE_PAD, TARGET_PAD)
    return made.source, made.source_padding, made.target_input


# Paths ---------------------------------------------------------------------------------------------------------------


def test_values_stand_under_the_module_that_showed_them() -> None:
    """Guards the paths: the same module run twice keeps both values, oldest first, and [] gives the last."""
    with glass_box() as seen:
        Eighth()(torch.tensor(8.0))
    assert seen["first.half"] == 4
    assert [float(value) for value in seen.all("others.0.half")] == [2, 1]
    assert seen["others.0.output"] == 1
    assert seen["output"] == 1
    assert list(seen) == ["first.half", "first.output", "others.0.half", "others.0.output", "output"]
    assert seen.paths("half") == ["first.half", "others.0.half"]
    assert seen.paths("0.half") == ["others.0.half"]
    assert seen.paths("alf") == []  # whole names only
    assert seen.all("nowhere") == []
    assert "first.half" in seen and "half" not in seen and len(seen) == 5


def test_an_unknown_path_names_those_there_are() -> None:
    """Guards the way out of a misspelt path."""
    with glass_box() as seen:
        Eighth()(torch.tensor(8.0))
    with pytest.raises(KeyError, match=r"first\.hlaf.*others\.0\.half"):
        seen["first.hlaf"]


def test_running_and_scope_lead_the_path() -> None:
    """Guards ``encode`` and ``step``, which are no ``forward``: their parts must not lose their paths."""
    with glass_box() as seen:
        with scope("step.3"), scope("again"):
            Eighth().halve(torch.tensor(8.0))
        show("bare", 1)
    assert list(seen) == ["step.3.again.before", "step.3.again.first.half", "step.3.again.first.output", "bare"]


def test_a_translator_shows_everything() -> None:
    """Guards the names that the inspect page and the studio read; they are also those of the weights file."""
    network = translator()
    with glass_box() as seen:
        network(*inputs())
    for path in [
        *(f"encoder.layers.{layer}.self_attention" for layer in range(2)),
        *(f"decoder.layers.{layer}.self_attention" for layer in range(2)),
        *(f"decoder.layers.{layer}.cross_attention" for layer in range(2)),
    ]:
        for name in ("query", "key", "value", "scores", "weights", "heads", "output"):
            assert len(seen.all(f"{path}.{name}")) == 1, f"{path}.{name}"
    assert seen["encoder.layers.1.self_attention.weights"].shape == (2, HEADS, 7, 7)
    assert seen["decoder.layers.1.cross_attention.weights"].shape == (2, HEADS, 5, 7)
    assert seen["source_embedding.positions"].shape == (7, WIDTH)
    assert seen["encoder.layers.0.feed_forward.activated"].shape == (2, 7, 13)
    assert seen["encoder.output"].shape == (2, 7, WIDTH)
    assert seen["logits"].shape == (2, 5, TARGET_PAD)
    with glass_box() as parts:
        memory = network.encode(*inputs()[:2])
        network.decode(inputs()[2], *memory)
    assert set(seen) - set(parts) == {"logits", "output"}
    assert not set(parts) - set(seen)


def test_steps_stand_under_their_modules() -> None:
    """Guards a look into decoding: ``start`` and ``step`` must show under the same paths as the whole pass."""
    network = translator()
    with glass_box() as seen:
        state = network.start(*inputs()[:2])
        network.step(state, torch.tensor([TARGET_PAD, TARGET_PAD]))
    assert seen["decoder.layers.0.self_attention.weights"].shape == (2, HEADS, 1, 1)
    assert seen["decoder.layers.0.cross_attention.key"].shape == (2, HEADS, 7, 7)
    assert seen["logits"].shape == (2, TARGET_PAD)
    assert not [path for path in seen if path.startswith(("layers", "table"))]


# Opening and closing -------------------------------------------------------------------------------------------------


def test_nothing_is_recorded_outside() -> None:
    """Guards against a cost and a leak when nobody looks: no box, no hooks, and a closed box stays as it is."""
    network = Eighth()
    with glass_box() as seen:
        assert open_box() is seen
    assert open_box() is None
    show("half", 1)
    with running(network), scope("step"):
        network(torch.tensor(8.0))
    assert len(seen) == 0
    assert not module_hooks._global_forward_hooks and not module_hooks._global_forward_pre_hooks


def test_nested_boxes() -> None:
    """Guards nesting: the inner box alone sees what happens in it, and the outer one then goes on where it was."""
    network = Eighth()
    with glass_box() as outer:
        with running(network):
            show("one", 1)
            with glass_box() as inner:
                network.first(torch.tensor(8.0))
            show("two", 2)
        assert open_box() is outer
    assert list(outer) == ["one", "two"]
    assert list(inner) == ["half", "output"]


def test_threads_have_boxes_of_their_own() -> None:
    """Guards looking at a run while another thread trains: what that one calculates must not end up in the box."""
    network, found = Eighth(), []

    def elsewhere() -> None:
        network(torch.tensor(8.0))
        found.append(open_box())

    with glass_box() as seen:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        network.first(torch.tensor(8.0))
    assert found == [None]
    assert list(seen) == ["half", "output"]


def test_an_exception_inside_leaves_things_clean() -> None:
    """Guards whoever catches an error while looking: paths afterwards are right, and no hook or box stays."""
    network = Eighth()
    with glass_box() as seen:
        with pytest.raises(ZeroDivisionError):
            network(torch.tensor(8.0), True)
        with pytest.raises(ZeroDivisionError), running(network), scope("lost"):
            raise ZeroDivisionError
        network.first(torch.tensor(2.0))
        show("bare", 1)
    # The module that failed has shown what it could, but no output.
    assert list(seen) == ["first.half", "first.output", "others.0.half", "others.0.output", "half", "output", "bare"]
    assert len(seen.all("others.0.output")) == 1
    with pytest.raises(ZeroDivisionError), glass_box():
        network(torch.tensor(8.0), True)
    assert open_box() is None
    assert not module_hooks._global_forward_hooks and not module_hooks._global_forward_pre_hooks


def test_values_are_detached_unless_gradients_are_kept() -> None:
    """Guards memory: a box must not hold the graph of each pass alive, unless one wants to differentiate."""
    input = torch.tensor(8.0, requires_grad=True)
    with glass_box() as seen:
        Eighth()(input)
    assert not seen["first.half"].requires_grad
    with glass_box(keep_gradients=True) as seen:
        output = Eighth()(input)
    assert torch.autograd.grad(output, seen["first.half"]) == (torch.tensor(0.25),)


def test_a_closed_box_lets_go_of_the_modules() -> None:
    """Guards against hooks that keep a network alive after the box was closed."""
    network = Eighth()
    gone = weakref.ref(network)
    with glass_box() as seen:
        network(torch.tensor(8.0))
    del network
    gc.collect()
    assert gone() is None
    assert len(seen) == 5


# Truth ---------------------------------------------------------------------------------------------------------------


def test_looking_changes_nothing() -> None:
    """Guards the one idea: over a whole network plain and fused are apart by rounding only."""
    network = translator()
    with torch.no_grad():
        fused = network(*inputs())
        with glass_box() as seen:
            plain = network(*inputs())
    assert float((plain - fused).abs().max() / fused.abs().max()) < 1e-12
    assert torch.equal(seen["logits"], plain)


def test_the_plain_body_runs_inside_and_the_fused_way_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a box that shows one thing while another is calculated."""
    relu = equations()["relu"]
    monkeypatch.setattr(relu, "fused", lambda input: "fused")
    monkeypatch.setattr(relu, "plain", lambda input: "plain")
    outside = relu(torch.ones(2))
    with glass_box():
        inside = relu(torch.ones(2))
    assert (outside, inside) == ("fused", "plain")


def test_attention_weights_are_probabilities_and_none_goes_to_padding_or_the_future() -> None:
    """Guards what people look at: each row sums to 1, and padding and the future get exactly nothing."""
    source, padding, target_input = inputs()
    with glass_box() as seen:
        translator()(source, padding, target_input)
    paths = seen.paths("weights")
    assert len(paths) == 6
    for path in paths:
        weights = seen[path]
        assert float((weights.sum(dim=-1) - 1).abs().max()) < 1e-12
        if path.startswith("encoder") or "cross_attention" in path:
            assert torch.equal(weights[1, :, :, 3:], torch.zeros_like(weights[1, :, :, 3:])), path  # 2 pieces and </s>
            assert float(weights[0].min()) > 0
        else:
            assert torch.equal(weights, weights.tril()), path
            assert float(weights[..., 0].min()) > 0
