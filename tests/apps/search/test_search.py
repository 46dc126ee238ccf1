"""Search against numpy's exact order, SQLite's own bm25, and hand-computed fusion."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from command import Command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from search_texts import HALF, LEAST_RECALL, everything

import edge_distil as ed
from edge_distil_apps.search import Hit, answer, build, open_index
from edge_distil_apps.search.full_text import MARKS
from edge_distil_apps.search.fusion import fuse


def cosines(embedding: Path, hits: list[Hit], query: str) -> NDArray[np.float32]:
    """The true cosines of the passages, embedded again."""
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
