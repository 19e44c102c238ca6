"""The page of a text: what it shows is what the network calculated, to the last share of a score."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from congling.data.text.labelled_batches import LabelledStore, write_labelled_store
from congling.data.text.labelled_texts import LabelledTexts
from congling.data.text.piece_cutter import train_pieces
from congling.figures.page import unpacked
from congling.figures.sentiment.page import sentiment_page
from congling.figures.sentiment.view import TextView, score_shares, view_of_text
from congling.networks.text_classifier import TextClassifier
from congling.tasks.sentiment.data import Texts
from congling.tasks.sentiment.inside import look_inside
from congling.tasks.sentiment.options import SentimentOptions
from congling.tasks.sentiment.sentiment_classifier import SentimentClassifier

TEXT = "这 book </script> 很好"


def classifier_of(folder: Path, **network: Any) -> SentimentClassifier:
    """A network that has learned nothing, of three classes."""
    texts = LabelledTexts([TEXT, "一 bad book", "meh"], np.array([0, 1, 2]), ["good", "bad", "<so so>"])
    pieces = train_pieces(texts.texts, kind="characters", size=60, normalization="nmt_nfkc")
    write_labelled_store(folder / "t.arrow", texts, pieces, 99)
    store = LabelledStore.open(folder / "t.arrow")
    options = SentimentOptions()
    options.network = replace(options.network, cell=network.get("kind", "gru"))
    torch.manual_seed(2)
    shape: dict[str, Any] = {"kind": "gru", "width": 5, "embedding": 7, "layers": 2, "pooling": "max-mean"} | network
    made = TextClassifier(pieces.tokenizer.size, 3, **shape)
    with torch.no_grad():
        made.output.weight.mul_(9)
    parts = Texts(pieces, list(texts.classes), {"train": store, "valid": store, "test": store})
    return SentimentClassifier(made, parts, options)


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])  # type: ignore[no-any-return]


@pytest.mark.parametrize("ngrams", [0, 3])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "max-mean"])
def test_the_shares_add_up_to_the_scores(tmp_path: Path, pooling: str, bidirectional: bool, ngrams: int) -> None:
    """Guards "without a remainder": shares of the pieces and bias are the scores beyond their mean, in each pooling."""
    classifier = classifier_of(tmp_path, pooling=pooling, bidirectional=bidirectional, ngrams=ngrams)
    if classifier.network.ngrams is not None:
        with torch.no_grad():
            classifier.network.ngrams.weight.normal_()
    inside = look_inside(classifier, TEXT)
    shares, bias = score_shares(classifier.network, inside)
    with torch.no_grad():
        scores = classifier.network(inside.values["ids"], torch.tensor([len(inside.pieces)]))[0].double().numpy()
    assert shares.shape == (3, len(inside.pieces))
    assert shares.sum(axis=1) + bias == pytest.approx(scores - scores.mean(), abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "gates"),
    [
        ("elman", set()),
        ("gru", {"reset", "update", "candidate"}),
        ("lstm", {"cell", "forget_gate", "input_gate", "output_gate", "candidate"}),
    ],
)
def test_the_view_has_states_and_gates_of_each_scan(tmp_path: Path, kind: str, gates: set[str]) -> None:
    """Guards layers, directions and gates that are mixed up, and rows that are not the units' own."""
    classifier = classifier_of(tmp_path, kind=kind)
    view = view_of_text("run", classifier, TEXT, 1)
    assert [(scan["layer"], scan["direction"]) for scan in view.scans] == [
        (1, "forward"), (1, "backward"), (2, "forward"), (2, "backward"),
    ]  # fmt: skip
    assert all(set(scan["values"]) == {"hidden", *gates} for scan in view.scans)
    seen = look_inside(classifier, TEXT).values["recurrent.layers.1.backward_scan.hidden"][0]
    shown = unpacked(view.scans[3]["values"]["hidden"])
    assert shown == pytest.approx(seen.T.numpy()[view.scans[3]["chosen"]], abs=1e-4)
    assert shown.shape == (5, len(view.pieces))


def view_of(tmp_path: Path) -> TextView:
    return view_of_text("run", classifier_of(tmp_path), TEXT, 1)


def test_the_page_stands_alone(tmp_path: Path) -> None:
    """Guards texts that end the page's script, and anything that asks a network."""
    page = sentiment_page(view_of(tmp_path))
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "") and "https://" not in page
    assert "<so so>" not in page and "</script> 很好" not in page
    data = data_of(page)
    assert data["classes"] == ["good", "bad", "<so so>"] and data["truth"] == 1
    assert "".join(data["words"]) == "这book</script>很好"
    assert np.array(data["probabilities"]).shape == (len(data["words"]) + 1, 3)
    assert not re.findall(r"\{\{\w+\}\}", page)


def test_every_text_of_the_page_is_known_to_its_script(tmp_path: Path) -> None:
    """Guards a text that the script asks for and the page lacks."""
    assets = Path(__file__).parents[1] / "src/congling/figures/assets"
    scripts = "".join(
        (assets / name).read_text("utf-8") for name in ("reading.js", "reading_curve.js", "hidden_states.js")
    )
    asked = set(re.findall(r'say\("(\w+)"', scripts)) | set(re.findall(r"texts\.(\w+)", scripts))
    assert asked and asked <= set(data_of(sentiment_page(view_of(tmp_path)))["texts"])
