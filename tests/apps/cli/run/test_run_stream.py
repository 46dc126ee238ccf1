"""``edge-distil run`` on lines of stdin: each is answered as it comes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command import Command

import edge_distil as ed

PROGRAM = [sys.executable, "-P", "-m", "edge_distil_apps.cli", "run"]


def test_a_line_is_answered_before_the_next_one_is_there(tiny: Path) -> None:
    bundle = tiny / "token_classification"
    with subprocess.Popen(
        [*PROGRAM, str(bundle)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in ("Ada lives in London", "storm", "Ada"):
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
            for entity in ed.load(bundle)(line):
                assert entity.text in process.stdout.readline()
        process.stdin.close()
        assert process.stdout.read() == ""


@pytest.mark.parametrize("name", ["text_classification", "token_classification", "fill_mask"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_those_of_a_file(name: str, end: str, tiny: Path, edge_distil: Command) -> None:
    lines = [f"Ada lives {'in the old ship ' * (n % 3)}[MASK] {n}" for n in range(100)]
    whole = edge_distil("run", tiny / name, *lines)
    assert whole.status == 0
    for last in (end, ""):
        stdin = (end.join(lines) + last).encode()
        assert edge_distil("run", tiny / name, stdin=stdin).out == whole.out


def test_what_comes_before_a_wrong_line_is_answered(tiny: Path, edge_distil: Command) -> None:
    found = edge_distil("run", tiny / "fill_mask", stdin=b"a [MASK]\nno mask\na [MASK]\n")
    assert found.status == 1
    assert (
        found.out.splitlines()
        == edge_distil("run", tiny / "fill_mask", "a [MASK]").out.splitlines()
    )
    assert "line 2 of stdin: no mask stands" in found.err
    lines = b'{"text": "a storm"}\n\n{"text": 5}\n'
    found = edge_distil("run", tiny / "text_classification", "--jsonl", stdin=lines)
    assert len(found.out.splitlines()) == 1
    assert "line 3 of stdin has 5" in found.err
    found = edge_distil("run", tiny / "text_classification", stdin=b"a storm\n\xff\n")
    assert "byte 0xff at offset 8" in found.err


def test_a_file_with_a_mark_is_text(tiny: Path, edge_distil: Command) -> None:
    text = "a charming film\na storm\n"
    wanted = edge_distil("run", tiny / "text_classification", stdin=text.encode()).out
    for encoding in ("utf-16", "utf-8-sig"):
        found = edge_distil("run", tiny / "text_classification", stdin=text.encode(encoding))
        assert found.out == wanted
