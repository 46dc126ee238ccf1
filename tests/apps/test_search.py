"""Search against numpy's exact order, SQLite's own bm25, and hand-computed fusion."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from command import Command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import edge_distil as ed
from edge_distil.errors import BundleNotFound, InputError, TaskError
from edge_distil_apps.search import Hit, answer, build, open_index
from edge_distil_apps.search.fusion import fuse
from edge_distil_apps.search.store import Store
from edge_distil_apps.search.words import MARKS

WORDS = (
    "light keeper film charming dull lovely ada london paris bern lives works acme river sea ship "
    "storm lamp oil old new great small red blue green cat dog mat one two three four five"
).split()
# Vectors are kept as 16-bit floats: a cosine moves by at most this.
HALF = 1e-3
LEAST_RECALL = 0.98


def write_texts(folder: Path, files: int = 30, seed: int = 0) -> Path:
    """Write files of some ten short passages each, no two alike."""
    folder.mkdir()
    draw = random.Random(seed)
    for number in range(files):
        paragraphs = [
            " ".join(draw.choices(draw.sample(WORDS, 12), k=150)) + "." for _ in range(10)
        ]
        (folder / f"{number:02}.txt").write_text("\n\n".join(paragraphs))
    return folder


@pytest.fixture(scope="module")
def embedding() -> Path:
    return Path(__file__).parents[1] / "golden" / "tiny" / "embedding"


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texts(tmp_path_factory.mktemp("texts") / "docs")


@pytest.fixture(scope="module")
def index(docs: Path, embedding: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("index") / "index"
    assert build(docs, place, bundle=embedding).passages == 300
    return place


def everything(index: Path, query: str = "storm at sea") -> list[Hit]:
    """All passages of an index, by their likeness to a query."""
    with open_index(index) as opened:
        return opened.search(query, k=10_000, mode="vector")


def places(index: Path) -> set[tuple[str, int, int, str]]:
    """What an index holds, by SQLite alone; a graph's search may leave one in a thousand out."""
    query = 'SELECT name, start, "end", text FROM passages JOIN files ON files.id = passages.file'
    with closing(sqlite3.connect(index / "passages.sqlite")) as database:
        return set(database.execute(query))


def cosines(embedding: Path, hits: list[Hit], query: str) -> NDArray[np.float32]:
    """The true cosines of the passages, embedded anew."""
    task = ed.Embedding.load(embedding)
    vectors = task.encode([hit.text for hit in hits], normalize_embeddings=True)
    # sentence-transformers' encode_query puts the prompt named "query" before it.
    return np.asarray(vectors @ task.encode("what is " + query, normalize_embeddings=True))


@pytest.mark.parametrize("graph_above", [20_000, 0], ids=["exact", "graph"])
def test_the_nearest_are_numpy_s_nearest(
    docs: Path, embedding: Path, tmp_path: Path, graph_above: int
) -> None:
    build(docs, tmp_path / "index", bundle=embedding, graph_above=graph_above)
    assert bool(list(tmp_path.glob("index/*.usearch"))) == (graph_above == 0)
    found = []
    with open_index(tmp_path / "index") as opened:
        for query in ("storm at sea", "a charming film", "Who lives in Paris?", "old lamp oil"):
            passages = opened.search(query, k=300, mode="vector")
            best = np.sort(cosines(embedding, passages, query))[::-1][9]  # the tenth
            top = opened.search(query, k=10, mode="vector")
            similarities = cosines(embedding, top, query)
            assert np.allclose([hit.similarity for hit in top], similarities, rtol=0, atol=HALF)
            found += list(similarities >= best - HALF)
    assert np.mean(found) >= LEAST_RECALL


def test_words_rank_as_sqlite_s_bm25_ranks_them(index: Path) -> None:
    passages = everything(index)
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE t USING fts5(heading, text, tokenize='porter unicode61')")
    db.executemany("INSERT INTO t VALUES (?, ?)", [(hit.heading, hit.text) for hit in passages])
    query = "SELECT text, bm25(t) FROM t WHERE t MATCH ? ORDER BY bm25(t)"
    expected = dict(db.execute(query, ('"charming" OR "lamp"',)).fetchall())
    with open_index(index) as opened:
        hits = opened.search("charming lamp", k=300, mode="words")
    ours = [expected[hit.text] for hit in hits]
    assert len(ours) == len(expected) > 100
    assert max(ours) < -0.1  # words that tell something: none weighs 1e-6
    assert ours == pytest.approx(sorted(expected.values()), abs=1e-4)
    db.close()


