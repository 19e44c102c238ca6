"""The recurrent translator: against PyTorch's own layers, step by step, with padding and without, and on the page."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from congling.data.text.pair_batches import Batch, collate
from congling.decoding.beam import beam_search
from congling.decoding.greedy import greedy_search
from congling.equations.attention import additive_attention
from congling.equations.glass_box import glass_box
from congling.errors import UserError
from congling.figures.page import unpacked
from congling.figures.translation.page import _data, translation_page, view_from_glass_box
from congling.figures.translation.picture import translation_picture
from congling.networks.recurrent_kinds import RecurrentKind
from congling.networks.recurrent_translator import RecurrentTranslator
from test_translation_page import SOURCE, SOURCE_IDS, TARGET, TARGET_IDS, ListedPieces

SOURCE_PIECES, TARGET_PIECES, WIDTH = 13, 17, 5
KINDS: list[RecurrentKind] = ["elman", "gru", "lstm"]


def network(
    kind: RecurrentKind = "gru", attention: bool = True, layers: int = 1, **settings: Any
) -> RecurrentTranslator:
    torch.manual_seed(1)
    made = RecurrentTranslator(
        SOURCE_PIECES, TARGET_PIECES, kind=kind, width=WIDTH, encoder_layers=layers, decoder_layers=layers,
        attention=attention, **settings,
    ).double()  # fmt: skip
    for parameter in made.parameters():
        if parameter.dim() == 1:
            nn.init.normal_(parameter)  # biases that are zero would hide one that is left out
    return made.eval()


def sentences() -> Batch:
    return collate([[3, 4, 5, 6], [6, 7]], [[3, 4], [5, 6, 7, 8]], SOURCE_PIECES - 1, TARGET_PIECES - 1)


def scan_by_torch(scan: Any, inputs: Tensor, state: tuple[Tensor, ...], kind: str) -> tuple[Tensor, tuple[Tensor, ...]]:
    """One sentence, one direction, by PyTorch's layer."""
    make: Any = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[kind]
    twin = make(inputs.shape[-1], WIDTH, batch_first=True).double()
    for name, ours in zip(("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"), scan.weights, strict=True):
        getattr(twin, name).data = ours.detach()
    given = tuple(each.unsqueeze(0) for each in state)
    outputs, last = twin(inputs, given if kind == "lstm" else given[0])
    return outputs, tuple(each[0] for each in (last if kind == "lstm" else (last,)))


def logits_by_torch(ours: RecurrentTranslator, kind: str, source: Tensor, target: Tensor) -> Tensor:
    """One sentence without padding, layer 1 of each side, in the words of the papers."""
    scale, zeros = math.sqrt(WIDTH), tuple(torch.zeros(1, WIDTH).double() for _ in range(1 + (kind == "lstm")))
    read = nn.functional.embedding(source, ours.source_embedding.table.weight)[None] * scale
    layer: Any = ours.encoder.layers[0]
    forwards, last = scan_by_torch(layer.forward_scan, read, zeros, kind)
    backwards, first = scan_by_torch(layer.backward_scan, read.flip(1), zeros, kind)
    found = torch.cat([forwards, backwards.flip(1)], dim=-1)[0]  # (S, 2W)
    begun = torch.tanh(nn.functional.linear(torch.cat([last[0], first[0]], dim=-1), *ours.bridge.parameters()))
    state = begun.chunk(1 + (kind == "lstm"), dim=-1)
    weight = torch.cat([ours.target_embedding.table.weight, torch.zeros(1, WIDTH).double()])  # the start is zeros
    written, rows = weight[target] * scale, []
    cell: Any = ours.decoder.layers[0]
    for piece in written:
        parts = [piece]
        if ours.attention is not None:
            attention = ours.attention
            scores = [attention.v_a @ torch.tanh(attention.W_a @ state[0][0] + attention.U_a @ h) for h in found]
            parts.append(torch.softmax(torch.stack(scores), dim=0) @ found)
        output, state = scan_by_torch(cell.forward_scan, torch.cat(parts)[None, None], state, kind)
        rows.append(torch.cat([output[0, 0], piece, *parts[1:]]))
    hidden = torch.tanh(nn.functional.linear(torch.stack(rows), *ours.readout.parameters()))
    return nn.functional.linear(hidden, ours.projection, ours.output_bias)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize("plain", [False, True])
