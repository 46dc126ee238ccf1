"""SIGKILL at file operations, then the same command again: nothing lost, nothing left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import kill_storage
import pytest
from kill_cases import HEAVY, LIGHT, MODULES
from kill_everywhere import Case, kill_everywhere
from kill_materials import make_materials
from kill_server import Server, serve

pytestmark = [
    pytest.mark.safety,
    pytest.mark.skipif(
        not Path("/proc/self/fd").is_dir(), reason="needs Linux: fork, memfd and /proc"
    ),
]


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
    with serve(("edge_distil_quantize",)) as started:
        yield started


@pytest.fixture(scope="module")
def small_materials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small-materials")
    kill_storage.make_materials(folder)
    return folder


def the_last(operations: list[str]) -> Iterable[int]:
    """From the renaming by which the output takes its place on, to the end of tidying up."""
    moves = [n for n, seen in enumerate(operations, 1) if "rename" in seen and ".old" not in seen]
    return range(max(moves, default=1), len(operations) + 1)


@pytest.mark.parametrize("case", kill_storage.CASES, ids=lambda case: case.name)
def test_kills_of_the_steps(
    small_server: Server, small_materials: Path, tmp_path: Path, case: Case
) -> None:
    """The steps that verbs are made of, in each state of the disk: all operations, in seconds."""
    assert kill_everywhere(small_server, case, tmp_path / "work", small_materials)


light = pytest.mark.parametrize("case", LIGHT, ids=lambda case: case.name)


@light
def test_kills_at_the_end(
    small_server: Server, small_materials: Path, tmp_path: Path, case: Case
) -> None:
    kill_everywhere(small_server, case, tmp_path / "work", small_materials, the_last)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@light
def test_kills_everywhere(
    small_server: Server, small_materials: Path, tmp_path: Path, case: Case
) -> None:
    assert kill_everywhere(small_server, case, tmp_path / "work", small_materials)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("case", HEAVY, ids=lambda case: case.name)
def test_kills_of_heavy_verbs_everywhere(
    server: Server, materials: Path, tmp_path: Path, case: Case
) -> None:
    assert kill_everywhere(server, case, tmp_path / "work", materials)
