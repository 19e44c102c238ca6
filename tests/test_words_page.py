"""The page of words: neighbours, projections and rotations beside independent ones, and every number on the page."""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from congling.data.text.vocabulary import Vocabulary
from congling.errors import UserError
from congling.figures.page import unpacked
from congling.figures.pictures.packing import unpacked as floats
from congling.figures.words.course import aligned, course_of, procrustes
from congling.figures.words.neighbours import nearest_words, unit
from congling.figures.words.page import words_page
from congling.figures.words.projection import WORDS_IN_SPACE, principal_components, project
from congling.figures.words.sentence import sentence_values, words_of_sentence
from congling.figures.words.suggestions import analogies_of, sentence_of
from congling.figures.words.texts import words_texts
from congling.figures.words.view import WordsView, view_of_words

ASSETS = Path(__file__).parents[1] / "src/congling/figures/assets"
Array = NDArray[np.float32]


def vectors_of(words: int, width: int, seed: int = 1) -> Array:
    """Vectors whose directions differ in how much they matter."""
    values = np.random.default_rng(seed).normal(size=(words, width)) * np.linspace(3, 1, width) + 0.7
    return values.astype(np.float32)


def rotation(width: int, seed: int = 3) -> Array:
    values, _rest = np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))
    return np.asarray(values, np.float32)


def quiet(text: str) -> None:
    pass


# Neighbours ----------------------------------------------------------------------------------------------------------


def test_neighbours_are_those_of_a_full_table() -> None:
    """Guards the seams between the rows, the order, and a word that would be its own neighbour."""
    vectors = vectors_of(1031, 7)
    vectors[5] = 0
    places, cosines = nearest_words(vectors, 3)
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    table = vectors.astype(np.float64) @ vectors.T / np.maximum(lengths[:, None] * lengths, 1e-30)
    np.fill_diagonal(table, -2)
    others = np.delete(np.arange(1031), 5)
    np.testing.assert_array_equal(places[others], np.argsort(-table, axis=1)[others, :3])
    np.testing.assert_allclose(cosines[others], -np.sort(-table, axis=1)[others, :3], atol=1e-6)
    assert (cosines[5] == 0).all() and 5 not in places[5]


def test_neighbours_of_few_words() -> None:
    """Guards a vocabulary of one word, and of fewer words than neighbours are wanted."""
    assert nearest_words(vectors_of(1, 3), 5)[0].shape == (1, 0)
    assert np.sort(nearest_words(vectors_of(3, 2), 5)[0], axis=1).tolist() == [[1, 2], [0, 2], [0, 1]]


# Projections ---------------------------------------------------------------------------------------------------------


def test_principal_components_are_those_of_scikit_learn() -> None:
    """Guards the mean, the order and the shares; a sign is free."""
    vectors = vectors_of(211, 11)
    ours, theirs = principal_components(vectors, 3), PCA(3, svd_solver="full").fit(vectors.astype(np.float64))
    np.testing.assert_allclose(np.abs(ours.project(vectors)), np.abs(theirs.transform(vectors)), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ours.shares, theirs.explained_variance_ratio_, rtol=1e-5)
    assert (ours.basis[np.abs(ours.basis).argmax(axis=0), range(3)] > 0).all()


def test_vectors_of_one_or_two_numbers_have_a_place_in_space() -> None:
    """Guards vectors with fewer dimensions than the page draws, and words that are all the same."""
    found = project(vectors_of(13, 2), "pca", 0, quiet)
    assert found.space.shape == (13, 3) and (found.space[:, 2] == 0).all() and found.flat.shape == (13, 2)
    assert (project(np.ones((7, 3), np.float32), "pca", 0, quiet).space == 0).all()


def test_tsne_keeps_neighbours_and_repeats() -> None:
    """Guards a layout that says nothing, or another thing each time; in space it is of the first words alone."""
    groups = np.repeat(np.arange(3), 17)
    vectors = (vectors_of(3, 9)[groups] * 9 + vectors_of(51, 9, 2)).astype(np.float32)
    told: list[str] = []
    found = project(vectors, "tsne", 0, told.append)
    assert found.flat.shape == (51, 2) and found.space.shape == (51, 3) and WORDS_IN_SPACE > 51
    distances = np.linalg.norm(found.flat[:, None] - found.flat[None], axis=2) + np.diag([np.inf] * 51)
    assert (groups[distances.argmin(axis=1)] == groups).all()
    np.testing.assert_array_equal(project(vectors, "tsne", 0, quiet).flat, found.flat)
    assert told == ["t-SNE: 51 words in the plane …", "t-SNE: 51 words in space …"]


def test_few_words_are_laid_out_by_components() -> None:
    """Guards t-SNE, for which two words are no group."""
    assert project(vectors_of(2, 5), "tsne", 0, quiet).method == "pca"