def test_logits_are_those_of_pytorchs_layers(kind: RecurrentKind, attention: bool, plain: bool) -> None:
    """Guards the network as a whole, in a padded batch: what is added up, in which order, and no padding."""
    ours, batch = network(kind, attention), sentences()
    with torch.no_grad():
        if plain:
            with glass_box():
                logits = ours(batch.source, batch.source_padding, batch.target_input)
        else:
            logits = ours(batch.source, batch.source_padding, batch.target_input)
        for row in range(2):
            source = batch.source[row][~batch.source_padding[row]]
            length = int((batch.target_output[row] != TARGET_PIECES - 1).sum())
            expected = logits_by_torch(ours, kind, source, batch.target_input[row, :length])
            torch.testing.assert_close(logits[row, :length], expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("attention", [False, True])
def test_writing_step_by_step_is_what_was_learned(kind: RecurrentKind, attention: bool) -> None:
    """Guards decoding: two layers, the state of each row, and rows that are copied and dropped on the way."""
    ours, batch = network(kind, attention, layers=2, dropout=0.3), sentences()
    with torch.no_grad():
        expected = torch.log_softmax(ours(batch.source, batch.source_padding, batch.target_input), dim=-1)
        state, rows = ours.start(batch.source, batch.source_padding), torch.tensor([0, 1])
        for position in range(batch.target_input.shape[1]):
            found, state = ours.step(state, batch.target_input[rows, position])
            torch.testing.assert_close(found.double(), expected[rows, position], rtol=1e-5, atol=1e-5)
            picked = torch.tensor([1, 0] if position % 2 else [0, 1, 1])
            state, rows = ours.select(state, picked), rows[picked]


def test_the_memory_stays_where_hypotheses_change_places_within_a_sentence() -> None:
    """Guards beam search's speed: the encoder's output is copied when sentences come and go, not at every step."""
    ours, batch = network(), sentences()
    state = ours.select(ours.start(batch.source, batch.source_padding), torch.tensor([0, 0, 1]))
    assert ours.select(state, torch.tensor([1, 0, 2])).memory is state.memory
    left = ours.select(state, torch.tensor([2, 2]))
    assert left.memory is not None and state.memory is not None
    assert torch.equal(left.memory.key, state.memory.key[[2, 2]])
    assert left.sentences.tolist() == [1, 1]


@pytest.mark.parametrize("attention", [False, True])
def test_a_beam_of_one_is_greedy_and_neighbours_change_nothing(attention: bool) -> None:
    """Guards searching in batches: what else is translated beside a sentence must not change its translation."""
    ours, batch = network(attention=attention), sentences()
    settings: dict[str, Any] = {"end_id": 0, "pad_id": TARGET_PIECES - 1}
    lengths = torch.tensor([7, 11])
    greedy = greedy_search(ours, batch.source, batch.source_padding, max_lengths=lengths, **settings)
    beam = beam_search(ours, batch.source, batch.source_padding, beam=1, max_lengths=lengths, **settings)
    alone = batch.source[1:, :3], batch.source_padding[1:, :3]
    wide = beam_search(ours, batch.source, batch.source_padding, beam=3, max_lengths=lengths, **settings)
    single = beam_search(ours, *alone, beam=3, max_lengths=lengths[1:], **settings)
    assert [each.ids for each in greedy] == [each[0].ids for each in beam]
    assert [each.ids for each in wide[1]] == [each.ids for each in single[0]]


def test_additive_attention_by_hand() -> None:
    """Guards what is asked and what is taken: the key that fits the query, and nothing behind the mask."""
    key = torch.tensor([[[2.0], [-2.0], [9.0]]])
    value = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [7.0, 7.0]]])
    mask = torch.tensor([[0.0, 0.0, -math.inf]])
    with glass_box() as seen:
        context = additive_attention(torch.tensor([[1.0]]), key, value, torch.tensor([3.0]), mask)
    scores = [3 * math.tanh(1 + 2), 3 * math.tanh(1 - 2)]
    share = math.exp(scores[0]) / (math.exp(scores[0]) + math.exp(scores[1]))
    torch.testing.assert_close(seen["weights"], torch.tensor([[share, 1 - share, 0]]))
    torch.testing.assert_close(context, torch.tensor([[share, 1 - share]]))


