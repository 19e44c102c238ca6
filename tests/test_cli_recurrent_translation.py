"""``--network rnn`` through the command line: trained, resumed, translated, scored and looked into."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from conftest import Outcome, TinyCorpus
from congling.cli.main import main

Run = Callable[..., Outcome]
SMALL = shlex.split("""
    --network rnn --width 23 --dropout 0 --label-smoothing 0 --learning-rate 1e-2 --warmup-steps 20 --batch-tokens 256
    --threads 1 --precision float32 --device cpu --valid-size 13 --test-size 17 --source-vocabulary 12
    --target-vocabulary 23 --validations 1
""")


@pytest.fixture(scope="module")
def attentive(tmp_path_factory: pytest.TempPathFactory, tiny_corpus: TinyCorpus) -> Path:
    """A run with attention that has learned most of the seven animals."""
    path = tmp_path_factory.mktemp("runs") / "attentive"
    assert (
        main(
            ["train", "translation", *tiny_corpus.options, *SMALL, "--attention", "--steps", "140", "--run", str(path)]
        )
        == 0
    )
    return path


@pytest.fixture(scope="module")
def inattentive(tmp_path_factory: pytest.TempPathFactory, tiny_corpus: TinyCorpus) -> Path:
    """A run without attention that has learned nothing yet."""
    path = tmp_path_factory.mktemp("runs") / "inattentive"
    assert (
        main(
            ["train", "translation", *tiny_corpus.options, *SMALL, "--cell", "lstm", "--steps", "3", "--run", str(path)]
        )
        == 0
    )
    return path


def network_of(run: Path) -> dict[str, Any]:
    network: dict[str, Any] = yaml.safe_load((run / "run.yaml").read_text(encoding="utf-8"))["config"]["network"]
    return network


def weights_of(run: Path, step: int) -> dict[str, torch.Tensor]:
    return load_file(next((run / "checkpoints").glob(f"*{step}/weights.safetensors")))


def test_the_run_says_which_network_it_is(attentive: Path, inattentive: Path) -> None:
    """Guards later versions with other defaults: run.yaml leaves nothing open, and no option of another network in."""
    stored = network_of(attentive)
    assert (stored["network"], stored["cell"], stored["attention"], stored["width"]) == ("rnn", "gru", True, 23)
    assert (stored["encoder_layers"], stored["decoder_layers"], stored["heads"], stored["norm"]) == (1, 1, None, None)
    assert (network_of(inattentive)["cell"], network_of(inattentive)["attention"]) == ("lstm", False)


def test_it_translates_aligns_and_scores(attentive: Path, run_congling: Run) -> None:
    """Guards every verb that the Transformer has, and that attention goes where it should."""
    translated = run_congling("translate", attentive, "猫狗。", "--alignments", "--json")
    record = json.loads(translated.out)
    assert translated.code == 0 and record["translation"] == "cat dog."
    (best,) = record["translations"][:1]
    looked = dict((target, record["source_pieces"][source]) for source, target in best["alignments"])
    first = next(place for place, piece in enumerate(best["pieces"]) if "d" in piece)
    assert "狗" in {looked[first], looked[first - 1], looked[first + 1]}
    scored = run_congling("evaluate", attentive, "--json")
    assert scored.code == 0 and json.loads(scored.out)["scores"][0]["score"] > 25  # without learning 5 at most


def test_it_can_be_looked_into(attentive: Path, run_congling: Run, tmp_path: Path) -> None:
    """Guards the page, the picture, values by name and gradients of a recurrent network."""
    page, picture = tmp_path / "a.html", tmp_path / "a.svg"
    assert run_congling("inspect", attentive, "猫狗。", "--html", page, "--svg", picture).code == 0
    assert "State through time" in page.read_text(encoding="utf-8")
    assert picture.read_text(encoding="utf-8").count("<path") > 3
    names = {each["name"] for each in json.loads(run_congling("inspect", attentive, "猫狗。", "--json").out)["values"]}
    assert {
        "attention.weights",
        "decoder.layers.0.forward_scan.hidden",
        "encoder.layers.0.backward_scan.reset",
    } <= names
    shown = run_congling("inspect", attentive, "猫狗。", "--gradients", "--json")
    parameters = {each["name"]: each["gradient_norm"] for each in json.loads(shown.out)["parameters"]}
    assert parameters["encoder.layers.0.backward_scan.W_hh"] > 0 and parameters["attention.v_a"] > 0


def test_without_attention_there_is_nothing_to_align_or_draw(
    inattentive: Path, run_congling: Run, tmp_path: Path
) -> None:
    """Guards against a traceback, or a picture of something else, where there is no attention."""
    aligned = run_congling("translate", inattentive, "猫。", "--alignments")
    assert (aligned.code, aligned.out) == (1, "")
    assert aligned.err.startswith("congling: this translator has no attention") and "--attention" in aligned.err
    drawn = run_congling("inspect", inattentive, "猫。", "--svg", tmp_path / "a.svg")
    assert drawn.code == 1 and "no attention to draw in inattentive: --html draws its states" in drawn.err
    assert not (tmp_path / "a.svg").exists()
    page = tmp_path / "a.html"
    assert run_congling("inspect", inattentive, "猫。", "--html", page).code == 0
    assert "It has no attention" in page.read_text(encoding="utf-8")


def test_stopping_and_going_on_changes_nothing(
    inattentive: Path, tiny_corpus: TinyCorpus, run_congling: Run, tmp_path: Path
) -> None:
    """Guards resuming a recurrent network, and the tape: it learns the same as autograd."""
    common = [*tiny_corpus.options, *SMALL, "--cell", "lstm", "--schedule", "constant"]
    for name, steps, further in (("whole", "5", []), ("tape", "5", ["--backprop", "tape"]), ("halves", "2", [])):
        arguments = ["train", "translation", *common, *further, "--steps", steps, "--run", tmp_path / name]
        assert run_congling(*arguments).code == 0
    assert run_congling("train", "--resume", tmp_path / "halves", "--steps", "5").code == 0
    whole = weights_of(tmp_path / "whole", 5)
    for name, weights in weights_of(tmp_path / "halves", 5).items():
        assert torch.equal(weights, whole[name]), name
    for name, weights in weights_of(tmp_path / "tape", 5).items():
        torch.testing.assert_close(weights, whole[name], rtol=1e-3, atol=1e-5)


def test_a_run_from_before_there_were_two_networks_still_opens(
    tiny_run: Path, run_congling: Run, tmp_path: Path
) -> None:
    """Guards the promise that old runs open: their run.yaml names no network, and it is a Transformer."""
    old = shutil.copytree(tiny_run, tmp_path / "old")
    stored = yaml.safe_load((old / "run.yaml").read_text(encoding="utf-8"))
    for later in ("network", "cell", "attention"):
        del stored["config"]["network"][later]
    (old / "run.yaml").write_text(yaml.safe_dump(stored, allow_unicode=True), encoding="utf-8")
    translated = run_congling("translate", old, "猫狗。", "--alignments")
    assert translated.code == 0
    assert translated.out == run_congling("translate", tiny_run, "猫狗。", "--alignments").out


def test_options_of_another_network_are_refused(run_congling: Run) -> None:
    """Guards against an option that is taken and does nothing."""
    refused = run_congling("train", "translation", "--network", "rnn", "--heads", "4")
    assert (refused.code, refused.err) == (
        2,
        "congling: --heads belongs to --network transformer, not to --network rnn\n",
    )
    assert run_congling("train", "translation", "--attention").code == 2
