"""What cannot be written is refused before the work, by the name that the user gave."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import Command
from rights import without_rights


@pytest.fixture
def folder(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: texts, and a folder that takes nothing."""
    (tmp_path / "texts.txt").write_text("storm\nlamp\n")
    (tmp_path / "file").write_text("")
    (tmp_path / "closed").mkdir(mode=0o555)
    (tmp_path / "cache").mkdir(mode=0o777)
    (tmp_path / "cache").chmod(0o777)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


EMBED = ["embed", "BUNDLE", "texts.txt", "-o"]
PIPED = ["embed", "BUNDLE", "-", "-o"]
BENCH = ["bench", "BUNDLE", "--quick", "-o"]


@pytest.mark.parametrize(
    ("words", "output"), [(EMBED, "v.npy"), (EMBED, "v/"), (PIPED, "v.parquet"), (BENCH, "b.json")]
)
def test_the_user_is_told_of_the_file_that_he_named(
    words: list[str], output: str, edge_distil: Command, tiny: Path, folder: Path
) -> None:
    words = [str(tiny / "embedding") if word == "BUNDLE" else word for word in words]
    for place in (f"file/{output}", f"file/deeper/{output}"):  # also: it loads what it needs
        done = edge_distil(*words, place, stdin=b"storm\n")
        assert (done.status, done.out) == (1, "")
        assert "a parent of the path is a file" in done.err, done.err
    with without_rights(folder):
        done = edge_distil(*words, f"closed/{output}", stdin=b"storm\n")
    assert (done.status, done.out) == (1, "")
    where = f"closed/{output}".rstrip("/")
    assert f"error: cannot write {where}: permission denied" in done.err, done.err
    assert "choose a path that you may write to" in done.err


def test_a_folder_that_was_made_goes_where_nothing_came_of_it(
    edge_distil: Command, tiny: Path, folder: Path
) -> None:
    (folder / "bad.jsonl").write_text("[1]\n[2]\n")
    done = edge_distil("embed", tiny / "embedding", "bad.jsonl", "-o", "a/b/v.npy")
    assert done.status == 1
    done = edge_distil("embed", tiny / "embedding", "-", "-o", "a/b/v.npy", stdin=b"")
    assert (done.status, "is empty" in done.err) == (1, True)
    done = edge_distil("bench", tiny / "embedding", "--variant", "fp64", "-o", "a/b/bench.json")
    assert done.status == 2
    assert not (folder / "a").exists()


def test_what_is_there_is_replaced_on_request_alone(
    edge_distil: Command, tiny: Path, folder: Path
) -> None:
    words = ["bench", tiny / "embedding", "--variant", "fp64", "-o"]  # it ends before the work
    mine, ours = folder / "mine.json", folder / "ours.json"
    mine.write_text('{"my": "letters"}')
    ours.write_text(json.dumps({"schema": "edge-distil/measurements", "schema_version": 2}))
    done = edge_distil(*words, ours)
    assert (done.status, done.out) == (1, "")
    assert "ours.json exists: choose another file, or replace it with --force" in done.err
    assert "fp64" in edge_distil(*words, ours, "--force").err
    for flags in ([], ["--force"]):
        assert "mine.json holds no measurements" in edge_distil(*words, mine, *flags).err
    assert mine.read_text() == '{"my": "letters"}'


@pytest.mark.parametrize(
    "words",
    [
        ["embed", "bundle", "texts.txt"],
        ["export", "checkpoint"],
        ["distil", "teacher", "--data", "texts.txt", "--layers", "1"],
        ["study", "--quick"],
        ["bench", "bundle"],
        ["search", "--build", "docs"],
    ],
    ids=lambda words: words[0],
)
def test_an_output_is_a_name(words: list[str], edge_distil: Command, folder: Path) -> None:
    for output, says in {
        "": "the name is empty",
        " ": "the name is empty",
        "--force": "looks like an option",
        "-x": "or ./-x if that is its name",
    }.items():
        done = edge_distil(*words, "-o", output)
        assert (done.status, done.out) == (2, ""), done.err
        assert says in done.err.replace("\n│ ", " ").replace(" │", ""), done.err


def test_what_is_read_stays_whole(edge_distil: Command, tiny: Path, folder: Path) -> None:
    pytest.importorskip("pyarrow")
    words = ["embed", tiny / "embedding"]
    assert edge_distil(*words, "texts.txt", "--keep", "text", "-o", "in.parquet").status == 0
    before = (folder / "in.parquet").read_bytes()
    done = edge_distil(*words, "in.parquet", "-o", "./in.parquet", "--force")
    assert (done.status, done.out) == (1, "")
    assert "the output in.parquet is the input itself" in done.err
    assert (folder / "in.parquet").read_bytes() == before
    (folder / "docs").mkdir()
    (folder / "docs" / "a.txt").write_text("storm\n")
    for output in ("docs/v.npy", "docs/deeper/v/", "docs"):
        done = edge_distil(*words, "docs", "-o", output)
        assert done.status == 1
        assert "input" in done.err, done.err
    assert [path.name for path in (folder / "docs").iterdir()] == ["a.txt"]