def test_dropout_and_tables_are_what_was_asked() -> None:
    """Guards options that do nothing: shared tables, an output layer of its own, dropout in training alone."""
    with pytest.raises(ValueError, match="one table cannot serve 13 source and 17 target pieces"):
        network(shared_embeddings=True)
    untied = network(tied_output=False)
    assert untied.projection is untied.output_weight and network().output_weight is None
    dropping, batch = network(dropout=0.5).train(), sentences()
    losses = {float(dropping.loss(batch)[0].detach()) for _ in range(3)}
    assert len(losses) == 3
    assert len({float(dropping.eval().loss(batch)[0].detach()) for _ in range(3)}) == 1


def test_the_loss_counts_real_pieces() -> None:
    """Guards against padding in the loss: per sentence it is the sum of the pieces' own losses, the end included."""
    ours, batch = network(), sentences()
    logits = ours(batch.source, batch.source_padding, batch.target_input)
    real = batch.target_output != TARGET_PIECES - 1
    expected = nn.functional.cross_entropy(
        logits[real], batch.target_output[real], reduction="sum", label_smoothing=0.1
    )
    loss, count = ours.loss(batch, 0.1)
    assert count == 3 + 5
    torch.testing.assert_close(loss, expected, rtol=1e-11, atol=0)


# What is drawn -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attention", [False, True])
def test_the_page_of_a_recurrent_network(attention: bool) -> None:
    """Guards the page: attention in the order of the pieces, states of both sides, and nothing that there is not."""
    torch.manual_seed(5)
    ours = RecurrentTranslator(
        len(SOURCE), len(TARGET), kind="gru", width=7, encoder_layers=2, decoder_layers=1, attention=attention
    ).eval()
    source = torch.tensor([[*SOURCE_IDS, 6, 6], [3, 3, 3, 3, 3, 3, 0]])
    target_input = torch.tensor([[7, *TARGET_IDS[:-1]], [7, 3, 3, 3, 3, 3, 3]])
    with torch.no_grad(), glass_box() as seen:
        ours(source, source == 6, target_input)
    view = view_from_glass_box(
        seen, name="a-run", source_text="我", source_ids=SOURCE_IDS, target_ids=TARGET_IDS,
        source_tokenizer=ListedPieces(SOURCE), target_tokenizer=ListedPieces(TARGET),
    )  # fmt: skip
    data = _data(view)
    assert data["positions"] is None and data["width"] == 7
    assert data["attention"]["encoder_self"] == data["attention"]["decoder_self"] == []
    assert [len(data["states"][side]) for side in ("encoder", "decoder")] == [4, 1]
    hidden = unpacked(data["states"]["decoder"][0]["values"]["hidden"])
    chosen = data["states"]["decoder"][0]["chosen"]
    expected = seen["decoder.layers.0.forward_scan.hidden"][0, :, chosen].T.double().numpy()
    assert hidden.shape == (7, len(TARGET_IDS)) and abs(hidden - expected).max() < 1e-4
    assert [len(data["norms"][side]) for side in ("encoder", "decoder")] == [3, 2]
    if attention:
        (weights,) = [unpacked(each) for each in data["attention"]["cross"]]
        assert weights.shape == (1, len(TARGET_IDS), len(SOURCE_IDS))
        assert abs(weights.sum(-1) - 1).max() < 1e-4  # nothing of it went to padding
        assert translation_picture(view).startswith("<svg")
    else:
        assert data["attention"]["cross"] == []
        with pytest.raises(UserError, match="no attention to draw in a-run"):
            translation_picture(view)
    assert ("It has no attention" in translation_page(view)) is not attention
