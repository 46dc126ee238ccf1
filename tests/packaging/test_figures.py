"""Figures in documents come from committed JSON: written where marked, and a difference is seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tables import publish

TEXT = (
    "before <!-- figure a/b.json rows.1.speed .2f -->9<!-- /figure -->\n"
    "<!-- table one -->\nold\n<!-- /table -->\nafter\n"
)


@pytest.fixture
def figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.json").write_text(json.dumps({"rows": [{"speed": 1}, {"speed": 1.239}]}))
    monkeypatch.setattr(publish, "HERE", tmp_path)
    shown = lambda found: f"| {found['rows'][0]['speed']} |"  # noqa: E731
    monkeypatch.setattr(publish, "TABLES", {"one": ("a/b.json", shown)})
    return tmp_path


def test_marks_are_filled_and_the_rest_stays(figures: Path) -> None:
    found = publish.filled(TEXT)
    assert found == (
        "before <!-- figure a/b.json rows.1.speed .2f -->1.24<!-- /figure -->\n"
        "<!-- table one -->\n\n| 1 |\n\n<!-- /table -->\nafter\n"
    )
    assert publish.filled(found) == found


def test_a_mark_that_names_nothing_is_an_error(figures: Path) -> None:
    with pytest.raises(KeyError):
        publish.filled(TEXT.replace("table one", "table two"))
    with pytest.raises(KeyError):
        publish.filled(TEXT.replace("rows.1.speed", "rows.1.time"))


def test_a_difference_fails_the_check(
    figures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (document := figures / "README.md").write_text(TEXT)
    monkeypatch.setattr(publish, "REPOSITORY", figures)
    monkeypatch.setattr("sys.argv", ["publish.py", "--check"])
    with pytest.raises(SystemExit, match=r"differ from the committed JSON in README\.md"):
        publish.main()
    assert document.read_text() == TEXT
    monkeypatch.setattr("sys.argv", ["publish.py"])
    publish.main()
    monkeypatch.setattr("sys.argv", ["publish.py", "--check"])
    publish.main()
    assert capsys.readouterr().out.splitlines()[-1] == "figures are current"
