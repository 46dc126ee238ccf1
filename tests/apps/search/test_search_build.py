"""Indexes that are built again, killed, read meanwhile, moved, damaged."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command import Command
from search_texts import LEAST_RECALL, WORDS, everything, places, recall

from edge_distil.errors import InputError
from edge_distil_apps.search import build, open_index


def test_building_again_embeds_what_changed_alone(
    docs: Path, embedding: Path, tmp_path: Path
) -> None:
    folder, place = Path(shutil.copytree(docs, tmp_path / "docs")), tmp_path / "index"
    build(folder, place, bundle=embedding)
    (folder / "00.txt").unlink()
    (folder / "01.txt").write_text("A new text.")
    (folder / "sub").mkdir()
    (folder / "sub" / "new.md").write_text("# Storm\n\nThe ship sat on the mat.")
    os.utime(folder / "02.txt")  # another time, the same text
    report = build(folder, place)
    counts = (report.added, report.changed, report.removed, report.unchanged, report.embedded)
    assert counts == (1, 1, 1, 28, 2)
    assert build(folder, place).unchanged == 30
    build(folder, tmp_path / "again", bundle=embedding)
    assert places(place) == places(tmp_path / "again")


def test_a_graph_follows_the_changes(docs: Path, embedding: Path, tmp_path: Path) -> None:
    folder, place = Path(shutil.copytree(docs, tmp_path / "docs")), tmp_path / "index"
    build(folder, place, bundle=embedding, graph_above=0)
    for number in range(6):  # the graph is updated at first, and made again in the end
        for file in list(folder.iterdir())[: number + 1]:
            file.write_text(f"{WORDS[number]} " + file.read_text())
        build(folder, place, graph_above=0)
        assert len(list(place.glob("*.usearch"))) == 1
    build(folder, tmp_path / "exact", bundle=embedding)
    assert places(place) == places(tmp_path / "exact")
    assert recall(place, tmp_path / "exact") >= LEAST_RECALL
    assert len(everything(place)) == len(places(place))


KILLED = """
import os, signal, sys
from edge_distil_apps.search import build as api
import edge_distil_apps.search.build
module = sys.modules["edge_distil_apps.search.build"]
module._AT_ONCE = 20  # two files a transaction
die = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[4] == "graph":
    module.write_graph = die
progress = lambda done, total: die() if str(done) == sys.argv[4] else None
module.build(sys.argv[1], sys.argv[2], bundle=sys.argv[3], progress=progress, graph_above=0)
"""


@pytest.mark.parametrize("moment", ["7", "graph"])
def test_a_killed_build_goes_on(
    docs: Path, index: Path, embedding: Path, tmp_path: Path, moment: str
) -> None:
    """Killed between two files, and between the commit and the graph."""
    place = tmp_path / "index"
    command = [sys.executable, "-c", KILLED, *map(str, (docs, place, embedding)), moment]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == -signal.SIGKILL, run.stderr
    before = everything(place)  # readers see what was written: whole files, searched exactly
    assert len(before) % 10 == 0
    report = build(docs, place, graph_above=0)
    assert report.embedded == 300 - len(before)
    assert report.unchanged == len(before) / 10
    assert len(list(place.glob("*.usearch"))) == 1
    assert places(place) == places(index)
    assert recall(place, index) >= LEAST_RECALL
    assert len(everything(place)) == len(places(place))


def test_an_unfinished_index_says_so(
    edge_distil: Command, docs: Path, embedding: Path, tmp_path: Path
) -> None:
    """Killed before the first passages, and after some: the second is answered, with a note."""
    place = tmp_path / "index"
    for moment in ("0", "graph"):
        command = [sys.executable, "-c", KILLED, *map(str, (docs, place, embedding)), moment]
        subprocess.run(command, capture_output=True, check=False)
        result = edge_distil("search", place, "storm lamp")
        assert result.status == (1 if moment == "0" else 0)
        assert f"{place} is unfinished" in result.err.replace("\n", " ")
        assert f"search --build {docs} -o {place}" in result.err.replace("\n", " ")
    assert edge_distil("search", "--build", docs, "-o", place).status == 0
    assert "unfinished" not in edge_distil("search", place, "storm lamp").err


def test_one_build_at_a_time(
    edge_distil: Command, docs: Path, embedding: Path, tmp_path: Path
) -> None:
    place = tmp_path / "index"
    heard = []

    def another(done: int, total: int) -> None:
        if done == 3:
            heard.append(edge_distil("search", "--build", docs, "-o", place, "--bundle", embedding))

    build(docs, place, bundle=embedding, progress=another)
    [result] = heard
    assert result.status == 1
    assert f"is writing to {place}: wait" in result.err
    assert len(everything(place)) == 300
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


@pytest.mark.safety
@pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_two_builds_at_once_lose_nothing(
    docs: Path, embedding: Path, tmp_path: Path, rounds: int
) -> None:
    for number in range(rounds):
        place = tmp_path / f"index-{number}"
        words = ["search", "--build", docs, "-o", place, "--bundle", embedding]
        command = [sys.executable, "-m", "edge_distil_apps.cli", *map(str, words)]
        both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
        said = [process.communicate()[1] for process in both]
        statuses = sorted(process.returncode for process in both)
        assert statuses in ([0, 0], [0, 1]), said
        assert "Traceback" not in "".join(said)
        assert statuses[1] == "".join(said).count("is writing to")
        assert len(everything(place)) == 300
        assert not list(tmp_path.glob(".*"))


def test_readers_see_whole_files_while_a_build_runs(
    docs: Path, embedding: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["edge_distil_apps.search.build"], "_AT_ONCE", 60)
    seen = []

    def look(done: int, total: int) -> None:
        if done % 6:  # six files a transaction
            return
        with open_index(tmp_path / "index") as opened:
            found = opened.search("storm lamp", k=300, mode="vector")
        files = [hit.file for hit in found]
        assert all(files.count(name) == 10 for name in files)
        seen.append(len(found))

    build(docs, tmp_path / "index", bundle=embedding, progress=look)
    assert seen == [0, 60, 120, 180, 240, 300]


def test_an_open_index_sees_the_next_build(docs: Path, embedding: Path, tmp_path: Path) -> None:
    folder, place = Path(shutil.copytree(docs, tmp_path / "docs")), tmp_path / "index"
    build(folder, place, bundle=embedding)
    with open_index(place) as opened:
        assert len(opened.search("storm", k=1000, mode="vector")) == 300
        (folder / "00.txt").unlink()
        build(folder, place)
        assert len(opened.search("storm", k=1000, mode="vector")) == 290


def test_what_cannot_be_read_is_skipped_and_said(embedding: Path, tmp_path: Path) -> None:
    folder, place = tmp_path / "docs", tmp_path / "index"
    folder.mkdir()
    (folder / "good.txt").write_text("The cat sat on the mat.")
    (folder / "bad.txt").write_bytes(b"\xff\xfe\x00")
    (folder / "empty.txt").touch()
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "no.txt").write_text("not this")
    report = build(folder, place, bundle=embedding)
    assert (report.added, report.passages, list(report.skipped)) == (2, 1, ["bad.txt"])
    (folder / "good.txt").write_bytes(b"\xff")  # what the index holds stands there no longer
    with pytest.raises(InputError, match="no text that can be read"):
        build(folder, place)


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))  # bytes: what a full disk would do
from edge_distil_apps.cli import main
main()
"""


