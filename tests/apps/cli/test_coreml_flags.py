"""``export --coreml`` where it cannot be done."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from command import Command

from edge_distil._machine import installation


def test_without_the_extra(
    edge_distil: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "coremltools", None)
    result = edge_distil("export", tmp_path, "-o", tmp_path / "out", "--coreml")
    assert result.status == 1
    assert "this needs coremltools" in result.err
    assert installation.install("coreml") in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--coreml-compress", "int8"], "add that flag"),
        (["--coreml", "--coreml-compress", "int2"], "expected one of int8"),
        (["--coreml", "--coreml-target", "iOS12"], "iOS12"),
        (["--coreml", "--coreml-precision", "fp8"], "fp8"),
        (["--coreml", "--position-ids"], "leave one of them out"),
    ],
)
def test_wrong_flags(edge_distil: Command, tmp_path: Path, flags: list[str], message: str) -> None:
    result = edge_distil("export", tmp_path, "-o", tmp_path / "out", *flags)
    assert result.status == 2
    assert message in result.err
    assert not (tmp_path / "out").exists()
