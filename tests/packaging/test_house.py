"""The rooms of the house stay small, and say what they are for."""

from __future__ import annotations

import ast
import statistics
import subprocess
from collections import Counter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
LONGEST = 300  # lines of a file
USUAL = 130  # the median of them
FULL = 20  # files in a folder
PACKAGES = [
    "edge_distil",
    "bench/edge_distil_bench",
    "export/edge_distil_export",
    "quantize/edge_distil_quantize",
    "distil/edge_distil_distil",
    "apps/edge_distil_apps",
]
# Words of who measures: a clock that counts nanoseconds, samples and their statistics.
MEASURING = {"perf_counter", "perf_counter_ns", "process_time", "process_time_ns", "statistics"}


def files() -> list[Path]:
    """Every file of the repository; a source distribution has no list of its own."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("this is not a clone")
    command = ["git", "-c", "safe.directory=*", "ls-files"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return [
        REPOSITORY / line for line in listed.stdout.splitlines() if (REPOSITORY / line).exists()
    ]


def test_no_folder_holds_more_files_than_a_person_sees_at_once() -> None:
    made = REPOSITORY / "apps" / "models"  # a checkpoint is as its library saves it
    counts = Counter(file.parent for file in files() if made not in file.parents)
    full = {k.relative_to(REPOSITORY).as_posix(): n for k, n in counts.items() if n > FULL}
    assert full == {}


def test_files_are_short() -> None:
    code = [file for file in files() if file.suffix == ".py"]
    lines = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in code}
    assert {file.name: n for file, n in lines.items() if n > LONGEST} == {}
    assert statistics.median(lines.values()) <= USUAL


def test_nothing_in_the_runtime_measures() -> None:
    """What it does may be timed from outside; it imports no clock and no statistics."""
    for file in (REPOSITORY / "edge_distil").rglob("*.py"):
        names = {
            name
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            for name in (
                getattr(node, "attr", None),
                getattr(node, "id", None),
                *(alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")),
            )
        }
        assert not names & MEASURING, file


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_what_it_gives(package: str) -> None:
    for file in (REPOSITORY / package).rglob("__init__.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        targets = [
            target.id
            for node in tree.body
            for target in getattr(node, "targets", [getattr(node, "target", None)])
            if isinstance(target, ast.Name)
        ]
        assert "__all__" in targets, file
        assert ast.get_docstring(tree), file
