"""Files that search meets: odd names, no right to read, scripts without blanks; and threads."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from command import Command
from hypothesis import given
from hypothesis import strategies as st
from rights import without_rights

from edge_distil.errors import InputError
from edge_distil_apps.search import open_index
from edge_distil_apps.search.build import build
from edge_distil_apps.search.full_text import MARKS
from edge_distil_apps.search.scripts import spaced, unspaced

ODD = os.fsdecode(b"caf\xe9\n\x1b.txt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "sub").mkdir(parents=True)
    for name in ("a.txt", "sub/b.txt", "sub/c.md"):
        (tmp_path / "docs" / name).write_text(f"The storm took {name[-5]} lamp.")
    return tmp_path / "docs"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems want names in Unicode")
def test_names_that_are_no_utf_8(
    folder: Path, embedding: Path, tmp_path: Path, edge_distil: Command
) -> None:
    (folder / ODD).write_text("An old lighthouse.")
    place = tmp_path / "index"
    assert build(folder, place, bundle=embedding).added == 4
    again = build(folder, place)
    assert (again.unchanged, again.removed) == (4, 0)
    with open_index(place) as index:
        assert [hit.file for hit in index.search("lighthouse", mode="words")] == [ODD]
    for flags in ([], ["--json"]):
        result = edge_distil("search", place, "lighthouse", "--mode", "words", *flags)
        assert (result.status, "lighthouse" in result.out) == (0, True)
        assert "\x1b" not in result.out
    (folder / ODD).unlink()
    assert build(folder, place).removed == 1


def test_what_may_not_be_read_stays_in_the_index(
    folder: Path, embedding: Path, tmp_path: Path
) -> None:
    place = tmp_path / "index"
    assert build(folder, place, bundle=embedding).passages == 3
    for path in (place, *place.iterdir()):
        path.chmod(0o777)
    for time, (closed, mode) in enumerate([("sub", 0), ("sub", 0o444), ("a.txt", 0)]):
        before = (folder / closed).stat().st_mode
        os.utime(folder / "a.txt", (time, time))  # it is to be read again
        (folder / closed).chmod(mode)
        try:
            with without_rights(tmp_path):
                report = build(folder, place)
        finally:
            (folder / closed).chmod(before)
        assert (report.removed, report.passages) == (0, 3), closed
        assert report.skipped
        assert all("Permission denied" in reason for reason in report.skipped.values())
        assert all(name.startswith(closed) for name in report.skipped)
    (folder / "sub" / "b.txt").unlink()
    assert build(folder, place).removed == 1


def test_a_folder_of_which_nothing_may_be_read(folder: Path, tmp_path: Path) -> None:
    (folder / "a.txt").unlink()
    (folder / "sub").chmod(0)
    try:
        with (
            without_rights(tmp_path),
            pytest.raises(InputError, match=r"sub cannot be read \(Permission denied\)"),
        ):
            build(folder, tmp_path / "index", bundle=tmp_path)
    finally:
        (folder / "sub").chmod(0o700)


SENTENCES = {
    "ja.txt": "東京の灯台守は古いランプを磨いた。",
    "zh.txt": "我们在北京的图书馆里读书。",
    "ko.txt": "학생들이 학교에서 책을 읽었다.",
    "th.txt": "ฉันรักภาษาไทยมาก",
    "rare.txt": "𠮷野家で昼食。",
    "mixed.txt": "The iPhone充電器 is new.",
}


@pytest.mark.parametrize(
    ("query", "file", "marked"),
    [
        ("東京", "ja.txt", "東京"),
        ("灯台", "ja.txt", "灯台"),
        ("灯台守", "ja.txt", "灯台守"),
        ("ランプ", "ja.txt", "ランプ"),
        ("古いランプはどこ？", "ja.txt", None),
        ("北京", "zh.txt", "北京"),
        ("图书馆", "zh.txt", "图书馆"),
        ("书", "zh.txt", "书"),
        ("학교", "ko.txt", "학교"),
        ("ภาษา", "th.txt", None),
        ("𠮷野", "rare.txt", "𠮷野"),
        ("充電器", "mixed.txt", "充電器"),
        ("iphone", "mixed.txt", "iPhone"),
    ],
)
def test_words_of_scripts_without_blanks(
    embedding: Path, tmp_path_factory: pytest.TempPathFactory, query: str, file: str, marked: str
) -> None:
    base = tmp_path_factory.getbasetemp() / "scripts"
    if not base.exists():
        (base / "docs").mkdir(parents=True)
        for name, text in SENTENCES.items():
            (base / "docs" / name).write_text(text, encoding="utf-8")
        build(base / "docs", base / "index", bundle=embedding)
    with open_index(base / "index") as index:
        hits = index.search(query, mode="words")
    assert hits[0].file == file
    assert hits[0].text == SENTENCES[file]
    plain = hits[0].marked.replace(MARKS[0], "").replace(MARKS[1], "")
    assert plain == SENTENCES[file]
    if marked:
        joined = hits[0].marked.replace(MARKS[1] + MARKS[0], "")
        assert f"{MARKS[0]}{marked}{MARKS[1]}" in joined


def test_nothing_is_left_of_a_removed_text(embedding: Path, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for name, text in SENTENCES.items():
        (tmp_path / "docs" / name).write_text(text, encoding="utf-8")
    build(tmp_path / "docs", tmp_path / "index", bundle=embedding)
    (tmp_path / "docs" / "ja.txt").unlink()
    build(tmp_path / "docs", tmp_path / "index")
    with open_index(tmp_path / "index") as index:
        assert index.search("東京", mode="words") == []


@given(st.text("a 東京ไทย한글𠮷.", max_size=20))
def test_spaces_are_put_in_and_taken_out(text: str) -> None:
    assert unspaced(spaced(text)) == text


def test_threads_take_turns(folder: Path, embedding: Path, tmp_path: Path) -> None:
    place = tmp_path / "index"
    build(folder, place, bundle=embedding)
    queries = ["storm", "lamp b", "took a", "c"] * 8
    with open_index(place) as index:
        expected = [index.search(query) for query in queries]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(index.search, queries)) == expected
    with pytest.raises(InputError, match=r"is closed .*: open it again"):
        index.search("storm")


def test_a_folder_of_texts_in_the_place_of_an_index(
    folder: Path, embedding: Path, edge_distil: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    result = edge_distil("search", "docs", "storm")
    assert result.status == 1
    assert "docs is not an index" in result.err
    assert "search --build docs -o docs.index --bundle BUNDLE" in result.err
    assert (
        edge_distil("search", *"--build docs -o docs.index --bundle".split(), embedding).status == 0
    )
    result = edge_distil("search", "docs.index", "storm", "--mode", "foo")
    assert "'foo' is not one of hybrid, vector, words" in result.err
    result = edge_distil("search", "docs.index", 'C++ AND (NEAR "x', "--mode", "words")
    assert result.status == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"caf\xe9", "it is not UTF-8 text (byte 0xe9 at offset 3)"),
        (b"\x1f\x8b\x08", "it is compressed (gzip)"),
        ("storm".encode("utf-16-le"), "it looks like UTF-16 without a byte order mark"),
    ],
)
def test_files_that_are_no_text(
    folder: Path, embedding: Path, tmp_path: Path, data: bytes, reason: str
) -> None:
    (folder / "bad.txt").write_bytes(data)
    (folder / "good.txt").write_bytes("Ein Leuchtturm über See.".encode("utf-16"))
    report = build(folder, tmp_path / "index", bundle=embedding)
    assert report.passages == 4
    assert list(report.skipped) == ["bad.txt"]
    assert report.skipped["bad.txt"].startswith(reason)


@pytest.mark.skipif(sys.platform == "win32", reason="makes a pipe")
def test_pipes_and_links_that_lead_out_are_named_and_not_read(
    folder: Path, embedding: Path, tmp_path: Path
) -> None:
    os.mkfifo(folder / "pipe.txt")
    (tmp_path / "secret.txt").write_text("The storm of another folder.")
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "inside.txt").symlink_to(folder / "a.txt")
    report = build(folder, tmp_path / "index", bundle=embedding)
    assert report.added == 4
    assert report.skipped == {
        "pipe.txt": "is not a regular file",
        "out.txt": "is a link that leads out of the folder",
    }