def test_fusion_as_computed_by_hand() -> None:
    fused = dict(fuse([[1, 2, 3], [3, 1]]))
    assert fused == pytest.approx({1: 1 / 61 + 1 / 62, 2: 1 / 62, 3: 1 / 63 + 1 / 61})
    assert [item for item, _ in fuse([[5, 4], [4, 5]])] == [4, 5]  # equal: by id
    assert fuse([[], []]) == []


def test_hybrid_is_the_fusion_of_both(index: Path) -> None:
    query = "the keeper of the light"
    with open_index(index) as opened:
        key = {
            mode: [(hit.file, hit.start) for hit in opened.search(query, k=100, mode=mode)]
            for mode in ("vector", "words")
        }
        hits = opened.search(query, k=10)
    number = {place: i for i, place in enumerate({*key["vector"], *key["words"]})}
    rankings = [[number[place] for place in key[mode]] for mode in ("vector", "words")]
    assert [h.score for h in hits] == [score for _, score in fuse(rankings)[:10]]
    for hit in hits:
        for rank, mode in ((hit.vector_rank, "vector"), (hit.words_rank, "words")):
            assert rank is None or key[mode][rank - 1] == (hit.file, hit.start)


def test_lines_point_at_the_text(index: Path, docs: Path) -> None:
    for hit in everything(index):
        lines = (docs / hit.file).read_text().split("\n")
        assert hit.text == "\n".join(lines[hit.start - 1 : hit.end])


def test_marks_stand_around_the_query_s_words_alone(index: Path) -> None:
    with open_index(index) as opened:
        hits = opened.search("Lamps!", k=5, mode="words")
    for hit in hits:
        plain = hit.marked.replace(MARKS[0], "").replace(MARKS[1], "")
        assert plain == hit.text
        assert hit.marked.count(f"{MARKS[0]}lamp{MARKS[1]}") == hit.text.count("lamp") > 0


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(min_size=1).filter(str.strip))
def test_no_query_is_syntax(index: Path, query: str) -> None:
    with open_index(index) as opened:
        opened.search(query, mode="words")


@pytest.mark.parametrize("query", ['storm" OR', "NEAR(storm", "text:storm", "-storm*", "storm\0"])
def test_operators_are_words(index: Path, query: str) -> None:
    with open_index(index) as opened:
        assert "storm" in opened.search(query, k=1, mode="words")[0].text


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
    build(folder, tmp_path / "anew", bundle=embedding)
    assert places(place) == places(tmp_path / "anew")


def test_a_graph_follows_the_changes(docs: Path, embedding: Path, tmp_path: Path) -> None:
    folder, place = Path(shutil.copytree(docs, tmp_path / "docs")), tmp_path / "index"
    build(folder, place, bundle=embedding, graph_above=0)
    for number in range(6):  # the graph is updated at first, and made anew in the end
        for file in list(folder.iterdir())[: number + 1]:
            file.write_text(f"{WORDS[number]} " + file.read_text())
        build(folder, place, graph_above=0)
        assert len(list(place.glob("*.usearch"))) == 1
    build(folder, tmp_path / "exact", bundle=embedding)
    assert places(place) == places(tmp_path / "exact")
    assert len(everything(place)) >= LEAST_RECALL * len(places(place))


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
    assert len(everything(place)) >= LEAST_RECALL * len(places(place))


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


def test_the_answer_is_the_task_s_best_with_its_line(index: Path, tiny: Path) -> None:
    question = "Who lives in London?"
    task = ed.QuestionAnswering.load(tiny / "question_answering")
    with open_index(index) as opened:
        hits = opened.search(question, k=3)
        folder = opened.folder
    found = answer(task, question, hits)
    assert found is not None
    best = max((task(question, hit.text) for hit in hits), key=lambda one: one.score)
    assert (found.text, found.score) == (best.text, best.score)
    assert hits[found.hit].text[found.start : found.end] == found.text
    assert found.text.split()[0] in (folder / found.file).read_text().split("\n")[found.line - 1]
    assert answer(task, question, []) is None


# What goes wrong


