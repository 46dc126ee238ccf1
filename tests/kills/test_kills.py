"""SIGKILL at file operations, then the same command again: nothing lost, nothing left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from kill_cases import CASES, MODULES
from kill_everywhere import Case, kill_everywhere
from kill_materials import make_materials
from kill_server import Server, serve

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="needs Linux: fork, memfd and /proc"
)
by_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(MODULES) as started:
        yield started


@pytest.fixture(scope="module")
def materials(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("materials")
    make_materials(server, folder)
    return folder


def last(count: int) -> Iterable[int]:
    """The end of a command, where what is new takes its place."""
    return range(max(1, count - 1), count + 1)


@by_case
def test_kills_at_the_end(server: Server, materials: Path, tmp_path: Path, case: Case) -> None:
    kill_everywhere(server, case, tmp_path / "work", materials, last)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@by_case
def test_kills_everywhere(server: Server, materials: Path, tmp_path: Path, case: Case) -> None:
    assert kill_everywhere(server, case, tmp_path / "work", materials)
