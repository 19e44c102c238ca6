"""The Transformer against PyTorch's own, and what it must never see: the future, padding, the other sentences.

B 3 · S 11 · T 5 · H 3 heads of width 7, so W 21 · F 13 · source vocabulary 17, target vocabulary 19, padding included
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from congling.data.text.pair_batches import Batch, collate
from congling.equations.glass_box import glass_box
from congling.equations.positions import sinusoidal_positions
from congling.networks.transformer import Transformer
from congling.networks.transformer_layers import Activation, MultiHeadAttention

WIDTH, HEADS, FEED_FORWARD, SOURCE_PIECES, TARGET_PIECES = 21, 3, 13, 17, 19
SOURCE_PAD, TARGET_PAD = SOURCE_PIECES - 1, TARGET_PIECES - 1
SENTENCES = ([2, 7, 5, 9, 3, 3, 14, 6, 8, 15], [4, 2, 11], [12, 13, 10, 9, 2, 5, 7])
TRANSLATIONS = ([3, 17, 6], [5, 16, 2, 8], [9, 4])


def network_of(**settings: Any) -> Transformer:
    """A network in float64 whose every parameter is random: gains of one and biases of zero would hide mistakes."""
    torch.manual_seed(5)
    chosen: dict[str, Any] = {
        "width": WIDTH, "heads": HEADS, "feed_forward": FEED_FORWARD, "encoder_layers": 2, "decoder_layers": 3,
        "dropout": 0.0,
    }  # fmt: skip
    network = Transformer(SOURCE_PIECES, TARGET_PIECES, **(chosen | settings)).double()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) / 3)
    return network


@pytest.fixture(params=["post", "pre"])
def network(request: pytest.FixtureRequest) -> Transformer:
    return network_of(norm_first=request.param == "pre").eval()


@pytest.fixture(params=["fused", "plain"])
def way(request: pytest.FixtureRequest) -> Callable[..., Tensor]:
    """Calls a network by its fused or by its plain formulas."""

    def logits(network: Transformer, *arguments: Tensor) -> Tensor:
        with torch.no_grad(), ExitStack() as stack:
            if request.param == "plain":
                stack.enter_context(glass_box())
            return network(*arguments)

    return logits


def batch() -> Batch:
    return collate(list(SENTENCES), list(TRANSLATIONS), SOURCE_PAD, TARGET_PAD)


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    made = batch()
    return made.source, made.source_padding, made.target_input


def apart(first: Tensor, second: Tensor) -> float:
    assert first.shape == second.shape
    return float((first - second).detach().abs().max())


# The twin ------------------------------------------------------------------------------------------------------------


class Twin(nn.Module):
    """The same function out of ``torch.nn.TransformerEncoder`` and ``TransformerDecoder``, with copied weights."""

    def __init__(self, network: Transformer, activation: Activation, norm_first: bool) -> None:
        super().__init__()
        settings: dict[str, Any] = {
            "dropout": 0.0, "activation": getattr(F, activation), "batch_first": True, "norm_first": norm_first,
            "dtype": torch.float64,
        }  # fmt: skip

        def last_norm() -> nn.LayerNorm | None:
            return nn.LayerNorm(WIDTH, dtype=torch.float64) if norm_first else None

        encoder_layer = nn.TransformerEncoderLayer(WIDTH, HEADS, FEED_FORWARD, **settings)
        decoder_layer = nn.TransformerDecoderLayer(WIDTH, HEADS, FEED_FORWARD, **settings)
        self.encoder = nn.TransformerEncoder(encoder_layer, 2, last_norm(), enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoder(decoder_layer, 3, last_norm())
        weights = network.state_dict()
        self.encoder.load_state_dict(renamed(weights, "encoder."))
        self.decoder.load_state_dict(renamed(weights, "decoder."))
        self.source_table = nn.Parameter(weights["source_embedding.table.weight"].clone())
        self.target_table = nn.Parameter(weights["target_embedding.table.weight"].clone())
        self.bias = nn.Parameter(weights["output_bias"].clone())

    def forward(self, source: Tensor, padding: Tensor, target_input: Tensor) -> Tensor:
        length = target_input.shape[1]
        memory = self.encoder(embedded(source, self.source_table), src_key_padding_mask=padding)
        hidden = self.decoder(
            embedded(target_input, self.target_table),
            memory,
            tgt_mask=torch.ones(length, length, dtype=torch.bool).triu(1),
            memory_key_padding_mask=padding,
        )
        return hidden @ self.target_table.T + self.bias


def embedded(ids: Tensor, table: Tensor) -> Tensor:
    """Word vectors times √W, with none for padding, plus positions calculated one by one."""
    with_padding = torch.cat([table, torch.zeros(1, WIDTH, dtype=torch.float64)])
    positions = torch.tensor(positions_by_hand(ids.shape[1], WIDTH), dtype=torch.float64)
    return math.sqrt(WIDTH) * with_padding[ids] + positions


def positions_by_hand(length: int, width: int) -> list[list[float]]:
    sines = (width + 1) // 2
    return [
        [math.sin(t / 10_000 ** (2 * i / width)) for i in range(sines)]
        + [math.cos(t / 10_000 ** (2 * i / width)) for i in range(width - sines)]
        for t in range(length)
    ]


def renamed(weights: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    """Our names as PyTorch's, for ``encoder.`` or ``decoder.``."""
    norms = ["self_attention", "cross_attention", "feed_forward"]
    if part == "encoder.":
        norms.remove("cross_attention")
    names = {
        f"{owner}_add_and_norm.norm.": f"norm{number}." for number, owner in enumerate(norms, start=1)
    } | {
        "self_attention.input_projection.": "self_attn.in_proj_",
        "self_attention.output_projection.": "self_attn.out_proj.",
        "cross_attention.input_projection.": "multihead_attn.in_proj_",
        "cross_attention.output_projection.": "multihead_attn.out_proj.",
        "feed_forward.inner.": "linear1.",
        "feed_forward.outer.": "linear2.",
    }  # fmt: skip

    def theirs(name: str) -> str:
        for ours, other in names.items():
            name = name.replace(ours, other)
        return name

    return {theirs(name.removeprefix(part)): value for name, value in weights.items() if name.startswith(part)}


