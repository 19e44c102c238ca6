"""``congling train | predict | evaluate | inspect`` of language models, as a user types them."""

from __future__ import annotations

import io
import json
import random
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from conftest import Outcome
from congling.cli.main import main
from congling.data.text.passages import passages_of
from congling.learning.events import Sampled
from congling.learning.progress import sample_lines
from congling.tasks.language_model import named_texts
from congling.tasks.language_model.options import LanguageModelOptions
from congling.tasks.language_model.task import fit, validate

Run = Callable[..., Outcome]
LETTERS = "甲乙丙丁"
TINY = shlex.split("""
    --width 24 --embedding 8 --dropout 0 --batch-size 8 --context 24 --learning-rate 2e-2 --warmup-steps 5 --threads 1
    --precision float32 --device cpu --valid-size 300 --test-size 300 --validations 2
""")


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let standard input be this text."""
    stream = SimpleNamespace(buffer=io.BytesIO(text.encode()), isatty=lambda: False)
    monkeypatch.setattr(sys, "stdin", stream)


def echoes(count: int) -> list[str]:
    """Lines such as 甲……甲: the last character can be foretold by whoever remembers the first one."""
    chance = random.Random(17)
    return [f"{letter}……{letter}" for letter in chance.choices(LETTERS, k=count)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "echoes.txt"
    path.write_text("\n".join(echoes(1200)) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def echo_run(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Path:
    """A run that has learned to remember, in a few seconds. Copy it before changing it."""
    path = tmp_path_factory.mktemp("runs") / "echoes"
    arguments = ["train", "language-model", "--text", str(corpus), "--documents", "lines", *TINY, "--run", str(path)]
    assert main([*arguments, "--steps", "200"]) == 0
    return path


# Learning ------------------------------------------------------------------------------------------------------------


def test_it_learns_to_remember(run_congling: Run, echo_run: Path) -> None:
    """Guards the whole way to a network that uses its state: of 5 characters only the first is worth 2 bits.

    A network without memory would pay 2 bits for the last one too: 0.8 a character. The bound leaves room for a
    training of seconds.
    """
    outcome = run_congling("evaluate", echo_run, "--baseline", "--json")
    found = json.loads(outcome.out)
    assert 0.35 < found["bits_a_character"] < 0.45
    assert found["perplexity"] == pytest.approx(2 ** found["bits_a_character"])  # characters are the pieces
    assert found["baseline"]["bits_a_character"] > 0.7  # three characters reach no further back than the dots
    for letter in LETTERS:
        assert run_congling("predict", echo_run, f"{letter}……").out == f"{letter}……{letter}\n"


@pytest.mark.parametrize("cell", ["elman", "gru"])
def test_every_cell_learns(cell: str) -> None:
    """Guards the other cells, and a training in memory: what it gives can write at once."""
    options = LanguageModelOptions()
    options.network.cell, options.network.width, options.network.embedding = cell, 24, 8  # type: ignore[assignment]
    options.training.steps, options.training.threads, options.training.learning_rate = 150, 1, 2e-2
    options.training.batch_size, options.training.context, options.training.warmup_steps = 8, 24, 5
    options.network.dropout, options.training.precision, options.device = 0.0, "float32", "cpu"
    found = fit(options, list(passages_of(echoes(600), "lines")))
    assert found.reason == "steps" and found.generator.text.facts.begins_documents
    assert [each[0].text for each in found.generator.write(["乙……", "丁……"])] == ["乙", "丁"]


def test_train_says_what_it_reads_and_what_to_try(run_congling: Run, corpus: Path, tmp_path: Path) -> None:
    """Guards the remarks, samples on the way, the score at the end, and the run alone on stdout."""
    arguments = ["train", "language-model", "--text", corpus, "--documents", "lines", *TINY, "--run", tmp_path / "run"]
    outcome = run_congling(*arguments, "--steps", 4, "--pieces", "bpe")
    assert (outcome.code, outcome.out) == (0, f"{tmp_path / 'run'}\n")
    said = outcome.err.splitlines()
    assert said[0].startswith(f"{corpus}: 5,") and "characters to learn from, 30" in said[0]
    assert any("bits a character" in line and "validation: loss" in line for line in said)
    assert any(line.startswith("  output") for line in said)
    assert any(line.startswith("the test text: loss ") and "perplexity" in line for line in said)
    assert any(f"congling predict {tmp_path / 'run'} " in line and "--temperature 0.8" in line for line in said)


def test_a_training_goes_on_to_the_last_bit(run_congling: Run, corpus: Path, tmp_path: Path) -> None:
    """Guards what the network remembered between two batches, the place in the text, and dropout's chance."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    settings = ["--text", corpus, *TINY, "--dropout", 0.2, "--layers", 2, "--validate-every", 15]
    assert run_congling("train", "language-model", *settings, "--steps", 30, "--run", whole).code == 0
    shutil.copytree(whole, broken)
    assert run_congling("train", "--resume", broken, "--checkpoint", 15).code == 0
    kept = [path / "checkpoints" / "000000030" / "weights.safetensors" for path in (whole, broken)]
    assert kept[0].read_bytes() == kept[1].read_bytes()
    state = json.loads((kept[0].parent / "state.json").read_text(encoding="utf-8"))
    assert list(state["state"]["data"]["memory"]) == ["0.0", "0.1", "1.0", "1.1"]


