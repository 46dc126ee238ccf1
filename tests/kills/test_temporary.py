"""Temporary files of a verb: in its own folder, of its children too, and as before afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge_distil._writing.temporary import temporaries_in

CHILD = [sys.executable, "-c", "import tempfile; print(tempfile.gettempdir())"]


@pytest.fixture(autouse=True)
def variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    (tmp_path / "users").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "users"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield
    assert (os.environ["TMPDIR"], tempfile.gettempdir()) == (str(tmp_path / "users"),) * 2


def test_this_process_and_its_children(tmp_path: Path) -> None:
    with temporaries_in(tmp_path / "own"):
        seen = subprocess.run(CHILD, capture_output=True, text=True, check=True).stdout.strip()
        assert seen == tempfile.gettempdir() == str(tmp_path / "own")
    assert not (tmp_path / "own").exists()


def test_no_library_makes_it_anew_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch remembers the place of its compiler's cache in the environment."""
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")  # is put back as it was
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    with temporaries_in(tmp_path / "own"):
        assert Path(cache_dir()).parent == tmp_path / "own"
    assert Path(cache_dir()).parent == tmp_path / "users"
    assert not (tmp_path / "own").exists()


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "left").write_text("")
    with temporaries_in(tmp_path / "own"):
        assert os.listdir(tmp_path / "own") == []


def test_two_that_end_in_the_order_in_which_they_began(tmp_path: Path) -> None:
    """As two threads do; no folder that is gone may stay the process's."""
    first, second = ExitStack(), ExitStack()
    first.enter_context(temporaries_in(tmp_path / "first"))
    second.enter_context(temporaries_in(tmp_path / "second"))
    first.close()
    assert tempfile.gettempdir() == str(tmp_path / "second")
    second.close()
