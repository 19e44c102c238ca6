"""Checkpoints and frames: bit by bit what was saved, or one clear line; never half of one."""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from congling.errors import UserError
from congling.learning import atomic, checkpoints
from congling.learning.checkpoint_files import write_tensors
from congling.learning.checkpoints import (
    average_weights,
    checkpoint_folder,
    load_checkpoint,
    load_weights,
    mark_best,
    random_state,
    restore_random_state,
    save_checkpoint,
)
from congling.learning.frames import (
    drop_frames_after,
    is_frame_step,
    list_frames,
    load_frame,
    save_frame,
)
from congling.learning.runs import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "运行 一", {}, task="translation", seed=3)


def weights_of(step: int) -> dict[str, Tensor]:
    return {"output.weight": torch.full((3, 5), float(step)), "count": torch.tensor(step)}


def save(run: Run, step: int, keep: int = 2, best: bool = False, **state: Any) -> Path:
    optimizer = {"moment": torch.full((7,), step / 10)}
    return save_checkpoint(run, step, weights_of(step), optimizer, random_state(), state, keep, best=best)


def identical(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """The same names, types, shapes and bits (so that NaN equals itself)."""
    return first.keys() == second.keys() and all(
        a.dtype == b.dtype and a.shape == b.shape and bits(a) == bits(b)
        for a, b in ((first[name], second[name]) for name in first)
    )


def bits(tensor: Tensor) -> list[int]:
    return tensor.contiguous().reshape(-1).view(torch.uint8).tolist()


def pointer(run: Run, name: str) -> str:
    return (run.checkpoints_path / name).read_text(encoding="utf-8")


def names(run: Run) -> list[str]:
    return sorted(entry.name for entry in run.checkpoints_path.iterdir())


# Round trip


def test_round_trip_is_bit_identical(run: Run) -> None:
    """A type that is widened on the way, or a scalar that comes back with an axis, makes a resume differ."""
    flat = torch.randn(19, generator=torch.Generator().manual_seed(5))
    weights = {
        "bfloat16": torch.randn(3, 7).bfloat16(),
        "float64": torch.randn(5, dtype=torch.float64),
        "special": torch.tensor([math.nan, -0.0, math.inf, 1e-42]),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 11),
        "also empty": torch.zeros(0),
        "whole": torch.tensor([2**62 + 1]),
        "bool": torch.tensor([True, False]),
        "transposed": torch.arange(6.0).reshape(2, 3).t(),
        "一": flat[:2],
        "view": flat[2:13].view(11, 1),
    }
    weights["tied"] = weights["view"]  # two names for one parameter
    state = {"cursor": {"epoch": 2, "batch": 17}, "seconds": 0.1 + 0.2, "best_loss": math.inf, "名": "甲"}
    save_checkpoint(run, 13, weights, {}, {"cpu": torch.get_rng_state()}, state, keep=1)
    loaded = load_checkpoint(run)
    assert identical(loaded.weights, weights)
    assert identical(load_weights(run, 13), weights)
    assert identical(loaded.random, {"cpu": torch.get_rng_state()})
    assert (loaded.step, loaded.optimizer, loaded.state) == (13, {}, state)


def test_weights_files_open_elsewhere(run: Run) -> None:
    """Other readers refuse safetensors files without format=pt, and another user cannot read a private file."""
    path = save(run, 1) / "weights.safetensors"
    length = int.from_bytes(path.read_bytes()[:8], "little")
    assert json.loads(path.read_bytes()[8 : 8 + length])["__metadata__"] == {"format": "pt"}
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((path.parent / "state.json").stat().st_mode)


def test_state_with_whole_numbers_as_keys(run: Run) -> None:
    """JSON turns such keys into text, which sorts differently: the state's own fingerprint must not trip over it."""
    save(run, 1, losses={2: 0.5, 10: 0.25})
    assert load_checkpoint(run).state == {"losses": {"2": 0.5, "10": 0.25}}