def test_a_full_disk_is_one_clear_line_and_the_next_build_goes_on(
    docs: Path, embedding: Path, tmp_path: Path
) -> None:
    place = tmp_path / "index"
    arguments = ["search", "--build", docs, "-o", place, "--bundle", embedding]
    command = [sys.executable, "-c", FULL, *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (1, "")
    assert len(run.stderr.splitlines()) == 1
    assert "see that there is room" in run.stderr
    assert build(docs, place).passages == 300


COMMANDS = [
    (1, "no .txt", "--build EMPTY -o NEW --bundle EMBEDDING"),
    (1, "not a folder", "--build ABSENT -o NEW --bundle EMBEDDING"),
    (1, "needs an embedding bundle", "--build DOCS -o NEW"),
    (1, "no bundle at", "--build DOCS -o NEW --bundle ABSENT"),
    (1, "or sparse-embedding", "--build DOCS -o NEW --bundle QA"),
    (2, "no variant", "--build DOCS -o NEW --bundle EMBEDDING --variant int3"),
    (1, "is not empty and is not an index", "--build DOCS -o DOCS --bundle EMBEDDING"),
    (1, "the index is of", "--build OTHER -o INDEX"),
    (1, "built with fp32", "--build DOCS -o INDEX --variant int8"),
    (1, "no index at", "ABSENT storm"),
    (1, "expected some words", "INDEX BLANK"),
    (2, "hybrid, vector, words", "INDEX storm --mode fuzzy"),
    (1, "expected question-answering", "INDEX storm --answer --qa EMBEDDING"),
    (2, "to search, give", "INDEX"),
    (2, "--answer needs --qa", "INDEX storm --answer"),
    (2, "to build, give", "--build DOCS"),
    (2, "to build, give", "INDEX storm --build DOCS -o NEW"),
]


@pytest.mark.parametrize(("status", "message", "command"), COMMANDS)
def test_what_goes_wrong_is_one_clear_line(
    status: int,
    message: str,
    command: str,
    edge_distil: Command,
    docs: Path,
    index: Path,
    tiny: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.txt").write_text("storm")
    names = {
        "EMPTY": tmp_path / "empty", "OTHER": tmp_path / "other", "NEW": tmp_path / "new",
        "ABSENT": tmp_path / "absent", "DOCS": docs, "INDEX": index, "BLANK": " ",
        "EMBEDDING": tiny / "embedding", "QA": tiny / "question_answering",
    }  # fmt: skip
    result = edge_distil("search", *(names.get(word, word) for word in command.split()))
    assert (result.status, result.out) == (status, "")
    assert message in " ".join(result.err.replace("│", " ").split())
    assert status == 2 or len(result.err.splitlines()) == 1
    assert not (tmp_path / "new").exists()


# What is shown
