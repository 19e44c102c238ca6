"""Runs and atomic writing: what is on the disk is whole, and belongs to one training at a time."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from congling.errors import UserError
from congling.learning import atomic
from congling.learning.atomic import atomic_folder, recover, remove_folder, write_atomically
from congling.learning.runs import Run, runs_near

CONFIG = {"layers": 3, "rate": 0.1, "files": ["甲.zh", "a.en"], "network": {"tied": False, "norm": None}}


def make_run(path: Path) -> Run:
    return Run.create(path, CONFIG, task="translation", seed=11)


def run_python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )


def finished_pid() -> int:
    """The number of a process that is no more."""
    process = run_python("")
    process.communicate(timeout=60)
    return process.pid


# Atomic writing


def test_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that goes straight to the file would leave it half written when the disk fails."""
    path = tmp_path / "最后"
    write_atomically(path, "旧的\n")
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(OSError):
        write_atomically(path, "新的\n")
    assert path.read_bytes() == "旧的\n".encode()
    assert [entry.name for entry in tmp_path.iterdir()] == ["最后"]


def failing(number: int):
    def fail(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_one_line_with_path_and_free_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A full disk would show as a traceback, or leave half a file."""
    path = tmp_path / "权重"
    write_atomically(path, b"old")
    monkeypatch.setattr(os, "fsync", failing(number))
    with pytest.raises(UserError, match=rf"the disk is full: {re.escape(str(path))} .*\d MB free"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_forbidden_folder_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without write permission would show as a traceback."""
    monkeypatch.setattr(os, "replace", failing(errno.EACCES))
    with pytest.raises(UserError, match=r"cannot write .*x\.txt: Permission denied"):
        write_atomically(tmp_path / "x.txt", "x")


def test_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    """A folder made in place would mix old and new files when its writer fails."""
    folder = tmp_path / "点"
    with atomic_folder(folder) as partial:
        (partial / "a").write_text("1", encoding="utf-8")
    with pytest.raises(ZeroDivisionError), atomic_folder(folder) as partial:
        (partial / "b").write_text("2", encoding="utf-8")
        raise ZeroDivisionError
    assert [entry.name for entry in folder.iterdir()] == ["a"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["点"]


def test_folder_replaces_an_old_one_whole(tmp_path: Path) -> None:
    """A resumed training comes to a step that is there already: old files must not stay among the new."""
    for name in ("old", "new"):
        with atomic_folder(tmp_path / "7") as partial:
            (partial / name).mkdir()
            (partial / name / "inside").write_text(name, encoding="utf-8")
    assert [str(entry.relative_to(tmp_path)) for entry in sorted(tmp_path.rglob("*"))] == ["7", "7/new", "7/new/inside"]


def test_folder_steps_back_when_the_rename_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old folder steps aside for the new one: if that one cannot move in, it must come back."""
    with atomic_folder(tmp_path / "7") as partial:
        (partial / "old").touch()
    rename = Path.rename

    def fail_for_the_new(path: Path, target: Path) -> Path:
        return failing(errno.ENOSPC)() if "partial" in path.name else rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new)
    with pytest.raises(UserError, match="disk is full"), atomic_folder(tmp_path / "7") as partial:
        (partial / "new").touch()
    assert [str(entry.relative_to(tmp_path)) for entry in sorted(tmp_path.rglob("*"))] == ["7", "7/old"]


def test_everything_is_synced_before_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without fsync before the rename, a power cut leaves a folder of empty files under the final name."""
    synced: list[str] = []
    sync, rename = os.fsync, Path.rename

    def note_sync(descriptor: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        sync(descriptor)

    def note_rename(path: Path, target: Path) -> Path:
        synced.append("renamed")
        return rename(path, target)

    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc to tell a descriptor's file")
    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "rename", note_rename)
    with atomic_folder(tmp_path / "7") as partial:
        (partial / "a").touch()
        (partial / "b").touch()
    assert set(synced[:3]) == {"a", "b", partial.name}
    assert synced[3:] == ["renamed", tmp_path.name]


def test_next_writer_clears_what_a_killed_one_left(tmp_path: Path) -> None:
    """Leftovers of killed trainings would fill the disk, checkpoint by checkpoint."""
    dead = finished_pid()
    (tmp_path / f".5.partial-{dead}").mkdir()
    (tmp_path / f".last.partial-{dead}").touch()
    (tmp_path / f".6.partial-{os.getpid()}").mkdir()  # a restarted container gives the same number again
    (tmp_path / f".8.partial-{os.getppid()}").mkdir()  # somebody who is alive
    write_atomically(tmp_path / "last", "7")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [f".8.partial-{os.getppid()}", "last"]


def test_two_writers_of_one_process_do_not_clear_each_other(tmp_path: Path) -> None:
    """Inside a folder's writing, the pointer beside it is written: that must not take the folder for a leftover."""
    with atomic_folder(tmp_path / "7") as partial:
        write_atomically(tmp_path / "last", "7")
        (partial / "a").touch()
    assert (tmp_path / "7" / "a").exists()


def test_folder_that_stepped_aside_comes_back(tmp_path: Path) -> None:
    """A writer killed between the two renames of a replacement leaves no folder under the name."""
    aside = tmp_path / f".7.replaced-{finished_pid()}"
    aside.mkdir()
    (aside / "old").touch()
    recover(tmp_path)
    assert [str(entry.relative_to(tmp_path)) for entry in sorted(tmp_path.rglob("*"))] == ["7", "7/old"]


def test_half_removed_folder_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A removal that is killed half-way must not leave a checkpoint with half its files."""
    (tmp_path / "7").mkdir()
    monkeypatch.setattr(atomic, "_remove", lambda path: None)  # killed before anything was removed
    remove_folder(tmp_path / "7")
    assert not (tmp_path / "7").exists()


def test_process_killed_while_it_writes_leaves_the_old_folder(tmp_path: Path) -> None:
    """Clean-up in Python does not run at a kill: what was there must be whole even so."""
    code = (
        "import os, sys; from congling.learning.atomic import atomic_folder\n"
        "with atomic_folder(sys.argv[1]) as folder:\n"
        "    (folder / 'new').write_text('x', encoding='utf-8'); os._exit(9)"
    )
    with atomic_folder(tmp_path / "7") as partial:
        (partial / "old").touch()
    assert run_python(code, tmp_path / "7").wait(timeout=60) == 9
    assert [entry.name for entry in (tmp_path / "7").iterdir()] == ["old"]
    assert len(list(tmp_path.iterdir())) == 2  # the partial folder
    recover(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


# Runs


def test_run_round_trip_with_chinese_names(tmp_path: Path) -> None:
    """Paths, tuples and Chinese must come back from run.yaml as plain values, in their order."""
    config = {**CONFIG, "betas": (0.9, 0.98), "source": Path("数据/甲.zh")}
    made = Run.create(tmp_path / "我的 翻译", config, task="translation", seed=11)
    run = Run.open(tmp_path / "我的 翻译")
    assert run.config == {**CONFIG, "betas": [0.9, 0.98], "source": str(Path("数据/甲.zh"))} == made.config
    assert list(run.config) == list(config)
    assert (run.task, run.seed, run.description["format"]) == ("translation", 11, 1)
    assert run.description == made.description
    assert set(run.description["versions"]) >= {"python", "torch", "safetensors"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", run.description["created"])
    assert "甲.zh" in (run.path / "run.yaml").read_text(encoding="utf-8")


def test_new_options_are_kept(tmp_path: Path) -> None:
    """A training that goes on with more steps must say so in run.yaml, and lose nothing else."""
    run = make_run(tmp_path / "a")
    run.update_config({"layers": 5})
    assert Run.open(tmp_path / "a").description == {**run.description, "config": {"layers": 5}}
    assert Run.open(tmp_path / "a").seed == 11


def test_create_refuses_folders_that_hold_something(tmp_path: Path) -> None:
    """A second training with the same name would overwrite the first one."""
    make_run(tmp_path / "a")
    with pytest.raises(UserError, match=r"holds a run already.*--resume"):
        make_run(tmp_path / "a")
    (tmp_path / "b").mkdir()
    make_run(tmp_path / "b")  # an empty folder is free
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "essay.txt").touch()
    with pytest.raises(UserError, match="is there already and no run"):
        make_run(tmp_path / "c")
    with pytest.raises(UserError, match="is there already and no run"):
        make_run(tmp_path / "c" / "essay.txt")


def test_open_says_what_a_run_is_and_names_those_near(tmp_path: Path) -> None:
    """A mistyped path must be mended from the message alone."""
    run = make_run(tmp_path / "runs" / "zh-en")
    make_run(tmp_path / "runs" / "other")
    with pytest.raises(UserError, match=r"there is no folder .*zh-em.*Runs near it: \S*zh-en, \S*other"):
        Run.open(tmp_path / "runs" / "zh-em")
    with pytest.raises(UserError, match=r"no run: a run is a folder with a run\.yaml.*Runs near it: .*zh-en"):
        Run.open(tmp_path / "runs")
    with pytest.raises(UserError, match="is a file, not a run"):
        Run.open(run.path / "run.yaml")
    run.checkpoints_path.mkdir()
    assert runs_near(run.checkpoints_path)[0] == run.path
    with pytest.raises(UserError, match="There are no runs near it"):
        Run.open(tmp_path / "x" / "y" / "z")


def test_newer_format_says_how_to_upgrade(tmp_path: Path) -> None:
    """A later format, read as this one, would fail somewhere deep or silently go wrong."""
    path = make_run(tmp_path / "a").path / "run.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("format: 1", "format: 7"), encoding="utf-8")
    with pytest.raises(UserError, match=r"newer congling \(format 7; .*up to 1\): pip install --upgrade congling"):
        Run.open(tmp_path / "a")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"format: 1\ntask: [a\nseed: 3\n", r"run\.yaml, line 3: this is no YAML"),
        (b"format: 1\ntask: \xff\n", "no YAML in UTF-8"),
        (b"format: 1\ntask: a\x00b\n", "no YAML in UTF-8"),
        (b"", '"format" is missing'),
        (b"- 3\n", '"format" is missing'),
        (b"format: 1\ntask: 5\nseed: 3\nconfig: {}\n", r'"task" is missing or not of its kind \(str\)'),
        (b"format: 1\ntask: a\nconfig: {}\n", '"seed" is missing'),
    ],
)
def test_broken_description_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    """An edit gone wrong must name the file and the place, not show a parser's traceback."""
    (make_run(tmp_path / "a").path / "run.yaml").write_bytes(content)
    with pytest.raises(UserError, match=message):
        Run.open(tmp_path / "a")


def test_description_cannot_run_code(tmp_path: Path) -> None:
    """An unsafe YAML reader would run what a stranger's run.yaml asks for."""
    text = yaml.dump({"format": 1, "task": "a", "seed": 1}) + "config: !!python/object/apply:os.getcwd []\n"
    (make_run(tmp_path / "a").path / "run.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="this is no YAML"):
        Run.open(tmp_path / "a")


# The lock

TRAIN = (
    "import sys, time; from congling.learning.runs import Run\n"
    "with Run.open(sys.argv[1]).training():\n"
    "    print('locked', flush=True); time.sleep(60)"
)


def test_second_training_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    """Two trainings in one folder would mix their checkpoints; a lock left by kill -9 would forbid the resume."""
    run = make_run(tmp_path / "运行")
    first = run_python(TRAIN, run.path)
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "locked\n"
        with pytest.raises(UserError, match=f"being trained already, by process {first.pid}:"), run.training():
            pass
        # Whoever was refused must not have unlocked it by looking.
        with pytest.raises(UserError, match="being trained already"), run.training():
            pass
    finally:
        first.send_signal(signal.SIGKILL)
        first.communicate(timeout=60)
    with run.training():
        assert (run.path / "training.lock").read_text(encoding="utf-8") == f"{os.getpid()}\n"


def test_one_process_cannot_train_twice_into_a_run(tmp_path: Path) -> None:
    """The system grants a process its own lock again: the studio could start two trainings in one folder."""
    run = make_run(tmp_path / "a")
    with run.training(), pytest.raises(UserError, match="being trained already"), Run.open(run.path).training():
        pass
    with run.training():
        pass  # and it is free again


def test_forked_worker_does_not_keep_the_lock(tmp_path: Path) -> None:
    """A data worker that outlives a killed trainer would hold the lock for it."""
    run = make_run(tmp_path / "a")
    code = (
        "import os, sys, time; from congling.learning.runs import Run\n"
        "with Run.open(sys.argv[1]).training():\n"
        "    worker = os.fork()\n"
        "    if worker == 0: time.sleep(60); os._exit(0)\n"
        "    print(worker, flush=True); os._exit(9)"
    )
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    trainer = run_python(code, run.path)
    assert trainer.stdout is not None
    worker = int(trainer.stdout.readline())
    try:
        assert trainer.wait(timeout=60) == 9
        os.kill(worker, 0)  # alive
        with run.training():
            pass
    finally:
        os.kill(worker, signal.SIGKILL)
        trainer.stdout.close()


def test_training_begins_by_recovering(tmp_path: Path) -> None:
    """A checkpoint that had stepped aside when the training was killed must be there before it is resumed."""
    run = make_run(tmp_path / "a")
    (run.checkpoints_path / f".000000007.replaced-{finished_pid()}").mkdir(parents=True)
    with run.training():
        assert run.checkpoint_steps() == [7]


def test_runs_need_no_torch() -> None:
    """The command line lists runs in its help path: importing torch there costs two seconds."""
    code = "import sys, congling.learning.runs, congling.learning.events; print('torch' in sys.modules)"
    assert run_python(code).communicate(timeout=60)[0] == "False\n"