def test_random_state_gives_the_same_numbers() -> None:
    """Dropout and shuffling after a resume must draw what they would have drawn."""
    torch.manual_seed(7)
    states = random_state()
    drawn = torch.rand(5)
    torch.rand(3)
    restore_random_state(states)
    assert torch.equal(torch.rand(5), drawn)
    assert all(state.dtype == torch.uint8 for state in states.values())


# Pointers and pruning


def test_best_and_last(run: Run) -> None:
    """The pointers must name the folders that were meant, and best is last while nothing was validated."""
    save(run, 10, keep=3)
    assert load_checkpoint(run, "best").step == 10
    save(run, 20, keep=3, best=True)
    save(run, 30, keep=3)
    assert [load_checkpoint(run, which).step for which in ("best", "last", 10)] == [20, 30, 10]
    assert (pointer(run, "best"), pointer(run, "last")) == ("000000020\n", "000000030\n")


def test_prune_keeps_newest_best_and_last(run: Run) -> None:
    """A pruned best checkpoint cannot be had back."""
    for step in (9, 10, 11, 100, 1000):
        save(run, step, keep=2, best=step == 10)
    assert run.checkpoint_steps() == [10, 100, 1000]
    save(run, 1001, keep=0)
    assert run.checkpoint_steps() == [10, 1001]


def test_checkpoints_of_a_future_that_was_given_up_go(run: Run) -> None:
    """After a resume from an earlier step, what came later before would be averaged with what comes now."""
    for step in (10, 20, 30):
        save(run, step, keep=5)
    with run.training():
        save(run, 15, keep=5)
    assert run.checkpoint_steps() == [10, 15]


def test_no_checkpoint_yet_and_no_such_step(run: Run) -> None:
    """Both are the user's to mend, so the message says what there is."""
    with pytest.raises(UserError, match="has no checkpoint yet"):
        load_checkpoint(run)
    with pytest.raises(UserError, match="no checkpoint of step 7; it has: none"):
        load_weights(run, 7)
    save(run, 10)
    save(run, 20)
    with pytest.raises(UserError, match="no checkpoint of step 7; it has: 10, 20"):
        load_weights(run, 7)


def test_average_as_the_best(run: Run) -> None:
    """An average has no optimizer: it can be the best one, but a training cannot go on from it."""
    save(run, 10, best=True)
    save(run, 20)
    mark_best(run, "average", weights_of(15))
    assert identical(load_weights(run, "best"), weights_of(15))
    assert load_checkpoint(run, "last").step == 20
    with pytest.raises(UserError, match=r"average holds weights only.*step 20: --checkpoint 20"):
        load_checkpoint(run, "best")
    save(run, 30, keep=1)
    assert names(run) == ["000000030", "average", "best", "last"]


# Killed, full, broken


