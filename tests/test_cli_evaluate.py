"""``congling evaluate``: sacreBLEU's numbers of the run's own translations, with their signatures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sacrebleu
import yaml

from conftest import Outcome, TinyCorpus
from congling.tasks.translation.data import load_examples

Run = Callable[..., Outcome]


def record(outcome: Outcome) -> dict[str, Any]:
    assert (outcome.code, outcome.err) == (0, "")
    loaded: dict[str, Any] = json.loads(outcome.out)
    return loaded


def test_scores_are_sacrebleus_of_the_translations(run_congling: Run, tiny_run: Path, tmp_path: Path) -> None:
    """Guards the whole chain: held-out sources, their translations in order, all references, the right numbers."""
    outputs = tmp_path / "out" / "test.en"
    found = record(run_congling("evaluate", tiny_run, "--json", "--outputs", outputs))
    examples = load_examples(tiny_run / "data/test.jsonl")
    translations = outputs.read_text(encoding="utf-8").splitlines()
    assert len(translations) == len(examples) == found["sentences"] == 17
    sources = [example.source for example in examples]
    assert run_congling("translate", tiny_run, *sources).out.splitlines() == translations
    references = [[example.references[0] for example in examples]]
    bleu, chrf = found["scores"]
    assert bleu["score"] == pytest.approx(sacrebleu.corpus_bleu(translations, references).score)
    assert chrf["score"] == pytest.approx(sacrebleu.corpus_chrf(translations, references).score)
    assert "tok:13a" in bleu["signature"] and bleu["interval"] is None


def test_text_shows_scores_with_signatures(run_congling: Run, tiny_run: Path) -> None:
    """Guards against a number without the signature that makes it comparable."""
    outcome = run_congling("evaluate", tiny_run, "--part", "valid", "--beam", 1)
    lines = outcome.out.splitlines()
    assert lines[0] == "13 sentences, 13 references"
    assert lines[1].startswith("BLEU ") and "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:" in lines[1]
    assert lines[3].startswith("chrF2 ") and "nc:6|nw:0" in lines[3]


def test_confidence_adds_intervals(run_congling: Run, tiny_run: Path) -> None:
    """Guards against --confidence that changes nothing, and against intervals that nobody asked for."""
    found = record(run_congling("evaluate", tiny_run, "--confidence", "--json", "--beam", 1))
    assert all(score["interval"] > 0 and "bs:1000" in score["signature"] for score in found["scores"])
    assert run_congling("evaluate", tiny_run, "--confidence", "--beam", 1).out.count(" ± ") == 4
    assert " ± " not in run_congling("evaluate", tiny_run, "--beam", 1).out


def test_own_files_with_several_references(
    run_congling: Run, tiny_run: Path, tiny_corpus: TinyCorpus, tmp_path: Path
) -> None:
    """Guards against a second reference that is ignored, or read as more sentences."""
    source, first, second = tmp_path / "s.zh", tmp_path / "a.en", tmp_path / "b.en"
    sources = tiny_corpus.source.read_text(encoding="utf-8").splitlines()[:23]
    targets = tiny_corpus.target.read_text(encoding="utf-8").splitlines()[:23]
    source.write_text("\n".join(sources) + "\n", encoding="utf-8")
    second.write_text("\n".join(targets) + "\n", encoding="utf-8")
    first.write_text("nothing like it\n" * 23, encoding="utf-8")
    poor = record(run_congling("evaluate", tiny_run, "--source", source, "--target", first, "--json"))
    both = record(run_congling("evaluate", tiny_run, "--source", source, "--target", first, second, "--json"))
    assert (both["sentences"], both["references"], poor["references"]) == (23, 46, 23)
    assert both["scores"][0]["score"] > poor["scores"][0]["score"] + 5
    assert "nrefs:2" in both["scores"][0]["signature"]
    repeated = run_congling("evaluate", tiny_run, "--source", source, "--target", first, "--target", second, "--json")
    assert record(repeated) == both


def test_chinese_target_is_scored_by_characters(
    run_congling: Run, tiny_run: Path, tiny_corpus: TinyCorpus, tmp_path: Path
) -> None:
    """Guards against a target language that does not reach the score; --bleu-tokenizer has the last word."""
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    description = yaml.safe_load((run / "run.yaml").read_text(encoding="utf-8"))
    description["config"]["languages"] = ["en", "zh"]
    (run / "run.yaml").write_text(yaml.safe_dump(description), encoding="utf-8")
    assert "tok:zh" in run_congling("evaluate", run, "--beam", 1).out
    assert "tok:char" in run_congling("evaluate", run, "--beam", 1, "--bleu-tokenizer", "char").out
    assert "case:lc" in run_congling("evaluate", run, "--beam", 1, "--lowercase").out


def test_empty_lines_are_scored_as_empty(run_congling: Run, tiny_run: Path, tmp_path: Path) -> None:
    """Guards against empty lines that are dropped, after which every reference stands beside the wrong source."""
    source, target, outputs = tmp_path / "s", tmp_path / "t", tmp_path / "o"
    source.write_text("猫。\n\n羊。\n", encoding="utf-8")
    target.write_text("cat.\n\nsheep.\n", encoding="utf-8")
    arguments = ["evaluate", tiny_run, "--source", source, "--target", target, "--outputs", outputs, "--json"]
    assert record(run_congling(*arguments))["sentences"] == 3
    assert outputs.read_text(encoding="utf-8").split("\n")[1] == ""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--source", "{s}"], 2, "--source and --target go together"),
        (["--target", "{t}"], 2, "--source and --target go together"),
        (["--source", "{s}", "--target", "{t}"], 1, "{s} has 2 lines but {t} has 3"),
        (["--source", "{s}", "--target", "nowhere"], 1, "there is no file nowhere"),
        (["--bleu-tokenizer", "13b"], 2, "--bleu-tokenizer 13b is not one of "),
        (["--outputs", "{folder}"], 2, "{folder} is a folder, not a file"),
        (["--outputs", "{s}/x"], 2, "--outputs {s}/x: {s} is a file, not a folder"),
        (["--outputs", "{s}/x/y"], 2, "--outputs {s}/x/y: {s} is a file, not a folder"),
        (["--beam", "0"], 2, "--beam 0 must be at least 1"),
        (["--part", "tests"], 2, "--part wants one of test, valid, not 'tests'; did you mean test?"),
    ],
)
def test_what_is_wrong_is_one_line(
    run_congling: Run, tiny_run: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    """Guards against a traceback, or minutes of translating before the complaint."""
    (tmp_path / "s").write_text("猫。\n狗。\n", encoding="utf-8")
    (tmp_path / "t").write_text("cat.\ndog.\nsheep.\n", encoding="utf-8")
    names = {"s": tmp_path / "s", "t": tmp_path / "t", "folder": tmp_path}
    outcome = run_congling("evaluate", tiny_run, *(word.format(**names) for word in arguments))
    assert outcome.code == code and outcome.out == "" and outcome.err.count("\n") == 1
    assert message.format(**names) in outcome.err


def test_run_without_a_test_set_says_so(run_congling: Run, tiny_run: Path, tmp_path: Path) -> None:
    """Guards against "nothing to score" where the way out is to give files."""
    shutil.copytree(tiny_run, tmp_path / "run")
    (tmp_path / "run/data/test.jsonl").write_text("", encoding="utf-8")
    outcome = run_congling("evaluate", tmp_path / "run")
    assert outcome.code == 1
    assert (
        outcome.err == f"congling: {tmp_path / 'run'} holds out no sentences to score on: give --source and --target\n"
    )
