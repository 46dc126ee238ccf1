"""When an environment is made, and what it is made of."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from run_clients import NODE_CLIENT

from environments import REQUIREMENTS, ensure, stamp_of


def test_ensure_installs_once_a_stamp(tmp_path: Path) -> None:
    made: list[str] = []
    for stamp in ("a", "a", "b", "b"):
        ensure(tmp_path / "client", stamp, partial(made.append, stamp))
    assert made == ["a", "b"]


def test_ensure_starts_from_an_empty_folder(tmp_path: Path) -> None:
    folder = tmp_path / "client"
    ensure(folder, "a", lambda: (folder / "old").touch())
    ensure(folder, "b", lambda: None)
    assert not (folder / "old").exists()


def test_ensure_tries_again_after_a_failure(tmp_path: Path) -> None:
    folder = tmp_path / "client"
    made: list[str] = []

    def fail() -> None:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011  (no message: it is only passed on)
        ensure(folder, "a", fail)
    ensure(folder, "a", partial(made.append, "a"))
    assert made == ["a"]


def test_stamp_follows_the_contents(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("numpy==1", encoding="utf-8")
    before = stamp_of([file], "3.11")
    assert stamp_of([file], "3.11") == before
    assert stamp_of([file], "3.12") != before
    file.write_text("numpy==2", encoding="utf-8")
    assert stamp_of([file], "3.11") != before


def test_every_requirement_is_pinned() -> None:
    files = sorted(REQUIREMENTS.glob("*.txt"))
    assert files
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines()
        assert all("==" in line for line in lines if line and not line.startswith("#")), file.name


def test_npm_package_is_pinned() -> None:
    package = json.loads((NODE_CLIENT / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((NODE_CLIENT / "package-lock.json").read_text(encoding="utf-8"))
    for name, version in package["dependencies"].items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