def test_killed_before_the_pointer_moves(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pointer that moves before its folder is there would name nothing; the old last must stay in force."""
    save(run, 10)

    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "_point", stop)
    with pytest.raises(KeyboardInterrupt):
        save(run, 20)
    monkeypatch.undo()
    assert (run.checkpoints_path / "000000020").is_dir()
    assert load_checkpoint(run).step == 10


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("moment", ["write_tensors", "write_state", "_sync_all", "_move_into_place", "_point", "prune"])
def test_killed_at_any_moment_of_a_save(run: Run, moment: str) -> None:
    """A kill in the middle of a save must leave a last that loads, and the next save must go through and clear up."""
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    save(run, 10)
    child = os.fork()
    if child == 0:
        try:
            die_at(moment)
            save(run, 20, keep=1)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert load_checkpoint(run).step == (20 if moment == "prune" else 10)
    with run.training():
        save(run, 20, keep=1)
    assert names(run) == ["000000020", "last"]
    assert identical(load_weights(run, "last"), weights_of(20))


def die_at(moment: str) -> None:
    """From now on the process ends without any clean-up as soon as the named function is called."""
    module = checkpoints if hasattr(checkpoints, moment) else atomic
    setattr(module, moment, lambda *arguments: os._exit(9))


@pytest.mark.parametrize("full_after", range(7))  # 4 files, their folder, the parent, then the pointer
def test_full_disk_keeps_what_was_saved(run: Run, monkeypatch: pytest.MonkeyPatch, full_after: int) -> None:
    """A save that fails half-way must leave the older checkpoint in force and nothing half-written."""
    save(run, 10, best=True)
    sync, calls = os.fsync, [0]

    def fill_up(descriptor: int) -> None:
        calls[0] += 1
        if calls[0] > full_after:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fill_up)
    with pytest.raises(UserError, match=r"the disk is full: .* MB free"):
        save(run, 20)
    monkeypatch.undo()
    assert load_checkpoint(run, "last").step == load_checkpoint(run, "best").step == 10
    assert not [name for name in names(run) if name.startswith(".")]


def test_full_disk_inside_safetensors(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """safetensors raises its own error at a full disk, with the system's number only in its text."""

    def fail(*arguments: object, **options: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(safetensors.torch, "save_file", fail)
    with pytest.raises(UserError, match=r"the disk is full: \S* .*000000005"):
        save(run, 5)
    assert names(run) == []


@pytest.mark.parametrize("file", ["weights.safetensors", "optimizer.safetensors", "random.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["cut", "emptied", "flipped", "missing"])
def test_damaged_file_is_named_with_the_way_out(run: Run, file: str, damage: str) -> None:
    """A damaged checkpoint must not be trained on or translated with; the message names an intact one."""
    save(run, 10)
    path = save(run, 20, seconds=1.5) / file
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        changed = {
            "cut": content[:-3],
            "emptied": b"",
            "flipped": content.replace(b"1.5", b"1.7") if file == "state.json" else content[:-1] + b"\x5a",
        }
        assert changed[damage] != content
        path.write_bytes(changed[damage])
    with pytest.raises(UserError) as caught:
        load_checkpoint(run, "last")
    message = str(caught.value)
    assert str(path) in message
    assert "step 10: --checkpoint 10" in message
    wanted = {
        "cut": f"has {len(content) - 3} bytes instead of {len(content)}",
        "emptied": f"has 0 bytes instead of {len(content)}",
        "flipped": "was changed after it was written",
        "missing": "is missing",
    }[damage]
    assert (wanted if file != "state.json" or damage == "missing" else "was changed or cut off") in message
    assert load_checkpoint(run, 10).step == 10


def test_weights_do_not_need_the_rest(run: Run) -> None:
    """A run that is only served may be sent without its optimizer, which is twice as large as the weights."""
    (save(run, 10) / "optimizer.safetensors").unlink()
    assert identical(load_weights(run), weights_of(10))
    with pytest.raises(UserError, match="There is no other intact checkpoint"):
        load_checkpoint(run)


def test_way_out_passes_over_other_broken_ones(run: Run) -> None:
    """Naming a second broken checkpoint as the way out would only send the user in circles."""
    for step in (10, 20, 30):
        save(run, step, keep=3)
        if step > 10:
            (run.checkpoints_path / f"{step:09d}" / "weights.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match="step 10: --checkpoint 10"):
        load_checkpoint(run)


def test_last_that_points_to_nothing(run: Run) -> None:
    """A folder removed by hand, or a pointer with rubbish in it, is named."""
    save(run, 10)
    save(run, 20)
    (run.checkpoints_path / "last").write_text("000000030\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"000000030/state\.json is missing.*--checkpoint 20"):
        load_checkpoint(run)
    for text in ("", "../../elsewhere", "yesterday"):
        (run.checkpoints_path / "last").write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=r"last says '.*', which is no checkpoint.*--checkpoint 20"):
            load_checkpoint(run)


def test_checkpoint_of_a_newer_congling(run: Run) -> None:
    """A later format read as this one would go wrong without a word."""
    path = save(run, 10) / "state.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"format": 1', '"format": 7'), encoding="utf-8")
    with pytest.raises(UserError, match=r"newer congling \(format 7.*pip install --upgrade congling"):
        load_weights(run)


def test_saving_a_step_again_replaces_it(run: Run) -> None:
    """A resumed training reaches steps that were saved before the kill."""
    save(run, 10, seconds=1)
    save(run, 10, seconds=2)
    assert load_checkpoint(run).state == {"seconds": 2}
    assert checkpoint_folder(run, "last") == checkpoint_folder(run, 10)


# Averages


def test_average_is_summed_in_float64(run: Run) -> None:
    """In float32 a small number vanishes beside a large one."""
    for step, value in ((1, 2.0**30), (2, 1.0), (3, -(2.0**30))):
        weights = {"w": torch.full((3,), value), "b": torch.full((2,), value).bfloat16(), "n": torch.tensor(step)}
        save_checkpoint(run, step, weights, {}, {}, {}, keep=3)
    mean = average_weights(run, [1, 2, 3])
    assert torch.equal(mean["w"], torch.full((3,), 1 / 3, dtype=torch.float64).float())
    assert mean["w"].dtype == mean["b"].dtype == torch.float32
    assert mean["n"] == 3
    assert torch.equal(average_weights(run, [2])["w"], torch.ones(3))


def test_average_of_unlike_checkpoints(run: Run) -> None:
    """A shape that broadcasts would give a mean of nothing."""
    save_checkpoint(run, 1, {"w": torch.ones(3, 5)}, {}, {}, {}, keep=3)
    save_checkpoint(run, 2, {"w": torch.ones(5)}, {}, {}, {}, keep=3)
    with pytest.raises(UserError, match="steps 1 and 2 differ in w"):
        average_weights(run, [1, 2])


def test_saving_changes_nothing_in_the_network(run: Run) -> None:
    """Saving must not detach, convert or move the network's own parameters."""
    parameter = torch.nn.Parameter(torch.arange(5.0))
    write_tensors(run.file("x.safetensors"), {"w": parameter})
    assert parameter.requires_grad and parameter.dtype == torch.float32


# Frames


def test_a_frame_holds_what_float16_cannot(run: Run) -> None:
    """Running variances of numbers in thousands are infinite in float16, and everything behind them is then 0."""
    save_frame(run, 0, {"large": torch.tensor([1e5, -2.5]), "small": torch.tensor([65504.0, -2.5])})
    frame = load_frame(run, 0)
    assert (frame["large"].tolist(), frame["large"].dtype) == ([1e5, -2.5], torch.float32)
    assert (frame["small"].tolist(), frame["small"].dtype) == ([65504.0, -2.5], torch.float16)


def test_frame_steps() -> None:
    """A missing or doubled first frame hides how learning begins."""
    assert [step for step in range(-3, 18) if is_frame_step(step)] == [0, 1, 2, 4, 8, 16]


def test_frames_round_trip_in_half_the_size(run: Run) -> None:
    """Frames are float16 for size; whole numbers must stay whole, and tied weights must not be refused."""
    assert list_frames(run) == []
    weight = torch.linspace(-2, 2, 15).view(3, 5)
    weights = {"w": weight, "tied": weight, "ids": torch.tensor([70000]), "half": weight[:2].half()}
    for step in (8, 0, 16):
        save_frame(run, step, weights)
    assert list_frames(run) == [0, 8, 16]
    frame = load_frame(run, 8)
    assert identical(frame, {**weights, "w": weight.half(), "tied": weight.half()})
    drop_frames_after(run, 8)
    assert list_frames(run) == [0, 8]
    with pytest.raises(UserError, match="no frame of step 5; it has: 0, 8"):
        load_frame(run, 5)