@pytest.fixture
def moved(docs: Path, embedding: Path, tmp_path: Path) -> tuple[Path, Path]:
    """An index and its bundle, in places of their own."""
    bundle = Path(shutil.copytree(embedding, tmp_path / "bundle"))
    few = tmp_path / "few"
    few.mkdir()
    shutil.copy(docs / "00.txt", few)
    build(few, tmp_path / "index", bundle=bundle)
    return tmp_path / "index", bundle


def test_the_bundle_that_moved(moved: tuple[Path, Path], tmp_path: Path, tiny: Path) -> None:
    index, bundle = moved
    bundle.rename(tmp_path / "elsewhere")
    with open_index(index) as opened:
        assert opened.search("storm", mode="words")  # needs no bundle
        with pytest.raises(BundleNotFound, match="--bundle"):
            opened.search("storm")
    with open_index(index, bundle=tmp_path / "elsewhere") as opened:
        assert opened.search("storm")
    with (
        open_index(index, bundle=tiny / "question_answering") as opened,
        pytest.raises(TaskError, match="question-answering"),
    ):
        opened.search("storm")


def test_another_bundle_is_refused(moved: tuple[Path, Path]) -> None:
    index, bundle = moved
    manifest = bundle / "edge_distil.json"
    document = json.loads(manifest.read_text())
    document["variants"]["fp32"] = document["variants"]["int8"]
    manifest.write_text(json.dumps(document))
    with open_index(index) as opened, pytest.raises(InputError, match="is not the bundle"):
        opened.search("storm")


def test_another_version_is_refused(moved: tuple[Path, Path]) -> None:
    store = Store(moved[0])
    store.set("version", 0)
    store.close()
    with pytest.raises(InputError, match="version 0, expected 1"):
        open_index(moved[0])


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be one" * 20, b""])
def test_a_damaged_index(moved: tuple[Path, Path], content: bytes) -> None:
    (moved[0] / "passages.sqlite").write_bytes(content)
    with pytest.raises(InputError, match="build"):
        open_index(moved[0])


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
    (1, "no folder", "--build ABSENT -o NEW --bundle EMBEDDING"),
    (1, "needs an embedding bundle", "--build DOCS -o NEW"),
    (1, "no bundle at", "--build DOCS -o NEW --bundle ABSENT"),
    (1, "expected sentence-similarity", "--build DOCS -o NEW --bundle QA"),
    (1, "no variant", "--build DOCS -o NEW --bundle EMBEDDING --variant int3"),
    (1, "is not empty and no index", "--build DOCS -o DOCS --bundle EMBEDDING"),
    (1, "the index is of", "--build OTHER -o INDEX"),
    (1, "built with fp32", "--build DOCS -o INDEX --variant int8"),
    (1, "no index at", "ABSENT storm"),
    (1, "expected some words", "INDEX BLANK"),
    (1, "hybrid, vector, words", "INDEX storm --mode fuzzy"),
    (1, "expected question-answering", "INDEX storm --answer --qa EMBEDDING"),
    (2, "to search, give", "INDEX"),
    (2, "to search, give", "INDEX storm --answer"),
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


def test_the_command_line_builds_and_finds(
    edge_distil: Command, docs: Path, tiny: Path, tmp_path: Path
) -> None:
    place = tmp_path / "index"
    built = edge_distil(
        "search", "--build", docs, "-o", place, "--bundle", tiny / "embedding", "--json"
    )
    assert json.loads(built.out)["passages"] == 300
    arguments = ("search", place, "lamp", "oil", "-k", "3", "--answer", "--qa",
                 tiny / "question_answering")  # fmt: skip
    document = json.loads(edge_distil(*arguments, "--json").out)
    with open_index(place) as opened:
        hits = opened.search("lamp oil", 3)
    assert [h["text"] for h in document["hits"]] == [hit.text for hit in hits]
    assert document["answer"]["file"] in {hit.file for hit in hits}
    shown = edge_distil(*arguments)
    assert "\x1b" not in shown.out  # nobody looks: no colours, no links
    for rank, hit in enumerate(hits, start=1):
        assert f"{rank}  " in shown.out
        assert f"{hit.file}:{hit.start}-{hit.end}" in shown.out
    assert edge_distil("search", place, "zzz", "--mode", "words").out == "(nothing found)\n"
    again = edge_distil("search", "--build", docs, "-o", place)
    assert "30 unchanged" in again.out.replace("\n", " ")
