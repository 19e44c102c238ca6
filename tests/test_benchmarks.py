"""The benchmarks' own arithmetic: what they count, compare and write. What they measure: docs/benchmarks.md."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from congling.data.text.pair_batches import Batch, collate
from congling.equations.glass_box import glass_box
from congling.networks.transformer import Transformer

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
SOURCE_PAD, TARGET_PAD = 16, 12  # the last ids of 17 and 13 pieces


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Imports a file of the benchmarks as they import each other."""
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if (FOLDER / f"{name}.py").exists():
            del sys.modules[name]


def batch_of(sources: list[int], targets: list[int]) -> Batch:
    """Rows of these lengths, ends included."""
    source_rows, target_rows = ([[3] * (length - 1) for length in lengths] for lengths in (sources, targets))
    return collate(source_rows, target_rows, SOURCE_PAD, TARGET_PAD)


# Counting ------------------------------------------------------------------------------------------------------------


def test_model_flops_are_those_that_pytorch_counts(module: Callable[[str], Any]) -> None:
    """Guards every term of the count, forward and backward, against PyTorch's own counter: no padding, exactly equal.

    Widths, lengths and layers differ pairwise, so that none can stand in another's place.
    """
    flops = module("model_flops")
    settings = {"feed_forward": 11, "encoder_layers": 2, "decoder_layers": 3, "heads": 2}
    network = Transformer(SOURCE_PAD + 1, TARGET_PAD + 1, width=14, dropout=0.0, **settings)
    sizes = flops.TransformerSizes(width=14, target_pieces=TARGET_PAD, **settings)
    with glass_box(), FlopCounterMode(display=False) as counter:  # plain formulas: every product is a matmul
        loss, _count = network.loss(batch_of([5] * 4, [7] * 4))
        forward = counter.get_total_flops()
        loss.backward()
    lookups = 2 * 14 * (4 * 5 * SOURCE_PAD + 4 * 7 * TARGET_PAD)  # plainly a vector is a product with a one-hot row
    assert 2 * flops.forward_multiply_adds(sizes, torch.tensor([5] * 4), torch.tensor([7] * 4)) == forward - lookups
    products = flops.forward_products(sizes, sentences=4, source=5, target=7)
    assert 2 * sum(product.multiply_adds for product in products) == forward - lookups
    counted = counter.get_total_flops() - 2 * lookups  # backward only the table's gradient is one more
    assert flops.training_flops(sizes, batch_of([5] * 4, [7] * 4)) == counted


def test_padding_is_no_progress(module: Callable[[str], Any]) -> None:
    """Guards the utilisation from being raised by padding: rows side by side count what they count alone."""
    flops = module("model_flops")
    sizes = flops.TransformerSizes(14, 11, 2, 3, 2, TARGET_PAD)
    alone = [flops.training_flops(sizes, batch_of([source], [target])) for source, target in ((5, 3), (2, 7))]
    assert flops.training_flops(sizes, batch_of([5, 2], [3, 7])) == sum(alone)


# Comparing -----------------------------------------------------------------------------------------------------------


def test_batches_drawn_at_random_hold_the_same_sentences(module: Callable[[str], Any]) -> None:
    """Guards pairs that part, and batches that keep to one length or to unlike sizes."""
    rows = [
        ([[source] * source for source in batch], [[source + 1] for source in batch]) for batch in ([1] * 9, [2] * 6)
    ]
    drawn = module("training_against_peers").drawn_at_random(rows, 10)
    assert [len(sources) for sources, _targets in drawn] == [10, 5]
    pairs = [pair for batch in drawn for pair in zip(*batch, strict=True)]
    assert sorted(pairs) == [([1], [2])] * 9 + [([2, 2], [3])] * 6
    assert all({1, 2} == {len(source) for source in sources} for sources, _targets in drawn)


def test_ways_take_turns_and_each_begins(module: Callable[[str], Any]) -> None:
    """Guards the comparison: every way gets every piece, none always comes first, the warm-up is left out."""
    seen: list[tuple[str, int]] = []
    ways = {name: lambda piece, name=name: seen.append((name, piece)) for name in "abc"}
    seconds = module("turns").by_turns(ways, [10, 20, 30, 40], warm_up=1)
    assert [name for name, _piece in seen] == list("abcbcacababc")
    assert [piece for _name, piece in seen] == [piece for piece in (10, 20, 30, 40) for _way in ways]
    assert {name: len(taken) for name, taken in seconds.items()} == {"a": 3, "b": 3, "c": 3}


def test_a_way_apart_does_the_piece_that_it_is_told(module: Callable[[str], Any]) -> None:
    """Guards the comparison of processes: the right piece, in another process, and a failure that is told here."""
    apart = module("apart").Apart(partial(importing, "operator"), ["os", "nowhere"], 1)
    assert apart(0) == "os"
    with pytest.raises(RuntimeError, match="No module named 'nowhere'"):
        apart(1)
    apart.end()


def importing(beside: str) -> Callable[[str], str]:
    """A way that imports what it is told; another process makes it."""
    assert beside in sys.modules
    return lambda name: importlib.import_module(name).__name__


def test_ratios_are_medians_of_pairs(module: Callable[[str], Any]) -> None:
    """Guards the direction of a ratio, theirs over ours, and that pairs are compared, not medians."""
    turns = module("turns")
    assert turns.median_ratio([2.0, 30.0, 4.0], [1.0, 10.0, 4.0]) == 2.0
    assert turns.median_rate([10, 10, 90], [1.0, 2.0, 3.0]) == 10.0
    assert turns.fastest({"a": [3.0, 3.0], "b": [2.0, 2.0], "c": [1.0, 1.0]}, ["a", "b"]) == "b"


