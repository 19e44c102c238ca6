"""Whatever the README shows is run: its Python, and its commands as far as their help goes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from congling.cli.main import verbs
from congling.cli.tasks import tasks

ROOT = Path(__file__).parent.parent
READMES = [ROOT / "README.md", ROOT / "README.zh.md"]


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_python_of_the_readme_runs(
    readme: Path, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_congling: Callable[..., object]
) -> None:
    """Guards against an example that names what is no longer there."""
    backward, inside = re.findall(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    run_congling("train", "function-fitting", "--steps", 2)
    fitting: dict[str, object] = {}
    exec(backward, fitting)
    assert fitting["gradients"]
    shutil.copytree(tiny_run, tmp_path / "runs" / "translation-zh-en")
    inside = inside.replace("decoder.layers.2.", "decoder.layers.0.")  # the tiny network has one layer
    names: dict[str, object] = {}
    exec(inside, names)
    assert names["translation"].parts, "the tiny run knows animals only: it answers, if with nothing"  # type: ignore[attr-defined]


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_commands_of_the_readme_exist(readme: Path, run_congling: Callable[..., object]) -> None:
    """Guards against a verb or an option in the README that the command line does not know."""
    lines = re.findall(r"^congling (.*)$", readme.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(lines) >= 6
    for line in lines:
        words = line.split("#")[0].split()
        assert words[0] in verbs()
        options = [word for word in words if word.startswith("--")]
        verbs_with_options = [words[:2] if words[0] in ("train", "data") else words[:1]]
        if words[0] in ("predict", "evaluate", "inspect", "export"):  # the run decides what may follow
            verbs_with_options = [[words[0], task] for task, those in tasks().items() if words[0] in those]
        helped = "".join(run_congling(*verb, "--help").out for verb in verbs_with_options)  # type: ignore[attr-defined]
        known = re.findall(r"--[\w-]+", helped.replace("[no-]", ""))
        assert set(options) <= set(known), line
