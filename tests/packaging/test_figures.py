"""Figures in documents come from committed JSON: written where marked, and a difference is seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tables import publish
from tables.int8 import fidelity

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


def test_what_is_not_measured_yet_stands_as_it_was_typed(
    figures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (figures / "a" / "b.json").unlink()
    assert publish.filled(TEXT) == TEXT
    (figures / "README.md").write_text(TEXT)
    monkeypatch.setattr(publish, "REPOSITORY", figures)
    monkeypatch.setattr("sys.argv", ["publish.py", "--check"])
    publish.main()
    assert "still typed by hand, for want of a/b.json" in capsys.readouterr().out


def test_a_key_has_no_blanks_and_nothing_that_ends_a_comment(figures: Path) -> None:
    (figures / "a" / "b.json").write_text(json.dumps({"cli --avx2, a": {"f_1": [7, 8.5]}}))
    mark = "<!-- figure a/b.json cli_avx2,_a.f_1.1 .2f -->{}<!-- /figure -->"
    assert publish.filled(mark.format(9)) == mark.format("8.50")


def test_int8_s_table_is_made_from_json_as_it_was_printed() -> None:
    own = {
        "size": 0.2541, "cosine_mean": 0.99937, "cosine_p1": 0.9986, "cosine_min": 0.997,
        "spearman": 86.714, "milliseconds": [7.14, 7, 8], "over_fp32": [2.12, 2.1, 2.13],
        "over_per_tensor": [1, 0.99, 1.01],
    }  # fmt: skip
    found = fidelity.render({"machine": "a machine", "figures": {"int8": own}, "failed": {}})
    assert found.splitlines()[0] == "a machine"
    assert found.splitlines()[-1] == (
        "| int8 | 0.254 | 0.9994 | 0.9986 | 0.9970 | 86.71 | 7.14 | 2.12 (2.10-2.13) "
        "| 1.00 (0.99-1.01) |"
    )


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