@pytest.mark.parametrize(
    ("bar", "value", "kept"),
    [("≥ 2", 2.0, True), ("≥ 50 %", 49.9, False), ("≤ 2", 2.1, False), ("≤ 5,000 MB", 4e3, True), ("", 1.0, None)],
)
def test_a_bar_says_whether_it_is_kept(module: Callable[[str], Any], bar: str, value: float, kept: bool | None) -> None:
    """Guards the verdicts in the tables, from both sides and with units."""
    assert module("benchmark").Figure("what", value, "×", bar).kept() is kept


# Writing -------------------------------------------------------------------------------------------------------------


def found(value: float, date: str = "2026-01-02") -> dict[str, Any]:
    figure = {"what": "ours / theirs", "value": value, "unit": "×", "bar": "≥ 2", "note": "3 pairs"}
    machine = {"processor": "abacus", "threads": 2, "system": "Linux", "versions": {"torch": "2.0"}}
    return {"date": date, "figures": [figure], "machine": machine}


def test_tables_stand_between_the_markers(module: Callable[[str], Any]) -> None:
    """Guards what others wrote on the page, before and after, also the second time."""
    tables = module("tables")
    page = f"# Above\n\n{tables.BEGIN}\nold\n{tables.END}\n\n## Below\n"
    once = tables.put_between_markers(page, "new")
    assert once == page.replace("old", "new")
    assert tables.put_between_markers(once, "new") == once
    fresh = tables.put_between_markers("# Above\n", "new")
    assert fresh.startswith("# Above\n") and tables.put_between_markers(fresh, "new") == fresh
    with pytest.raises(ValueError, match="both markers"):
        tables.put_between_markers(f"{tables.END}\n{tables.BEGIN}\n", "new")


def test_a_table_says_what_was_missed_and_what_was_not_measured(module: Callable[[str], Any]) -> None:
    """Guards missed bars, failures and other dates from being left out."""
    record = {"a": found(2.5), "b": found(1.5), "c": found(3.0, "2025-01-01")}
    record["d"] = {"date": "2026-01-02", "failed": "no GPU"}
    text = module("tables").tables(record)
    assert "| ours / theirs | 2.50 × | ≥ 2, kept | 3 pairs |" in text
    assert "| ours / theirs | 1.50 × | ≥ 2, **missed** | 3 pairs |" in text
    assert text.count("abacus, 2 threads") == 2  # once for most, once for the other date
    assert "No figures (2026-01-02): no GPU" in text


def test_the_runner_keeps_what_a_process_printed_or_why_it_ended(module: Callable[[str], Any]) -> None:
    """Guards the runner against a benchmark that fails: its reason is kept, and its output never taken for figures."""
    run = module("run")
    code, lines, _said = run.start([sys.executable, "-c", "print('first'); print('{}')"])
    assert (code, lines) == (0, ["first", "{}"])
    code, lines, said = run.start([sys.executable, "-c", "raise SystemExit('no peer here')"])
    assert (code, lines, said) == (1, [], "no peer here")
    assert {"machine_limits", "training_against_peers"} <= set(run.names()) and "run" not in run.names()


# Joey NMT ------------------------------------------------------------------------------------------------------------


def test_joeynmt_reads_the_same_pieces(module: Callable[[str], Any], tmp_path: Path) -> None:
    """Guards the peer's files: as many lines and pieces as we train on, all of them in its vocabulary."""
    files = module("joeynmt_files")
    rows = [([[7, 1, 9], [4998]], [[3998, 5], [2, 3, 4]])]
    path = files.write_joeynmt(tmp_path, rows, width=8, batch_tokens=64, updates=1, shuffle=False)
    assert path.exists()
    assert (tmp_path / "train.zh").read_text() == "7 <unk> 9\n4998\n"
    assert (tmp_path / "train.en").read_text() == "3998 5\n2 3 4\n"
    for suffix, size in (("zh", 5000), ("en", 4000)):
        known = (tmp_path / f"vocabulary.{suffix}").read_text().split()
        assert len(known) == size - 3  # without the end, the unknown and padding, which Joey adds
        assert set((tmp_path / f"train.{suffix}").read_text().split()) <= {*known, "<unk>"}


def test_joeynmts_log_gives_its_speed(module: Callable[[str], Any]) -> None:
    """Guards against reading the step or the learning rate for the speed."""
    line = "Epoch   1, Step:        2, Batch Loss:     7.1, Batch Acc: 0.01, Tokens per Sec:     1895, Lr: 0.000100\n"
    assert module("joeynmt_files").speeds("2026 INFO EPOCH 1\n" + line + line.replace("1895", "2101")) == [1895, 2101]


def test_every_benchmark_says_what_it_does() -> None:
    """Guards the page's promise that each file's head says what it measures and how to start it."""
    for path in sorted(FOLDER.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert text.startswith('"""'), path.name
        if '__name__ == "__main__"' in text:
            assert "python benchmarks/" in text.split('"""')[1], path.name


def test_what_a_benchmark_prints_is_what_the_runner_reads(
    module: Callable[[str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards the protocol between them: the last line is JSON, and a table can be made of it."""
    benchmark = module("benchmark")
    benchmark.say([benchmark.Figure("ours / theirs", 1234.5, "×", "≥ 2", "3 pairs")], {"more": 1}, threads=2)
    record = {"date": "2026-01-02"} | json.loads(capsys.readouterr().out.splitlines()[-1])
    assert "| ours / theirs | 1,234 × | ≥ 2, kept | 3 pairs |" in module("tables").tables({"name": record})
