"""The inspect page: whole, offline, safe, and true to what the network calculated."""

from __future__ import annotations

import gettext
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from congling import language
from congling.decoding.hypotheses import Hypothesis
from congling.equations.glass_box import GlassBox, glass_box
from congling.figures.page import embedded_json, filled, packed, page, unpacked
from congling.figures.theme import DAY, NIGHT, Palette
from congling.figures.translation.page import TranslationView, translation_page, view_from_glass_box
from congling.networks.transformer import Transformer

SOURCE = ["</s>", "<unk>", "▁我", "喜欢", "学习", "。", "<pad>"]
TARGET = ["</s>", "<unk>", "▁I", "▁like", "▁to", "▁study", ".", "<pad>"]
SOURCE_IDS, TARGET_IDS = [2, 3, 4, 5, 0], [2, 3, 4, 5, 6, 4, 0]  # S = 5, T = 7
HEADS, ENCODER_LAYERS, DECODER_LAYERS, WIDTH = 2, 3, 1, 22


class ListedPieces:
    """A tokenizer whose vocabulary is a list."""

    end_id = 0

    def __init__(self, listed: list[str]) -> None:
        self.listed = listed

    def pieces(self, ids: Iterable[int]) -> list[str]:
        return [self.listed[number] for number in ids]

    def decode(self, ids: Iterable[int]) -> str:
        return "".join(self.listed[number] for number in ids if number != self.end_id).replace("▁", " ").strip()


@pytest.fixture(scope="module")
def network() -> Transformer:
    torch.manual_seed(5)
    made = Transformer(
        len(SOURCE),
        len(TARGET),
        width=WIDTH,
        heads=HEADS,
        feed_forward=13,
        encoder_layers=ENCODER_LAYERS,
        decoder_layers=DECODER_LAYERS,
    )
    return made.eval()


@pytest.fixture(scope="module")
def seen(network: Transformer) -> GlassBox:
    """A batch of two, the first of which is padded on the source's side: what padding adds must not be seen."""
    source = torch.tensor([[*SOURCE_IDS, 6, 6], [3, 3, 3, 3, 3, 3, 0]])
    target_input = torch.tensor([[7, *TARGET_IDS[:-1]], [7, 3, 3, 3, 3, 3, 3]])
    with torch.no_grad(), glass_box() as box:
        network(source, source == 6, target_input)
    return box


@pytest.fixture(scope="module")
def view(seen: GlassBox) -> TranslationView:
    return view_of(seen)


def view_of(seen: GlassBox, target_ids: list[int] = TARGET_IDS) -> TranslationView:
    return view_from_glass_box(
        seen,
        name="a-run",
        source_text="我喜欢学习。",
        source_ids=SOURCE_IDS,
        target_ids=target_ids,
        source_tokenizer=ListedPieces(SOURCE),
        target_tokenizer=ListedPieces(TARGET),
        hypotheses=[Hypothesis([2, 3, 4, 5, 6, 4], -3.5, -0.5, True, []), Hypothesis([2, 3], -4.0, -2.0, False, [])],
        runner_ups=3,
    )


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    language.use_language("en")
    yield
    language.use_language(None)


