"""The compiled Transformer against the plain one and the prepared one's operations: the same numbers.

H 3 heads of width 7, so W 21 · F 13 · 18 pieces that can be said: no width is a multiple of four
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from congling.decoding.beam import beam_search
from congling.decoding.greedy import greedy_search
from congling.decoding.hypotheses import Hypothesis
from congling.equations.compiling import is_kept, whole
from congling.networks import prepared_compiled
from congling.networks.prepared_compiled import FIRST_STEPS, FIRST_STEPS_EVER, CompiledDecoder
from congling.networks.prepared_transformer import PreparedTransformer
from congling.networks.transformer import Transformer
from congling.networks.transformer_layers import Activation

SOURCE_PIECES, TARGET_PIECES = 17, 19
SOURCE_PAD, TARGET_PAD = SOURCE_PIECES - 1, TARGET_PIECES - 1


def network_of(norm_first: bool = False, activation: Activation = "relu", seed: int = 7) -> Transformer:
    """Every parameter is random: gains of one and biases of zero would hide mistakes."""
    torch.manual_seed(seed)
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
    """Guards every formula of both halves, rows that change places or leave, and the ends of sentences."""
    network = network_of(norm_first, activation)
    fast, read = compiled(network), sentences([11, 3, 6])
    limits: dict[str, Any] = {"end_id": 2, "pad_id": TARGET_PAD, "max_lengths": torch.tensor([37, 20, 5])}
    for banned in ((), (2, 7), (1, TARGET_PAD)):  # without an end all go on for as long as they may
        assert_same(
            greedy_search(network, *read, banned=banned, **limits), greedy_search(fast, *read, banned=banned, **limits)
        )
        plain, found = (beam_search(one, *read, beam=4, n_best=4, banned=banned, **limits) for one in (network, fast))
        for some, others in zip(plain, found, strict=True):
            assert_same(some, others)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1, 7), st.sampled_from([-0.7, 0.0, 0.6, 1.0, 1.7]),
    st.lists(st.integers(1, 25), min_size=3, max_size=3), st.sampled_from([-3.0, 0.0, 3.0]), st.integers(0, 3),
)  # fmt: skip
@torch.inference_mode()
def test_a_search_is_the_same_before_and_after_the_switch(
    seed: int, beam: int, length_penalty: float, longest: list[int], end_bias: float, no_repeat_ngram: int
) -> None:
    """Guards against a translation that depends on how many others came before it; ends come early and late."""
    network = network_of(seed=seed)
    network.output_bias[2] += end_bias
    read, limits = sentences([9, 1, 4]), {"end_id": 2, "pad_id": TARGET_PAD, "max_lengths": torch.tensor(longest)}
    limits |= {"no_repeat_ngram": no_repeat_ngram}
    before, after = PreparedTransformer(network), compiled(network)
    before.compiled.able = False
    assert_same(greedy_search(before, *read, **limits), greedy_search(after, *read, **limits))
    limits |= {"beam": beam, "n_best": 1 + seed % beam, "length_penalty": length_penalty}
    for some, others in zip(beam_search(before, *read, **limits), beam_search(after, *read, **limits), strict=True):
        assert_same(some, others)


@pytest.mark.parametrize(("length_penalty", "goes_on"), [(-0.5, True), (0.0, True), (1.0, True), (-2.0, False)])
def test_what_could_still_win_goes_on(length_penalty: float, goes_on: bool) -> None:
    """Guards the bound: with a penalty below 0 the next length is the kindest, −0.7 · √2 > −2, not the longest."""
    from congling.decoding import beam_compiled

    finds, rows, decided = beam_compiled._finds(1, 2, 1), beam_compiled._rows(2), np.zeros(2, np.bool_)
    finds.finished[0], finds.best[0, 0], rows.total[0] = 1, -2.0, -0.7
    ended, longest = np.zeros(1, np.bool_), np.array([25])
    beam_compiled._collect(finds, rows, 1, rows, ended, 1, longest, length_penalty, decided)
    assert decided[0] == goes_on


@pytest.mark.parametrize("nothing", [float("nan"), float("-inf")])
@torch.inference_mode()
def test_where_nothing_is_possible_a_search_ends(nothing: float) -> None:
    """Guards against a compiled search that never ends, or ends with a piece out of the air."""
    network = network_of()
    network.output_bias.fill_(nothing)
    read, limits = sentences([9, 4]), {"end_id": 2, "pad_id": TARGET_PAD, "max_lengths": torch.tensor([3, 5])}
    for steps in (network, compiled(network)):
        assert [each.ids for each in greedy_search(steps, *read, **limits)] == [[], []]
        assert [[each.ids for each in best] for best in beam_search(steps, *read, beam=2, **limits)] == [[[]], [[]]]


def assert_same(some: list[Hypothesis], others: list[Hypothesis]) -> None:
    assert [each.ids for each in some] == [each.ids for each in others]
    for one, other in zip(some, others, strict=True):
        assert one.finished == other.finished
        assert one.token_log_probabilities == pytest.approx(other.token_log_probabilities, rel=0, abs=1e-5)
        assert one.score == pytest.approx(other.score, rel=1e-4, abs=1e-6)


@torch.inference_mode()
def test_compiled_code_comes_late_and_only_where_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a first sentence from the time that numba takes, and other types and large networks from wrong numbers."""
    prepared, row = PreparedTransformer(network_of()), torch.tensor([TARGET_PAD])
    kept: list[bool] = []
    monkeypatch.setattr("congling.equations.compiling.is_kept", lambda _function: kept[-1])
    state = prepared.start(*sentences([5]))
    for _step in range(FIRST_STEPS):
        assert not prepared.compiled.pays(_search)
        prepared.step(state, row)
    kept.append(False)
    assert prepared.read_for(_search, *sentences([5]), most=3) is None
    kept.append(True)
    assert isinstance(prepared.read_for(_search, *sentences([5]), most=3), CompiledDecoder)
    first_ever = PreparedTransformer(network_of())
    first_ever.compiled.steps = FIRST_STEPS_EVER
    kept.append(False)
    assert first_ever.compiled.pays(_search)
    assert not PreparedTransformer(network_of().double()).compiled.able
    monkeypatch.setattr(prepared_compiled, "MOST_WEIGHTS", 1000)
    assert not PreparedTransformer(network_of()).compiled.able