# Writing -------------------------------------------------------------------------------------------------------------


def test_draws_follow_the_seed(run_congling: Run, echo_run: Path) -> None:
    """Guards --seed, --samples and the other ways to say that chance has a part in it."""
    arguments = ["predict", echo_run, "", "--samples", 5, "--temperature", 1.5]
    first, same, other = (run_congling(*arguments, "--seed", seed).out for seed in (3, 3, 4))
    assert first == same != other and first.count("\n\n") == 4
    greedy = run_congling("predict", echo_run, "").out
    assert greedy == run_congling("predict", echo_run, "", "--top-k", 1).out
    assert greedy == run_congling("predict", echo_run, "", "--temperature", 0.001, "--seed", 1).out
    assert greedy == run_congling("predict", echo_run, "", "--top-p", 1e-6).out


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--temperature", "0", "--temperature 0 must be greater than 0; for the likeliest piece each time (greedy),"),
        ("--temperature", "-0.5", "--temperature -0.5 must be greater than 0"),
        ("--temperature", "nan", "--temperature nan must be greater than 0"),
        ("--top-p", "0", "--top-p 0 must be above 0 and at most 1"),
        ("--top-k", "-1", "--top-k -1 must be at least 0"),
        ("--samples", "0", "--samples 0 must be at least 1"),
        ("--length", "0", "--length 0 must be at least 1"),
    ],
)
def test_what_nothing_can_be_drawn_with(
    run_congling: Run, echo_run: Path, option: str, value: str, message: str
) -> None:
    """Guards the refusal, with the user's own value and the way out, before the run is opened."""
    outcome = run_congling("predict", echo_run, "甲", option, value)
    assert outcome.code == 2 and outcome.out == "" and message in outcome.err


def test_characters_that_were_never_seen(run_congling: Run, echo_run: Path) -> None:
    """Guards a prompt that no piece can spell: said, each once, and written on all the same."""
    outcome = run_congling("predict", echo_run, "鑫甲鑫𠀀", "--length", 3)
    assert outcome.code == 0 and outcome.out.startswith("鑫甲鑫𠀀")
    assert outcome.err == "never seen, or too seldom to be a piece: '鑫' '𠀀'; the network reads their bytes\n"


def test_a_prompt_longer_than_what_was_learned_over(run_congling: Run, echo_run: Path) -> None:
    """Guards that all of it is read, and that the user hears what becomes of its beginning."""
    outcome = run_congling("predict", echo_run, "甲……" * 300, "--length", 1)
    assert outcome.code == 0 and outcome.out.startswith("甲……" * 300)
    assert "the prompt has 900 pieces, and the network has read them all; it learned over 24 at a time" in outcome.err