def data_of(html: str) -> dict[str, Any]:
    """The data as a browser reads it: from its element's start to the first end of a script."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script', html, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_every_weight_of_every_layer_and_head_is_in_the_page(seen: GlassBox, view: TranslationView) -> None:
    """Guards against a swapped axis, a lost layer or head, and padding that is taken for pieces."""
    attention = data_of(translation_page(view))["attention"]
    s, t = len(SOURCE_IDS), len(TARGET_IDS)
    for name, side, kind, layers, rows, columns in (
        ("encoder_self", "encoder", "self_attention", ENCODER_LAYERS, s, s),
        ("decoder_self", "decoder", "self_attention", DECODER_LAYERS, t, t),
        ("cross", "decoder", "cross_attention", DECODER_LAYERS, t, s),
    ):
        assert len(attention[name]) == layers
        for layer, block in enumerate(attention[name]):
            weights = unpacked(block)
            assert weights.shape == (HEADS, rows, columns)
            expected = seen[f"{side}.layers.{layer}.{kind}.weights"][0, :, :rows, :columns].numpy()
            np.testing.assert_allclose(weights, expected, atol=1e-5)  # packing rounds to 1 / 131,068
            np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-4)


def test_steps_are_the_networks_probabilities(network: Transformer, view: TranslationView) -> None:
    """Guards against probabilities that stand one position off, and runner-ups in the wrong order."""
    source = torch.tensor([SOURCE_IDS])
    with torch.no_grad():
        logits = network(source, source < 0, torch.tensor([[7, *TARGET_IDS[:-1]]]))[0]
    expected = logits.double().softmax(-1).numpy()  # (T, V − 1)
    data = data_of(translation_page(view))
    assert [step["piece"] for step in data["steps"]] == [TARGET[number] for number in TARGET_IDS]
    for position, step in enumerate(data["steps"]):
        row = expected[position]
        assert step["probability"] == pytest.approx(row[TARGET_IDS[position]], rel=1e-4)
        best = np.argsort(-row)[:3]
        assert step["best"] == [[TARGET[number], pytest.approx(row[number], rel=1e-4)] for number in best]
    total = sum(np.log(expected[position, number]) for position, number in enumerate(TARGET_IDS))
    assert data["log_probability"] == pytest.approx(total, rel=1e-4)


def test_positions_and_sizes_are_the_networks(seen: GlassBox, view: TranslationView) -> None:
    """Guards against waves of the target for those of the source, and sizes of a layer's inside for its output."""
    data = data_of(translation_page(view))
    positions = seen["source_embedding.positions"][: len(SOURCE_IDS)].numpy()
    np.testing.assert_allclose(unpacked(data["positions"]), positions, atol=2e-5)
    encoder = np.array(data["norms"]["encoder"])
    assert encoder.shape == (1 + ENCODER_LAYERS, len(SOURCE_IDS))
    np.testing.assert_allclose(encoder[-1], seen["encoder.output"][0, : len(SOURCE_IDS)].norm(dim=-1), rtol=1e-3)
    assert np.array(data["norms"]["decoder"]).shape == (1 + DECODER_LAYERS, len(TARGET_IDS))


def test_pieces_ids_and_candidates_are_in_the_page(view: TranslationView) -> None:
    """Guards against an end that is not shown and a cut-off candidate that looks finished."""
    data = data_of(translation_page(view))
    assert data["source"] == {"pieces": ["▁我", "喜欢", "学习", "。", "</s>"], "ids": SOURCE_IDS}
    assert data["target"]["pieces"] == ["▁I", "▁like", "▁to", "▁study", ".", "▁to", "</s>"]
    assert [(each["text"], each["finished"]) for each in data["candidates"]] == [
        ("I like to study. to", True),
        ("I like", False),
    ]


def test_a_forced_pass_over_another_length_is_refused(seen: GlassBox) -> None:
    """Guards against a page whose attention belongs to another translation."""
    with pytest.raises(ValueError, match="saw 7 target positions, not the 8"):
        view_of(seen, [*TARGET_IDS, 0])


def test_the_page_asks_no_network(view: TranslationView) -> None:
    """Guards against a script, a style, a font or an image that is fetched: the page must work without a network."""
    html = translation_page(view)
    assert "://" not in html
    assert not re.search(r"url\(|@import|<(img|iframe|object)\b|\bfetch\(|XMLHttpRequest|\bimport\(", html)
    assert not re.search(r"<(script|link)\b[^>]*\b(src|href)=\"(?!data:)", html)
    assert "default-src 'none'" in html


def test_a_piece_cannot_end_the_script(view: TranslationView) -> None:
    """Guards against a sentence that breaks the page, or runs as code in it."""
    evil = "</script><script>alert(1)</script><!--{{style}}\u2028"
    html = translation_page(replace(view, source_text=evil, name=evil, target_pieces=[evil, *view.target_pieces[1:]]))
    assert "<script>alert" not in html
    assert html.count("</script") == 2  # the data's and the script's own
    assert "<!--" not in html
    data = data_of(html)
    assert data["target"]["pieces"][0] == evil
    assert html.count(html_of("{{style}}")) >= 2  # it was filled in as it is, not with the page's style


def html_of(text: str) -> str:
    return text.replace("<", "&lt;")