def test_umap_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the extra against a traceback."""
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(UserError, match=r"pip install 'congling\[umap\]'"):
        project(vectors_of(9, 5), "umap", 0, quiet)


# Through training ----------------------------------------------------------------------------------------------------


def test_procrustes_is_that_of_scipy() -> None:
    """Guards the transposes of the formula; the rotation is found where there is one, a mirror too."""
    moved, fixed = vectors_of(31, 5), vectors_of(31, 5, 2)
    theirs, _scale = scipy.linalg.orthogonal_procrustes(moved.astype(np.float64), fixed.astype(np.float64))
    np.testing.assert_allclose(procrustes(moved, fixed), theirs, atol=1e-6)
    for turn in (rotation(5), rotation(5) @ np.diag([1, 1, 1, 1, -1]).astype(np.float32)):
        np.testing.assert_allclose(procrustes(moved, moved @ turn), turn, atol=1e-5)


def test_frames_that_differ_by_a_turn_stand_still() -> None:
    """Guards the chain from the last frame back, each about its own mean; and the last, which is not touched."""
    last = vectors_of(37, 5)
    frames = [last @ rotation(5, 4) + 2, last @ rotation(5, 5) - 1, last]
    for frame in aligned(frames):
        np.testing.assert_allclose(frame, last - last.mean(axis=0), atol=1e-4)
    course = course_of([0, 1, 4], frames)
    assert course.steps == [0, 1, 4] and course.places.shape == (3, 37, 3)
    for places in course.places:
        np.testing.assert_allclose(places, principal_components(last, 3).project(last), atol=1e-3)


def test_what_was_learned_still_moves() -> None:
    """Guards against frames that are made alike: one word that moved alone moves on the page."""
    last = vectors_of(101, 3)
    before = last.copy()
    before[7] += 9
    places = course_of([0, 1], [before @ rotation(3), last]).places
    moved = np.linalg.norm(places[0] - places[1], axis=1)
    assert moved.argmax() == 7 and moved[7] > 10 and np.median(moved) < 1


# A sentence ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "how", "words"),
    [
        ("北京 欢迎 你", "spaces", ["北京", "欢迎", "你"]),
        ("北京欢迎你！", "auto", ["北京", "欢迎", "你"]),
        ("北京人民欢迎您", "spaces", ["北京", "人", "民", "欢迎", "您"]),
        ("Don't go, 北京", "auto", ["Don't", "go", "北京"]),
        ("！？", "auto", []),
        ("，", "spaces", ["，"]),
        ("北京欢迎", "characters", ["北", "京", "欢", "迎"]),
    ],
    ids=["split", "unsplit", "unknown", "both", "signs", "a sign that is a word", "characters"],
)
def test_a_sentence_becomes_words(text: str, how: Any, words: list[str]) -> None:
    """Guards Chinese that nobody has split, unknown words, which must be seen, and signs that are words."""
    assert words_of_sentence(text, Vocabulary(["北京", "欢迎", "你", "人", "，", "北"]), how) == words


def test_lower_case() -> None:
    """Guards words that a run wrote small."""
    assert words_of_sentence("The CAT", Vocabulary(["the", "cat"]), "unicode", True) == ["the", "cat"]


def test_the_product_with_one_hot_is_the_row() -> None:
    """Guards the values by name: the section of the page says the same with the same numbers."""
    words, contexts = vectors_of(13, 3), vectors_of(13, 3, 2)
    values = sentence_values([11, 2], words, contexts)
    np.testing.assert_array_equal(values["one_hot"].numpy() @ words, values["words.output"].numpy())
    np.testing.assert_allclose(values["cosines"].numpy(), unit(words[[11, 2]]) @ unit(words[[11, 2]]).T, atol=1e-6)
    scores = words[[11, 2]].astype(np.float64) @ contexts[[11, 2]].T
    np.testing.assert_allclose(values["probabilities"].numpy(), 1 / (1 + np.exp(-scores)), rtol=1e-4)
    assert "scores" not in sentence_values([1], words, None)


def test_suggestions_are_words_that_are_there() -> None:
    """Guards vocabularies of any language, and of hardly any words."""
    words = ["king", "man", "woman", "other", "more"]
    assert analogies_of(set(words), words) == [("king", "man", "woman")]
    many = [f"w{number}" for number in range(40)]
    assert analogies_of(set(many), many) == [("w20", "w21", "w22")] and sentence_of(set(many), many) == many[20:26]
    assert analogies_of({"a"}, ["a"]) == [] and sentence_of({"a"}, ["a"]) == ["a"]


# The page ------------------------------------------------------------------------------------------------------------

WORDS = ["</script><b>", "狗", "don't", *(f"w{number}" for number in range(20))]


def view(**changes: Any) -> WordsView:
    vectors = vectors_of(23, 7)
    frames = {step: (lambda step=step: vectors * np.float32(step + 1)) for step in (0, 1, 2)}
    options: dict[str, Any] = {
        "shown": 11, "methods": ["tsne", "pca"], "frames": frames, "analogies": [("狗", "don't", "w19")], "say": quiet,
    }  # fmt: skip
    return view_of_words("a run", WORDS, vectors, np.arange(23, 0, -1), ["w17", "狗", "cat"], **options | changes)


def data_of(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script', html, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_rare_words_of_the_sentence_are_shown_too() -> None:
    """Guards places against indices: behind the most frequent words come those of the sentence and the analogy."""
    data = data_of(words_page(view()))
    assert data["ids"] == [*range(11), 20, 22] and data["words"] == [WORDS[id] for id in data["ids"]]
    assert data["counts"] == [23 - id for id in data["ids"]] and data["total"] == 23
    assert data["analogies"] == [["狗", "don't", "w19"]]


def test_every_number_on_the_page() -> None:
    """Guards packed vectors, neighbours, layouts and the rows of the product."""
    seen, vectors = view(), vectors_of(23, 7)
    data = data_of(words_page(seen))
    shown = unit(vectors[data["ids"]])
    np.testing.assert_allclose(unpacked(data["units"]), shown, atol=2e-5)
    ids = np.frombuffer(base64.b64decode(data["neighbours"]["ids"]), "<u2").reshape(data["neighbours"]["shape"])
    cosines = np.take_along_axis(shown @ shown.T, ids.astype(int), axis=1)
    np.testing.assert_allclose(unpacked(data["neighbours"]["cosines"]), cosines, atol=5e-5)
    assert [each["method"] for each in data["layouts"]] == ["tsne", "pca"]
    for layout, projection in zip(data["layouts"], seen.layouts, strict=True):
        for name, places in (("flat", projection.flat), ("space", projection.space)):
            np.testing.assert_allclose(unpacked(layout[name]), places, atol=np.abs(places).max() / 6e4)
    rare, dog, unknown = data["sentence"]
    assert (rare["id"], dog["id"], unknown["id"], rare["first"], dog["first"]) == (20, 1, None, 18, 0)
    for each in (rare, dog):
        np.testing.assert_array_equal(floats(each["vector"]), vectors[each["id"]])
        np.testing.assert_array_equal(floats(each["rows"]), vectors[each["first"] : each["first"] + 5])
    assert seen.course is not None and data["course"]["steps"] == [0, 1, 2]
    np.testing.assert_allclose(unpacked(data["course"]["places"]), seen.course.places, atol=0.002)


def test_without_frames_there_is_no_course() -> None:
    """Guards a run that was imported: a section without anything in it."""
    assert data_of(words_page(view(frames={})))["course"] is None


def test_broken_frames_are_passed_over_and_broken_vectors_told() -> None:
    """Guards a training that diverged: NaN has no place on a map."""
    good, bad = vectors_of(23, 7), np.full((23, 7), np.nan, np.float32)
    frames = {0: lambda: good[:9], 1: lambda: bad, 2: lambda: good}
    found = view(frames=frames).course
    assert found is not None and found.steps == [0, 2] and found.places.shape == (2, 9, 3)
    with pytest.raises(UserError, match="the vectors of a run are no numbers any more"):
        view_of_words("a run", WORDS, bad, None, [], shown=5, methods=["pca"], frames={}, analogies=[], say=quiet)


def test_a_vocabulary_of_one_word() -> None:
    """Guards the smallest page there is."""
    one = view_of_words(
        "a run",
        ["a"],
        vectors_of(1, 3),
        None,
        ["a"],
        shown=9,
        methods=["tsne", "pca"],
        frames={},
        analogies=[],
        say=quiet,
    )
    data = data_of(words_page(one))
    assert [each["method"] for each in data["layouts"]] == ["pca"]
    assert data["words"] == ["a"] and data["neighbours"]["shape"] == [1, 0] and data["counts"] is None


def test_the_page_is_one_safe_file() -> None:
    """Guards against words that end a script or begin an element, and against anything that is loaded."""
    html = words_page(view())
    assert html.count("</script>") == 2 and "<b>" not in html.replace("<b>congling</b>", "").replace("<b>It can", "")
    assert not re.search(r'(src|href)\s*=\s*["\']?(https?:)?//', html) and "default-src 'none'" in html
    assert data_of(html)["words"][0] == WORDS[0]


def test_scripts_ask_for_texts_that_there_are() -> None:
    """Guards against ``undefined`` on the page: each text that a script names is there."""
    scripts = [path.read_text(encoding="utf-8") for path in sorted(ASSETS.glob("words*.js"))]
    assert len(scripts) == 7
    asked = {found for script in scripts for found in re.findall(r'(?:texts\.(\w+)|say\("(\w+)")', script)}
    missing = {one or other for one, other in asked} - words_texts(view()).keys()
    assert asked and missing <= {"about_", "name_"}
    assert {f"{kind}_{method}" for kind in ("about", "name") for method in ("pca", "tsne", "umap")} <= words_texts(
        view()
    ).keys()