def test_prompts_from_standard_input(run_congling: Run, echo_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards line by line, an empty prompt among them, and JSON with all that a program may ask for."""
    type_in(monkeypatch, "乙……\n\n丙…\n")
    lines = run_congling("predict", echo_run).out.splitlines()
    assert lines[0] == "乙……乙" and len(lines[1]) == 4 and lines[2] == "丙……丙"
    type_in(monkeypatch, "丁…\n")
    found = json.loads(run_congling("predict", echo_run, "--json").out)
    assert found["prompt"] == "丁…" and found["samples"][0]["text"] == "…丁"
    assert found["samples"][0]["finished"] and found["samples"][0]["pieces"] == ["…", "丁"]
    assert -0.2 < found["samples"][0]["log_probability"] < 0


def test_ctrl_c_ends_the_line(run_congling: Run, echo_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards a text that the user stops: what has come stays, the line is ended, the code is that of a stop."""
    from congling.tasks.language_model.text_generator import TextGenerator

    def stopped(self: TextGenerator, prompts: object, options: object, hear: Callable[[int, int], None]) -> None:
        for piece in self.tokenizer.encode("乙丙鑫")[:4]:
            hear(0, piece)
        raise KeyboardInterrupt

    monkeypatch.setattr(TextGenerator, "write", stopped)
    outcome = run_congling("predict", echo_run, "甲")
    assert (outcome.code, outcome.out) == (130, "甲乙丙\n")


def test_line_breaks_are_learned_and_written(run_congling: Run, corpus: Path, tmp_path: Path) -> None:
    """Guards files as documents: the lines of one file are joined by breaks that the network writes itself."""
    run = tmp_path / "run"
    assert run_congling("train", "language-model", "--text", corpus, *TINY, "--steps", 200, "--run", run).code == 0
    outcome = run_congling("predict", run, "乙……", "--length", 6, "--json")
    written = json.loads(outcome.out)["samples"][0]
    assert written["text"].startswith("乙\n") and "\n" in written["pieces"] and not written["finished"]


# Scoring -------------------------------------------------------------------------------------------------------------


def test_evaluate_on_own_files(run_congling: Run, echo_run: Path, tmp_path: Path) -> None:
    """Guards units and names: the same text from a folder, as the run's own is read; and what cannot be read."""
    (tmp_path / "more.txt").write_text("\n".join(echoes(1300)[1200:]), encoding="utf-8")
    outcome = run_congling("evaluate", echo_run, "--text", tmp_path)
    assert outcome.code == 0 and outcome.out.startswith(f"{tmp_path}: loss 0.") and "499 pieces" in outcome.out
    assert "a trigram model" not in outcome.out
    (tmp_path / "empty.txt").write_text("", encoding="utf-8")
    assert run_congling("evaluate", echo_run, "--text", tmp_path / "empty.txt").err.endswith("empty.txt is empty\n")
    refused = run_congling("evaluate", echo_run, "--text", tmp_path, "--part", "test")
    assert refused.code == 2 and "exclude each other" in refused.err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--data", "mnist-5k"], 2, "mnist-5k holds no text to go on writing; a language model can learn from: renmin"),
        (["--text", "{folder}/one.txt"], 1, "one.txt is too short: with one line there is nothing to validate with"),
        (["--text", "{folder}/blank.txt", "--documents", "lines"], 1, "blank.txt holds no text"),
        (["--text", "{folder}/gbk.txt"], 1, "gbk.txt, line 1: not UTF-8; if it is GBK: iconv"),
        (["--text", "{folder}/none.txt"], 1, "there is no file {folder}/none.txt"),
        (["--vocabulary", "100"], 2, "--vocabulary 100 must be at least 261"),
        (["--width", "0"], 2, "--width 0 must be at least 1"),
        (["--width", "20000"], 2, "these sizes make a network of"),
    ],
)
def test_training_that_cannot_begin(
    run_congling: Run, tmp_path: Path, options: list[str], code: int, message: str
) -> None:
    """Guards one clear line, and that no half run is left behind."""
    texts = {"one.txt": b"a", "blank.txt": b"\n \n", "gbk.txt": "中文\n".encode("gbk")}
    for name, content in texts.items():
        (tmp_path / name).write_bytes(content)
    given = [option.format(folder=tmp_path) for option in options]
    outcome = run_congling("train", "language-model", *given, "--run", tmp_path / "run", "--steps", 1)
    assert outcome.code == code and message.format(folder=tmp_path) in outcome.err and outcome.out == ""
    assert not (tmp_path / "run").exists()


# Looking inside ------------------------------------------------------------------------------------------------------


def test_inspect_lists_values_and_gradients(run_congling: Run, echo_run: Path) -> None:
    """Guards names, shapes and probabilities, and the tape's gradients by the parameters' names."""
    listed = run_congling("inspect", echo_run, "甲……甲")
    assert listed.code == 0 and listed.out.startswith("'甲' '…' '…' '甲'\nloss ")
    assert "recurrent.layers.0.forward_scan.forget_gate" in listed.out
    found = json.loads(run_congling("inspect", echo_run, "甲……甲", "--json").out)
    assert found["pieces"] == ["甲", "…", "…", "甲"] and found["log_probabilities"][3] > -0.2
    assert found["score"]["loss"] == pytest.approx(-sum(found["log_probabilities"]) / 4)
    one = run_congling("inspect", echo_run, "甲……甲", "--value", "recurrent.layers.0.forward_scan.hidden", "--json")
    assert json.loads(one.out)["shape"] == [1, 4, 24]
    gradients = json.loads(run_congling("inspect", echo_run, "甲……甲", "--gradients", "--json").out)
    assert gradients["loss"] == pytest.approx(found["score"]["loss"], rel=1e-5)
    assert "recurrent.layers.0.forward_scan.W_hh" in {each["name"] for each in gradients["parameters"]}
    refused = run_congling("inspect", echo_run, "")
    assert refused.code == 1 and "there is nothing to read in ''" in refused.err


