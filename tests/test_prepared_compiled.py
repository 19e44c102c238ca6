"""The compiled Transformer against the plain one and the prepared one's operations: the same numbers.

H 3 heads of width 7, so W 21 · F 13 · 18 pieces that can be said: no width is a multiple of four
"""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from congling.decoding.beam import beam_search
from congling.decoding.greedy import greedy_search
from congling.decoding.hypotheses import Hypothesis
from congling.equations.compiling import is_kept, whole
from congling.networks import prepared_compiled
from congling.networks.prepared_compiled import FIRST_STEPS, FIRST_STEPS_EVER, CompiledState
from congling.networks.prepared_memory import PreparedState
from congling.networks.prepared_transformer import PreparedTransformer
from congling.networks.transformer import Transformer
from congling.networks.transformer_layers import Activation

SOURCE_PIECES, TARGET_PIECES = 17, 19
SOURCE_PAD, TARGET_PAD = SOURCE_PIECES - 1, TARGET_PIECES - 1


def network_of(norm_first: bool = False, activation: Activation = "relu") -> Transformer:
    """Every parameter is random: gains of one and biases of zero would hide mistakes."""
    torch.manual_seed(7)
    network = Transformer(
        SOURCE_PIECES, TARGET_PIECES, width=21, heads=3, feed_forward=13, encoder_layers=1, decoder_layers=2,
        norm_first=norm_first, activation=activation,
    ).eval()  # fmt: skip
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) / 3)
    return network


def compiled(network: Transformer) -> PreparedTransformer:
    """Prepared, and compiled from the beginning."""
    prepared = PreparedTransformer(network)
    prepared.compiled.prepare()
    return prepared


def sentences(lengths: list[int]) -> tuple[Tensor, Tensor]:
    padding = torch.arange(max(lengths)) >= torch.tensor(lengths)[:, None]
    return torch.randint(0, SOURCE_PAD, padding.shape).masked_fill_(padding, SOURCE_PAD), padding


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu"])
@pytest.mark.parametrize("norm_first", [False, True])
@torch.inference_mode()
def test_the_compiled_equals_the_plain_one(norm_first: bool, activation: Activation) -> None:
    """Guards every formula of both halves, the room that grows, rows that change places, and the ends of sentences."""
    network = network_of(norm_first, activation)
    prepared = compiled(network)
    source, padding = sentences([11, 3, 6])
    plain, fast = network.start(source, padding), prepared.start(source, padding)
    last = torch.full((3,), TARGET_PAD)
    for position in range(37):
        expected, plain = network.step(plain, last)
        found, fast = prepared.step(fast, last)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
        rows = torch.randint(0, len(last), (1 + 5 * position % 13,))  # now more of them, now fewer
        plain, fast = network.select(plain, rows), prepared.select(fast, rows)
        last = torch.randint(0, TARGET_PAD, (len(rows), 3))[:, 1]  # a column, as searches hand it over


@torch.inference_mode()
def test_a_search_is_the_same_before_and_after_the_switch() -> None:
    """Guards against a translation that depends on how many others came before it."""
    network = network_of()
    source, padding = sentences([9, 4])
    limits: dict[str, Any] = {"end_id": 2, "pad_id": TARGET_PAD, "max_lengths": torch.tensor([30, 12])}
    before, after = PreparedTransformer(network), compiled(network)
    before.compiled.able = False
    assert_same(greedy_search(before, source, padding, **limits), greedy_search(after, source, padding, **limits))
    for one, other in zip(
        beam_search(before, source, padding, beam=3, n_best=2, **limits),
        beam_search(after, source, padding, beam=3, n_best=2, **limits),
        strict=True,
    ):
        assert_same(one, other)


def assert_same(some: list[Hypothesis], others: list[Hypothesis]) -> None:
    assert [each.ids for each in some] == [each.ids for each in others]
    for one, other in zip(some, others, strict=True):
        assert math.isclose(one.log_probability, other.log_probability, rel_tol=1e-5)


@torch.inference_mode()
def test_compiled_code_comes_late_and_only_where_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a first sentence from the time that numba takes, and other types and large networks from wrong numbers."""
    prepared, row = PreparedTransformer(network_of()), torch.tensor([TARGET_PAD])
    state = prepared.start(*sentences([5]))
    for _step in range(FIRST_STEPS - 1):
        prepared.step(state, row)
    assert isinstance(prepared.start(*sentences([5])), PreparedState)
    prepared.step(state, row)
    monkeypatch.setattr("congling.equations.compiling.is_kept", lambda _function: False)
    assert isinstance(prepared.start(*sentences([5])), PreparedState)
    monkeypatch.setattr("congling.equations.compiling.is_kept", lambda _function: True)
    assert isinstance(prepared.start(*sentences([5])), CompiledState)
    prepared.step(state, row)  # what was begun without it goes on without it
    first_ever = PreparedTransformer(network_of())
    first_ever.compiled.steps = FIRST_STEPS_EVER
    monkeypatch.setattr("congling.equations.compiling.is_kept", lambda _function: False)
    assert first_ever.compiled.ready()
    assert not PreparedTransformer(network_of().double()).compiled.able
    monkeypatch.setattr(prepared_compiled, "MOST_WEIGHTS", 1000)
    assert not PreparedTransformer(network_of()).compiled.able


@torch.inference_mode()
def test_each_kernel_is_compiled_once() -> None:
    """Guards against seconds of compiling again, for arrays that lie differently: a column, a part, one row or more."""
    from congling.networks import prepared_kernels

    prepared = compiled(network_of(norm_first=True))
    source, padding = sentences([5, 2, 3])
    prepared.start(source.t().contiguous().t(), padding)
    state = prepared.select(prepared.start(source[:2], padding[:2]), torch.tensor([0, 0, 1]))
    for rows in (torch.tensor([2, 0, 1]), torch.tensor([1, 2]), torch.tensor([0])):
        state = prepared.select(state, rows)
        _found, state = prepared.step(state, torch.randint(0, TARGET_PAD, (len(rows), 4))[:, 2])
    kernels: list[Any] = [prepared_kernels.read, prepared_kernels.write]
    assert [len(kernel.signatures) for kernel in kernels] == [1, 1]


def test_a_function_is_compiled_where_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards translators in containers that may write nowhere: numba refuses to compile what it cannot keep."""
    monkeypatch.setattr("numba.core.caching.CacheImpl._locator_classes", [])
    assert whole(_next)(3) == 4


def test_what_is_kept_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Guards the first translations on a machine from seconds of compiling that pay only later."""
    module = tmp_path / "another.py"
    module.write_text("def another(number):\n    return number + 2\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    another = importlib.import_module("another").another
    assert not is_kept(whole(another)) and not is_kept(another)
    assert whole(another)(3) == 5
    assert is_kept(whole(another))


def _next(number: int) -> int:
    return number + 1
