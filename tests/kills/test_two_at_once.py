"""Two processes at one place: both succeed, or one is told why not; a reader sees one state."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import kill_apps
import kill_storage
import pytest
from kill_cases import MODULES
from kill_server import Ended, Server, serve

import edge_distil as ed
from edge_distil.bundle import open_bundle

pytestmark = [
    pytest.mark.safety,
    pytest.mark.skipif(
        not Path("/proc/self/fd").is_dir(), reason="needs Linux: fork, memfd and /proc"
    ),
]
Servers = tuple[Server, Server]
rounds = pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=pytest.mark.slow)])


@pytest.fixture(scope="module")
def two() -> Iterator[Servers]:
    with serve(["edge_distil_quantize"]) as one, serve(["edge_distil_quantize"]) as other:
        yield one, other


@pytest.fixture(scope="module")
def materials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("materials")
    kill_storage.make_materials(folder)
    return folder


def start(folder: Path, materials: Path, bundle: str | None) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(materials, folder)
    return shutil.copytree(materials / bundle, folder / "qa") if bundle else folder / "qa"


def run_both(servers: Servers, commands: Sequence[Sequence[str]], folder: Path) -> list[Ended]:
    with ThreadPoolExecutor(2) as pool:
        ended = [
            pool.submit(server.run, command, folder)
            for server, command in zip(servers, commands, strict=True)
        ]
        return [each.result() for each in ended]


def left_over(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob(".*") if path.is_file() or path.suffix == ".part"]


@rounds
@pytest.mark.parametrize(
    ("one", "other"), [("weights-only", "fp16"), ("int8", "fp16"), ("int8", "int8")]
)
def test_quantize_and_quantize(
    two: Servers, materials: Path, tmp_path: Path, rounds: int, one: str, other: str
) -> None:
    for _ in range(rounds):
        bundle = start(tmp_path / "work", materials, "tiny-old")
        commands = [
            ("quantize", "qa", f"--{name}", "--no-calibration", "--force") for name in (one, other)
        ]
        for ended in run_both(two, commands, tmp_path / "work"):
            assert ended.status == 0, ended.said
        opened = open_bundle(bundle, verify=True)
        assert {"fp32", "int8", "coreml", one, other} == set(opened.manifest.variants)
        assert left_over(bundle) == []


@rounds
@pytest.mark.parametrize("there", [None, "tiny-old"])
def test_two_directories_at_one_place(
    two: Servers, materials: Path, tmp_path: Path, rounds: int, there: str | None
) -> None:
    for _ in range(rounds):
        bundle = start(tmp_path / "work", materials, there)
        command = ("kill_storage:place", "qa", *(["force"] if there else []))
        check_one_winner(run_both(two, [command, command], tmp_path / "work"), bool(there))
        assert open_bundle(bundle, verify=True).manifest.labels[0] == "new-a"
        assert left_over(tmp_path / "work") == []


@rounds
@pytest.mark.parametrize("changed", [False, True])
def test_two_search_builds(two: Servers, tmp_path: Path, rounds: int, changed: bool) -> None:
    """One builds, or both after each other; every file is in the index once."""
    for _ in range(rounds):
        folder = tmp_path / "work"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        kill_apps.prepare_docs(folder, changed=changed)
        before = {str(path) for path in folder.rglob("*")}
        command = ("search", "--build", "docs", "-o", "docs.index", "--bundle", "bundle")
        check_one_winner(run_both(two, [command, command], folder), again=True)
        assert kill_apps.found_in_index(folder) == "3 passages"
        left = {str(path) for path in folder.rglob("*")} - before
        assert {Path(path).name for path in left} <= {"docs.index", "passages.sqlite"}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("there", [None, "tiny-old"])
def test_export_and_export(materials: Path, tmp_path: Path, there: str | None) -> None:
    from tiny import save_checkpoint

    with ExitStack() as stack:
        servers = stack.enter_context(serve(MODULES)), stack.enter_context(serve(MODULES))
        for _ in range(20):
            bundle = start(tmp_path / "work", materials, there)
            save_checkpoint(tmp_path / "work/M", "distilbert", "text-classification")
            command = ("export", "M", "-o", "qa", *(["--force"] if there else []))
            check_one_winner(run_both(servers, [command, command], tmp_path / "work"), bool(there))
            assert open_bundle(bundle, verify=True).manifest.checkpoint.name == "M"
            assert left_over(tmp_path / "work") == []


def check_one_winner(ended: list[Ended], again: bool) -> None:
    """One succeeds; the other too where it came later and may replace, else it says why not."""
    statuses = sorted(each.status for each in ended)
    assert statuses in ([[0, 0], [0, 1]] if again else [[0, 1]]), [each.said for each in ended]
    for each in ended:
        assert "Traceback" not in each.said, each.said
        if each.status:
            [line] = [line for line in each.said.splitlines() if line.startswith("error: ")]
            assert "is writing to" in line or "exists and is not empty" in line


@rounds
@pytest.mark.parametrize(
    ("writer", "variant"), [("place_by_turns", None), ("add_by_turns", "int8")]
)
def test_a_reader_while_a_writer_replaces(
    two: Servers, materials: Path, tmp_path: Path, rounds: int, writer: str, variant: str | None
) -> None:
    """Every load gives one state, whole: all hashes, and an answer of one of the models."""
    bundle = start(tmp_path / "work", materials, "tiny-old")
    text = "a charming film"
    known = {answer(materials / name, None, text) for name in ("tiny-old", "tiny-new")}
    known.add(answer(materials / "tiny-old", "int8", text))
    seen = []
    command = (f"kill_storage:{writer}", "qa", str(10 * rounds))
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(two[0].run, command, tmp_path / "work")
        while not writing.done():
            seen.append(answer(bundle, variant, text))
        assert writing.result().status == 0, writing.result().said
    assert set(seen) <= known
    assert seen
    assert left_over(bundle) == []


def answer(bundle: Path, variant: str | None, text: str) -> tuple[str, float]:
    task = ed.load(bundle, variant=variant, verify=True)
    assert isinstance(task, ed.TextClassification)
    label = task(text)[0]
    return label.label, round(label.score, 5)