@pytest.mark.parametrize("norm_first", [False, True], ids=["post", "pre"])
@pytest.mark.parametrize("activation", ["relu", "gelu", "silu"])
def test_equals_pytorchs_transformer(activation: Activation, norm_first: bool) -> None:
    """Guards every wire of the network: norms, residuals, masks, heads, scales, positions, values and gradients.

    Sums of some hundred float64 products differ by 1e-14; a wrong wire differs by 1e-2.
    """
    network = network_of(activation=activation, norm_first=norm_first)
    twin = Twin(network, activation, norm_first)
    ours, theirs = network(*inputs()), twin(*inputs())
    assert ours.shape == (3, 5, TARGET_PIECES - 1)
    assert apart(ours, theirs) < 1e-10
    wanted = torch.randn_like(ours)
    (ours * wanted).sum().backward()
    (theirs * wanted).sum().backward()
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    for part, module in (("encoder.", twin.encoder), ("decoder.", twin.decoder)):
        for name, gradient in renamed(gradients, part).items():
            expected = module.get_parameter(name).grad
            assert gradient is not None and expected is not None
            assert apart(gradient, expected) < 1e-10, name
    for name, expected in (
        ("source_embedding.table.weight", twin.source_table.grad),
        ("target_embedding.table.weight", twin.target_table.grad),
        ("output_bias", twin.bias.grad),
    ):
        assert apart(gradients[name], expected) < 1e-10, name


def test_one_large_projection_is_many_small_ones() -> None:
    """Guards the heads' order inside the large matrices: each head is calculated here for itself."""
    torch.manual_seed(3)
    attend = MultiHeadAttention(WIDTH, HEADS, 0.0).double()
    nn.init.normal_(attend.input_projection.bias)
    x, memory = torch.randn(2, 5, WIDTH).double(), torch.randn(2, 11, WIDTH).double()
    weights, biases = attend.input_projection.weight.chunk(3), attend.input_projection.bias.chunk(3)
    heads = []
    for head in range(HEADS):
        rows = slice(7 * head, 7 * (head + 1))
        query, key, value = (
            given @ weight[rows].T + bias[rows]
            for given, weight, bias in zip((x, memory, memory), weights, biases, strict=True)
        )
        heads.append(torch.softmax(query @ key.transpose(1, 2) / math.sqrt(7), dim=-1) @ value)
    by_hand = torch.cat(heads, dim=-1) @ attend.output_projection.weight.T + attend.output_projection.bias
    ours = attend(attend.project_query(x), *attend.project_memory(memory), None)
    assert apart(ours, by_hand) < 1e-12
    assert all(
        apart(one, both) < 1e-12
        for one, both in zip((attend.project_query(x), *attend.project_memory(x)), attend.project(x), strict=True)
    )


