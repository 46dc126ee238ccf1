"""Directories that take their place as a whole: what is there, what gives way, what stays."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_distil._writing import exchange, locks, staging
from edge_distil.errors import BundleExists, PlaceBusy, StorageError


def agree(_: Path) -> None:
    """Anything may be replaced."""


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def make(
    path: Path,
    text: str,
    replaceable: Callable[[Path], None] | None = None,
    meanwhile: Callable[[Path], None] = agree,
) -> None:
    with staging.staged_directory(path, replaceable=replaceable) as staged:
        meanwhile(staged)
        (staged / "onnx").mkdir()
        (staged / "onnx/model.onnx").write_text(text)
        (staged / "edge_distil.json").write_text(text)


def read(path: Path) -> set[str]:
    return {file.read_text() for file in path.rglob("*") if file.is_file()}


@pytest.fixture
def without_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system that cannot let two directories change places."""
    monkeypatch.setattr(exchange, "_find", lambda: None)


def test_the_parents_are_made(tmp_path: Path) -> None:
    make(tmp_path / "a/b/out", "new")
    assert names(tmp_path / "a/b") == [
        "out", "out/edge_distil.json", "out/onnx", "out/onnx/model.onnx",
    ]  # fmt: skip


def test_a_directory_gives_way(tmp_path: Path) -> None:
    make(tmp_path / "out", "old")
    (tmp_path / "out/more").write_text("old")
    make(tmp_path / "out", "new", replaceable=agree)
    assert read(tmp_path / "out") == {"new"}
    assert names(tmp_path)[0] == "out"


@pytest.mark.usefixtures("without_exchange")
def test_a_directory_gives_way_without_the_system_call(tmp_path: Path) -> None:
    test_a_directory_gives_way(tmp_path)


def test_an_empty_directory_is_filled_and_stays(tmp_path: Path) -> None:
    """A shell may be in it."""
    out = tmp_path / "out"
    out.mkdir()
    inode = out.stat().st_ino
    make(out, "new")
    assert out.stat().st_ino == inode
    assert read(out) == {"new"}
    assert names(tmp_path)[0] == "out"