def test_all_texts_follow_the_language(view: TranslationView, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against an English text that never went through gettext, and a page that says it is in English."""

    class Bracketed(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return f"【{message}】"

    assert '<html lang="en">' in translation_page(view)
    language.use_language("zh")
    monkeypatch.setattr(language, "_catalogue", Bracketed())
    html = translation_page(view)
    assert '<html lang="zh-CN">' in html
    assert "【Attention】</h2>" in html
    facts = {"run", "source", "target"}
    assert all(text.startswith("【") for name, text in data_of(html)["texts"].items() if name not in facts)
    body = re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.DOTALL)
    visible = re.sub(
        r"【.*?】|<[^>]*>|我喜欢学习。|I like to study. to|a-run|congling|softmax|tanh|sin|cos|log", "", body
    )
    assert not re.search(r"[A-Za-z]{4,}", visible)


def test_every_text_of_the_page_and_its_script_exists(view: TranslationView) -> None:
    """Guards against a script that asks for a text which is not there: it would stop halfway through the page."""
    html = translation_page(view)
    texts = data_of(html)["texts"]
    script = html.rsplit("<script>", 1)[1]
    wanted = set(re.findall(r"\btexts\.(\w+)", script)) | set(re.findall(r'\bsay\("(\w+)"', script))
    assert wanted
    assert wanted <= set(texts)
    assert "{{" not in html
    for element in set(re.findall(r'\bbyId\("([\w-]+)"\)', script)):
        assert f'id="{element}"' in html


def test_the_page_of_a_short_sentence_is_small(view: TranslationView) -> None:
    """Guards against a charting library that comes along: without one it has about 60 kB."""
    assert len(translation_page(view).encode()) < 150_000


def test_long_sentences_take_three_bytes_a_weight() -> None:
    """Guards against numbers written out: 6 layers of 8 heads over 200 pieces must not make a page of 60 MB."""
    weights = np.random.default_rng(7).dirichlet(np.ones(97), size=(3, 89))
    block = packed(weights, 0.0, 1.0)
    assert len(json.dumps(block)) < 2.7 * weights.size
    np.testing.assert_allclose(unpacked(block).sum(-1), 1, atol=1e-3)


def test_what_is_no_number_stays_none() -> None:
    """Guards against a network full of NaN that looks healthy, or a page that cannot be read because of it."""
    values = np.array([[0.25, np.nan], [np.inf, 1.0]])
    np.testing.assert_allclose(unpacked(packed(values, 0.0, 1.0)), [[0.25, np.nan], [np.nan, 1.0]], atol=1e-4)


def test_a_network_full_of_nan_makes_a_page(view: TranslationView) -> None:
    """Guards against NaN in the JSON, which no browser reads: a broken run is what one inspects."""
    broken = replace(view, log_probability=float("nan"), encoder_norms=np.full_like(view.encoder_norms, np.nan))
    data = data_of(translation_page(broken))
    assert data["log_probability"] is None
    assert data["norms"]["encoder"][0][0] is None


def test_what_is_filled_in_is_not_filled_again() -> None:
    """Guards against a user's braces that are taken for the page's own."""
    assert filled("{{first}}-{{second}}", {"first": "{{second}}", "second": "x"}) == "{{second}}-x"


def test_embedded_json_reads_back() -> None:
    """Guards against an escape that JSON does not know."""
    data = {"a": ["</script>", "<!--", "&amp;", "\u2028", '"\\', "我"]}
    text = embedded_json(data)
    assert json.loads(text) == data
    assert not set("<>&\u2028") & set(text)


@pytest.mark.parametrize("palette", [DAY, NIGHT])
def test_text_is_readable_on_its_ground(palette: Palette) -> None:
    """Guards against a colour that is too pale to read: WCAG AA asks for a contrast of 4.5, of bars 3."""
    for ground in (palette.paper, palette.surface):
        assert min(contrast(text, ground) for text in (palette.ink, palette.muted, palette.accent)) >= 4.5
        assert contrast(palette.quiet, ground) >= 3
    assert contrast(palette.accent_ink, palette.accent) >= 4.5


@pytest.mark.parametrize("palette", [DAY, NIGHT])
def test_the_sequential_scale_changes_steadily_in_lightness(palette: Palette) -> None:
    """Guards against a scale that only its hues tell apart, which not everyone can see."""
    lightness = [luminance(colour) for colour in palette.sequential]
    steps = np.diff(lightness)
    assert (steps > 0).all() or (steps < 0).all()


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_a_page_needs_all_its_texts() -> None:
    """Guards against a page with a hole where a text was forgotten."""
    with pytest.raises(KeyError, match="inspect"):
        page(title="t", body="translation.html", texts={}, styles=[], scripts=[], data={})