def test_positions_are_sines_then_cosines() -> None:
    """Guards the layout that Marian's files need, against numbers of a pocket calculator, and odd widths."""
    expected = [
        [0, 0, 1, 1],
        [0.8414709848, 0.0099998333, 0.5403023059, 0.9999500004],
        [0.9092974268, 0.0199986667, -0.4161468365, 0.9998000067],
    ]
    assert apart(sinusoidal_positions(3, 4), torch.tensor(expected, dtype=torch.float64)) < 1e-10
    by_hand = torch.tensor(positions_by_hand(101, 7), dtype=torch.float64)
    assert apart(sinusoidal_positions(101, 7), by_hand) < 1e-12


# What must not be seen -----------------------------------------------------------------------------------------------


def test_the_future_is_never_seen(network: Transformer, way: Callable[..., Tensor]) -> None:
    """Guards against a leaking causal mask: training would look perfect and translation would be noise."""
    source, padding, target_input = inputs()
    before = way(network, source, padding, target_input)
    for position in range(1, target_input.shape[1]):
        changed = target_input.clone()
        changed[:, position:] = (changed[:, position:] + 7) % TARGET_PAD
        after = way(network, source, padding, changed)
        assert apart(after[:, :position], before[:, :position]) < 1e-12
        assert apart(after[:, position], before[:, position]) > 1e-3  # and the present is


def test_padding_is_never_seen(network: Transformer, way: Callable[..., Tensor]) -> None:
    """Guards against a leaking padding mask: a sentence's translation would depend on the batch it stands in."""
    source, padding, target_input = inputs()
    before = way(network, source, padding, target_input)
    filled = torch.where(padding, torch.full_like(source, 7), source)
    assert not torch.equal(filled, source)
    assert apart(way(network, filled, padding, target_input), before) < 1e-12
    longer = F.pad(source, (0, 13), value=SOURCE_PAD)
    assert apart(way(network, longer, longer == SOURCE_PAD, target_input), before) < 1e-12
    assert apart(way(network, filled, torch.zeros_like(padding), target_input)[1], before[1]) > 1e-3  # unmasked, it is


def test_sentences_of_a_batch_are_strangers(network: Transformer, way: Callable[..., Tensor]) -> None:
    """Guards against any mixing over the batch: each sentence alone, without its padding, gives the same logits."""
    together = way(network, *inputs())
    for row, (sentence, translation) in enumerate(zip(SENTENCES, TRANSLATIONS, strict=True)):
        alone = collate([sentence], [translation], SOURCE_PAD, TARGET_PAD)
        logits = way(network, alone.source, alone.source_padding, alone.target_input)
        assert apart(logits[0], together[row, : len(translation) + 1]) < 1e-12


def test_padding_is_never_scored_and_starts_as_zero(network: Transformer) -> None:
    """Guards the start of a translation, which is a zero vector, and against a network that can say <pad>."""
    source, padding, target_input = inputs()
    assert network(source, padding, target_input).shape[-1] == TARGET_PIECES - 1
    start = network.target_embedding(target_input)[:, 0]
    assert torch.equal(start, sinusoidal_positions(1, WIDTH).expand(3, WIDTH))
    assert torch.equal(network.source_embedding.table(torch.tensor([SOURCE_PAD])), torch.zeros(1, WIDTH).double())


# A position at a time ------------------------------------------------------------------------------------------------