def test_the_page_holds_what_was_foretold(run_congling: Run, echo_run: Path, tmp_path: Path) -> None:
    """Guards the page's data: every place with its likeliest pieces, and the state of the position before it."""
    pages = {name: tmp_path / f"{name}.html" for name in ("reading", "gradients")}
    assert run_congling("inspect", echo_run, "甲……甲\n<b>", "--html", pages["reading"]).out == f"{pages['reading']}\n"
    page = pages["reading"].read_text(encoding="utf-8")
    data = json.loads(page.split('<script type="application/json" id="data">')[1].split("</script>")[0])
    assert [place["piece"] for place in data["places"]][:5] == ["甲", "…", "…", "甲", "↵"]
    assert data["places"][3]["best"][0][0] == "甲" and data["places"][3]["rank"] == 0
    assert data["places"][3]["bits"] < 0.3 and data["opening"] == "</s>"
    (scan,) = data["states"]
    assert scan["values"]["hidden"]["shape"] == [24, len(data["places"])] and "forget_gate" in scan["values"]
    assert run_congling("inspect", echo_run, "甲……甲", "--gradients", "--html", pages["gradients"]).code == 0
    assert "W_hh" in pages["gradients"].read_text(encoding="utf-8")


# What a stranger came upon -------------------------------------------------------------------------------------------


def test_counting_says_that_a_text_is_too_short(run_congling: Run, echo_run: Path, tmp_path: Path) -> None:
    """Guards --baseline against a text that is shorter than a trigram: it was a division by zero."""
    short = tmp_path / "short.txt"
    short.write_text("甲", encoding="utf-8")
    outcome = run_congling("evaluate", echo_run, "--text", short, "--baseline")
    assert outcome.code == 1
    assert "2 pieces" in outcome.err and "Traceback" not in outcome.err


def test_the_page_is_headed_by_the_text_itself(run_congling: Run, echo_run: Path, tmp_path: Path) -> None:
    """Guards the heading against pieces: a rare character stood there as four bytes, and a space as its mark."""
    page = tmp_path / "page.html"
    assert run_congling("inspect", echo_run, "甲 🙂", "--html", page).code == 0
    shown = page.read_text(encoding="utf-8")
    assert '"text": "甲 🙂"' in shown or '"text":"甲 🙂"' in shown
    assert 'byId("text").textContent = data.text' in shown


def test_a_vocabulary_without_room_for_bytes_names_the_way_out(run_congling: Run, corpus: Path) -> None:
    """Guards the message: 261 alone says nothing to someone who has 20 characters."""
    outcome = run_congling("train", "language-model", "--text", corpus, "--vocabulary", "100", "--steps", "1")
    assert outcome.code == 2
    assert "--vocabulary 100" in outcome.err and "--no-byte-fallback" in outcome.err


def test_samples_never_begin_within_a_character() -> None:
    """Guards samples of held-out text with rare characters: cut between bytes they began and ended in U+FFFD.

    And their titles, which were those of translations.
    """
    options = LanguageModelOptions()
    options.data.documents = "lines"
    options.network.width, options.network.embedding = 8, 4
    options.training.steps = 1
    rare = "".join(chr(0x4E00 + number) for number in range(40))  # each once: those that are held out have no piece
    found = fit(options, list(passages_of(["甲" * 9 + rare[n : n + 4] for n in range(0, 40, 4)], "lines")))
    shown = validate(found.generator)
    assert shown.samples
    assert all("\ufffd" not in text for sample in shown.samples for text in sample[:2])
    assert any(set(rare) & set(prompt + rest) for prompt, rest, _written in shown.samples)
    assert sample_lines(Sampled(1, shown.samples, shown.titles))[0].split()[0] == "prompt"


def test_reviews_are_learned_from_once_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards held-out reviews: half of the lines come twice, so that they had been learned from."""
    for name, lines in (("positive.txt", "好\n很好\n好\n"), ("negative.txt", "差\n差\n")):
        (tmp_path / name).write_text(lines, encoding="utf-8")
    monkeypatch.setattr(named_texts, "fetched", lambda _source, _say: tmp_path)
    assert [each.text for each in named_texts.named_passages("reviews-zh", print)()] == ["好", "很好", "差"]