def _search() -> Callable[..., Any]:
    return _next


@torch.inference_mode()
def test_what_looks_into_a_search_is_not_compiled() -> None:
    """Guards alternatives and listeners, which compiled searches know nothing of."""
    steps, read = compiled(network_of()), sentences([9, 4])
    limits: dict[str, Any] = {"end_id": 2, "pad_id": TARGET_PAD, "max_lengths": torch.tensor([9, 9]), "banned": (2,)}
    heard: list[int] = []
    (one, _) = greedy_search(steps, *read, hear=lambda row, piece: heard.append(piece) if row == 0 else None, **limits)
    assert heard == one.ids and len(heard) == 9
    assert [len(each) for each in greedy_search(steps, *read, record_alternatives=2, **limits)[0].alternatives] == [
        2
    ] * 9


@torch.inference_mode()
def test_each_kernel_is_compiled_once() -> None:
    """Guards against seconds of compiling again, for arrays that lie differently: a column, a part, one row or more."""
    from congling.decoding import beam_compiled, greedy_compiled
    from congling.networks import prepared_kernels

    prepared = compiled(network_of(norm_first=True))
    source, padding = sentences([5, 2, 3])
    for rows, limit in ((source.t().contiguous().t(), 9), (source[:2], 1), (source[:, 1:], 20)):
        limits: dict[str, Any] = {"end_id": 2, "pad_id": TARGET_PAD, "max_lengths": torch.full((len(rows),), limit)}
        read = rows, padding[: len(rows), -rows.shape[1] :]
        greedy_search(prepared, *read, **limits)
        beam_search(prepared, *read, beam=2, length_penalty=limit, banned=(1,), **limits)
    kernels: list[Any] = [prepared_kernels.read, greedy_compiled.search, beam_compiled.search]
    assert [len(kernel.signatures) for kernel in kernels] == [1, 1, 1]
    shared: Any = prepared_kernels.next_logits
    assert len(shared.signatures) <= 1  # none where machine code was kept


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


def test_what_is_kept_ends_with_any_of_its_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Guards against machine code that goes on as before after a part of it, in another file, was mended."""
    below, above = tmp_path / "floor_below.py", tmp_path / "floor_above.py"
    above.write_text("from floor_below import step\n\ndef climb(number):\n    return step(number)\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    for rise in (2, 30):
        text = (
            f"from congling.equations.compiling import part\n\n@part\ndef step(number):\n    return number + {rise}\n"
        )
        below.write_text(text, encoding="utf-8")
        for name in ("floor_below", "floor_above"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        climb = whole(importlib.import_module("floor_above").climb)
        assert not is_kept(climb)
        assert climb(1) == 1 + rise
        assert is_kept(climb)


def _next(number: int) -> int:
    return number + 1