def test_steps_equal_the_full_pass(network: Transformer) -> None:
    """Guards the cache: keys, values and positions of each step are those of all positions at once."""
    source, padding, target_input = inputs()
    with torch.no_grad():
        full = network(source, padding, target_input).float().log_softmax(-1)
        state = network.start(source, padding)
        for position in range(target_input.shape[1]):
            log_probabilities, state = network.step(state, target_input[:, position])
            assert log_probabilities.dtype == torch.float32
            # float32 has seven digits, and log-probabilities here are below 10
            assert apart(log_probabilities, full[:, position]) < 1e-5


def test_select_keeps_repeats_and_reorders(network: Transformer) -> None:
    """Guards beam search: after a reordering each row goes on with its own source, mask and past, not another's."""
    source, padding, target_input = inputs()
    rows = torch.tensor([2, 0, 0, 1, 2])
    with torch.no_grad():
        state = network.start(source, padding)
        first = network.select(state, rows)  # before the first step there is no past yet
        for position in range(3):
            _, state = network.step(state, target_input[:, position])
            _, first = network.step(first, target_input[rows, position])
        going_on = torch.tensor([3, 5, 7, 11, 13])
        prefixes = torch.cat([target_input[rows, :3], going_on[:, None]], dim=1)
        full = network(source[rows], padding[rows], prefixes).float().log_softmax(-1)[:, -1]
        for selected in (network.select(state, rows), first):
            assert apart(network.step(selected, going_on)[0], full) < 1e-5


# Learning ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_loss_is_the_sum_over_real_tokens(network: Transformer, label_smoothing: float) -> None:
    """Guards the loss that never sees whole logits: padding must not count, and smoothing spreads over V − 1 pieces."""
    made = batch()
    loss, count = network.loss(made, label_smoothing)
    logits = network(made.source, made.source_padding, made.target_input)
    expected = F.cross_entropy(
        logits.flatten(0, 1), made.target_output.flatten(), ignore_index=TARGET_PAD, reduction="sum",
        label_smoothing=label_smoothing,
    )  # fmt: skip
    assert count == made.target_tokens == sum(map(len, TRANSLATIONS)) + 3
    assert loss.item() == pytest.approx(expected.item(), rel=1e-10)


def test_gradients_of_plain_and_fused_agree() -> None:
    """Guards the whole backward pass, above all the loss's own one, against autograd through the plain formulas."""
    fused, plain = network_of(), network_of()
    fused.loss(batch(), 0.1)[0].backward()
    with glass_box(keep_gradients=True) as seen:
        loss, _ = plain.loss(batch(), 0.1)
    weights = seen["decoder.layers.1.cross_attention.weights"]
    assert torch.autograd.grad(loss, weights, retain_graph=True)[0].shape == (3, HEADS, 5, 11)
    loss.backward()
    for (name, ours), theirs in zip(fused.named_parameters(), plain.parameters(), strict=True):
        assert ours.grad is not None and theirs.grad is not None
        assert apart(ours.grad, theirs.grad) < 1e-10, name
    assert any(float(parameter.grad.abs().max()) > 0.1 for parameter in fused.parameters())  # type: ignore[union-attr]


def test_tied_and_shared_tables_are_one_parameter() -> None:
    """Guards against a table that is copied where it should be shared: it would be trained and counted twice."""
    tied, untied = network_of(), network_of(tied_output=False)
    assert tied.projection is tied.target_embedding.table.weight
    assert "output_weight" not in dict(tied.named_parameters())
    assert untied.projection is untied.output_weight
    assert untied.projection is not untied.target_embedding.table.weight
    torch.manual_seed(5)
    shared = Transformer(
        13, 13, width=WIDTH, heads=HEADS, feed_forward=5, encoder_layers=1, decoder_layers=1, shared_embeddings=True
    )
    assert shared.source_embedding.table.weight is shared.projection
    tables = [name for name, _ in shared.named_parameters() if "table" in name]
    assert tables == ["source_embedding.table.weight"]


def test_impossible_networks_are_refused() -> None:
    """Guards against silent truncation: heads that do not share the width, a table for two vocabularies."""
    with pytest.raises(ValueError, match="21 cannot be divided among 2 heads"):
        network_of(heads=2)
    with pytest.raises(ValueError, match="17 source and 19 target"):
        network_of(shared_embeddings=True)
