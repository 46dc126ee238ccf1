"""SIGKILL at file operations, then the same command again: nothing lost, nothing left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import kill_apps
import kill_storage
import pytest
from kill_cases import CASES, MODULES
from kill_everywhere import Case, kill_everywhere
from kill_materials import make_materials
from kill_server import Server, serve

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="needs Linux: fork, memfd and /proc"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(MODULES) as started:
        yield started


@pytest.fixture(scope="module")
def materials(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("materials")
    make_materials(server, folder)
    return folder


@pytest.fixture(scope="module")
def small_server() -> Iterator[Server]:
    with serve(()) as started:
        yield started


@pytest.fixture(scope="module")
def small_materials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small-materials")
    kill_storage.make_materials(folder)
    return folder


def the_move(operations: list[str]) -> Iterable[int]:
    """The last renaming, by which what is new takes its place."""
    moves = [number for number, seen in enumerate(operations, 1) if seen.startswith("rename")]
    return moves[-1:]


def the_last(operations: list[str]) -> Iterable[int]:
    """From the renaming by which the output takes its place on, to the end of tidying up."""
    moves = the_move([seen for seen in operations if ".old" not in seen])
    return range(max(moves, default=1), len(operations) + 1)


@pytest.mark.parametrize("case", kill_storage.CASES, ids=lambda case: case.name)
def test_kills_of_the_steps(
    small_server: Server, small_materials: Path, tmp_path: Path, case: Case
) -> None:
    """The steps that verbs are made of, in each state of the disk: all operations, in seconds."""
    assert kill_everywhere(small_server, case, tmp_path / "work", small_materials)


by_app = pytest.mark.parametrize("case", kill_apps.CASES, ids=lambda case: case.name)


@by_app
def test_kills_of_embed_and_search_at_the_end(
    small_server: Server, small_materials: Path, tmp_path: Path, case: Case
) -> None:
    kill_everywhere(small_server, case, tmp_path / "work", small_materials, the_last)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@by_app
def test_kills_of_embed_and_search_everywhere(
    small_server: Server, small_materials: Path, tmp_path: Path, case: Case
) -> None:
    assert kill_everywhere(small_server, case, tmp_path / "work", small_materials)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kills_at_the_end(server: Server, materials: Path, tmp_path: Path, case: Case) -> None:
    kill_everywhere(server, case, tmp_path / "work", materials, the_move)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kills_everywhere(server: Server, materials: Path, tmp_path: Path, case: Case) -> None:
    assert kill_everywhere(server, case, tmp_path / "work", materials)
