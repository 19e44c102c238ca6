"""Every benchmark, one after the other: the record in docs/benchmarks.json, the tables in docs/benchmarks.md.

A benchmark is a file of this folder that can be started (it says ``__main__``); nothing else is known of it but that
its last line is JSON (benchmark.py). Each runs in a process of its own. One that fails, or ends with the exit code 2
because it cannot run here, keeps its place in the record with the reason. With ``--only`` the others keep what they
had, with their own dates.

    make benchmark                   (or: python benchmarks/run.py --only machine_limits training_against_peers)
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tables import put_between_markers, tables

HERE = Path(__file__).parent
NOT_HERE = 2  # the exit code of a benchmark that needs what this machine has not
RECORD, PAGE = HERE.parent / "docs" / "benchmarks.json", HERE.parent / "docs" / "benchmarks.md"


def names() -> list[str]:
    """The benchmarks, by their files' names."""
    files = (path for path in HERE.glob("*.py") if path != Path(__file__))
    return sorted(path.stem for path in files if '__name__ == "__main__"' in path.read_text(encoding="utf-8"))


def run(name: str) -> dict[str, Any]:
    """What a benchmark found, or why it did not."""
    begun = time.perf_counter()
    print(f"\n{name}", flush=True)
    code, lines, said = start([sys.executable, str(HERE / f"{name}.py")])
    found = {"date": today(), "seconds": round(time.perf_counter() - begun)}
    if code or not lines:
        return found | {"failed": said or f"exit code {code}", "exit_code": code}
    print("\n".join(lines[:-1]), flush=True)
    return found | json.loads(lines[-1])


def start(command: list[str]) -> tuple[int, list[str], str]:
    """Run a command, letting through what it says on the way: its exit code, its output, its last word on the way."""
    said = ""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        with subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            for line in process.stderr:
                sys.stderr.write(line)
                said = line.strip() or said
        output.seek(0)
        return process.returncode, output.read().splitlines(), said


def today() -> str:
    return datetime.date.today().isoformat()


def main() -> int:
    known = names()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=known, default=known, metavar="NAME", help=", ".join(known))
    parser.add_argument("--record", type=Path, default=RECORD)
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args()
    record = json.loads(given.record.read_text(encoding="utf-8")) if given.record.exists() else {}
    for name in given.only:
        record[name] = run(name)
        record = {each: record[each] for each in known if each in record}
        given.record.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    page = put_between_markers(given.page.read_text(encoding="utf-8"), tables(record))
    given.page.write_text(page, encoding="utf-8")
    failed = [name for name in given.only if "failed" in record[name]]
    broken = [name for name in failed if record[name]["exit_code"] != NOT_HERE]
    print(f"\n{given.page} has the tables, {given.record} the record; not measured: {', '.join(failed) or 'nothing'}")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