def test_the_working_directory_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("."), "old")
    make(Path("."), "new", replaceable=agree)
    assert read(tmp_path) == {"new"}
    assert sorted(os.listdir(".")) == ["edge_distil.json", "onnx"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
@pytest.mark.parametrize("there", ["absent", "empty", "full"])
def test_a_link_stays_and_its_target_is_filled(tmp_path: Path, there: str) -> None:
    target, link = tmp_path / "disk/target", tmp_path / "link"
    link.symlink_to(target)
    if there == "empty":
        target.mkdir(parents=True)
    if there == "full":
        make(target, "old")
    make(link, "new", replaceable=agree)
    assert link.is_symlink()
    assert read(target) == {"new"}
    assert names(tmp_path / "disk")[0] == "target"


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_what_is_there_stays_without_leave(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / "mine").write_text("mine")
    with pytest.raises(BundleExists, match=r"exists and is not empty.*--force"):
        make(out, "new")
    assert "mine" in (out.read_text() if kind == "file" else read(out))
    assert len(os.listdir(tmp_path)) == 1


def test_what_goes_while_it_is_looked_at_is_looked_at_again(tmp_path: Path) -> None:
    """As where another process puts its own there, under the lock: what was seen is gone."""
    out = tmp_path / "out"
    (out / "onnx").mkdir(parents=True)
    (out / "old").touch()
    looks = []

    def agree(path: Path) -> None:
        looks.append(path)
        if len(looks) == 1:
            (path / "onnx").rmdir()
            os.listdir(path / "onnx")

    with staging.staged_directory(out, replaceable=agree) as staged:
        (staged / "new").touch()
    assert os.listdir(out) == ["new"]
    assert len(looks) > 1


def test_what_comes_there_meanwhile_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def come(_: Path) -> None:
        out.mkdir()
        (out / "mine").write_text("mine")

    with pytest.raises(BundleExists):
        make(out, "new", meanwhile=come)
    assert names(tmp_path) == ["out", "out/mine"]


@pytest.mark.parametrize("there", ["absent", "empty", "full"])
def test_an_interruption_leaves_what_was_there(tmp_path: Path, there: str) -> None:
    out = tmp_path / "out"
    if there == "empty":
        out.mkdir()
    if there == "full":
        make(out, "old")
    before = names(tmp_path)

    def interrupt(_: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(out, "half", replaceable=agree, meanwhile=interrupt)
    assert names(tmp_path) == before


@pytest.mark.parametrize("there", ["absent", "empty", "full"])
def test_the_second_is_refused_while_the_first_works(tmp_path: Path, there: str) -> None:
    out = tmp_path / "out"
    if there == "empty":
        out.mkdir()
    if there == "full":
        make(out, "old")
    with staging.staged_directory(out, replaceable=agree) as staged:
        (staged / "first").write_text("first")
        with pytest.raises(PlaceBusy, match=f"process {os.getpid()} on .* is writing to .*out"):
            make(out, "second", replaceable=agree)
    assert read(out) == {"first"}


def test_leftovers_of_the_dead_go_and_files_of_others_stay(tmp_path: Path) -> None:
    dead = tmp_path / ".out.0123456789abcdef.part"
    dead.mkdir()
    (dead / "half").write_text("half")
    others = [".out.part", ".out.notes.part", ".other.0123456789abcdef.part", ".out2.txt"]
    for name in others:
        (tmp_path / name).write_text("mine")
    make(tmp_path / "out", "new")
    assert sorted(os.listdir(tmp_path)) == sorted([*others, "out"])


def test_scratch_of_the_living_stays(tmp_path: Path) -> None:
    with staging.scratch(tmp_path) as first:
        (first / "half").write_text("half")
        with staging.scratch(tmp_path) as second:
            assert first.is_dir()
            assert second != first
    assert os.listdir(tmp_path) == []


def test_scratch_of_the_dead_goes(tmp_path: Path) -> None:
    dead = tmp_path / ".edge_distil.0123456789abcdef.part"
    dead.mkdir()
    (dead / locks.FILE_NAME).write_text("process 1 on this machine")
    (dead / "half").write_text("half")
    with staging.scratch(tmp_path) as mine:
        assert os.listdir(tmp_path) == [mine.name]
    assert os.listdir(tmp_path) == []


# Directories that go slowly enough for others to look at them meanwhile.
MANY = """
import sys
from pathlib import Path
from edge_distil._writing import staging
for _ in range(150):
    with staging.scratch(Path(sys.argv[1])) as folder:
        for name in "abcdef":
            (folder / name).write_text("half")
"""


def test_many_scratches_at_once(tmp_path: Path) -> None:
    """One goes while another looks whether its maker is alive."""
    command = [sys.executable, "-c", MANY, str(tmp_path)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0] * 3
    assert os.listdir(tmp_path) == []


def test_scratch_whose_directory_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(out, "old")

    def work() -> None:
        with staging.scratch(out) as folder:
            make(out, "new", replaceable=agree)
            (folder / "late").write_text("late")

    with pytest.raises(StorageError, match="was replaced or removed by another process"):
        work()
    assert read(out) == {"new"}
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.skipif(os.name == "nt", reason="errors of POSIX")
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("file/out", "a parent of the path is a file"),
        ("circle/out", "its symbolic links go in a circle"),
        ("x" * 300, "the name is too long"),
    ],
)
def test_each_error_names_its_own_cause(tmp_path: Path, path: str, said: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(StorageError, match=said) as caught:
        make(tmp_path / path, "new")
    assert "space" not in str(caught.value)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENXIO, errno.EXDEV])
def test_an_error_that_nobody_expects_is_in_the_systems_words(tmp_path: Path, code: int) -> None:
    out = tmp_path / "out"
    with (
        pytest.raises(StorageError, match=os.strerror(code)) as caught,
        staging.staged_directory(out) as staged,
    ):
        raise OSError(code, os.strerror(code), str(staged / "onnx/model.onnx"))
    assert "\n" not in str(caught.value)


def test_an_error_about_a_file_elsewhere_is_not_about_the_output(tmp_path: Path) -> None:
    """As where the checkpoint may not be read."""
    with pytest.raises(PermissionError) as caught, staging.staged_directory(tmp_path / "out"):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "weights"))
    assert not isinstance(caught.value, StorageError)
