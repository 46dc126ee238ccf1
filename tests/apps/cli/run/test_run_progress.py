"""``edge-distil run`` on long texts: a bar for who watches, silence in a pipe, any length."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command import on_a_terminal

TINY = Path(__file__).parents[3] / "golden" / "tiny"
SENTENCE = "The keeper of the old light lives in London. "
LINES = {
    "question_answering": ["-q", "who keeps the light?", "-c", "@long.txt"],
    "token_classification": [],
}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "long.txt").write_text(SENTENCE * 3000)  # 135,000 characters
    return tmp_path


def command(name: str) -> list[str]:
    program = [sys.executable, "-P", "-m", "edge_distil_apps.cli"]
    return [*program, "run", str(TINY / name), *LINES[name], "--json"]


@pytest.mark.parametrize("name", LINES)
def test_a_pipe_hears_nothing_of_progress(name: str, work: Path) -> None:
    with (work / "long.txt").open() as text:
        done = subprocess.run(
            command(name), cwd=work, stdin=text, capture_output=True, text=True, check=True
        )
    assert done.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("name", LINES)
def test_a_terminal_shows_a_bar(name: str, work: Path) -> None:
    with (work / "long.txt").open() as text:
        shown = on_a_terminal(command(name), cwd=work, stdin=text)
    assert "characters" in shown
    assert "/135000" in shown
