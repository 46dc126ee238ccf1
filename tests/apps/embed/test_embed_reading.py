"""How an input is read is said, and is what it is: on stdin, without a header, with bad rows."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command import Command

import edge_distil as ed

TEXTS = ["a ship, at sea", "storm", 'the "old" lamp']
JSON = [{"id": n, "text": text} for n, text in enumerate(TEXTS)]


def parquet() -> bytes:
    written = io.BytesIO()
    pq.write_table(pa.table({"text": TEXTS}), written)
    return written.getvalue()


CSV = 'id,text\n0,"a ship, at sea"\n1,storm\n2,"the ""old"" lamp"\n'
# What is piped -> the words on how it is read.
PIPED = {
    "".join(f"{text}\n" for text in TEXTS): "text, a text a line",
    "".join(json.dumps(row) + "\n" for row in JSON): "JSON lines, texts of column 'text'",
    json.dumps(JSON): "JSON, texts of column 'text'",
    json.dumps(JSON, indent=2): "JSON, texts of column 'text'",
    CSV: "values with a comma between, with the header id, text; texts of column 'text'",
    CSV.replace(",text", ";text").replace("0,", "0;").replace("1,", "1;").replace("2,", "2;"):
        "values with a semicolon between, with the header id, text; texts of column 'text'",
    "id\ttext\n" + "".join(f"{row['id']}\t{row['text']}\n" for row in JSON):
        "values with a tab between, with the header id, text; texts of column 'text'",
}  # fmt: skip


@pytest.fixture
def vectors(embedding: Path) -> list[list[float]]:
    return ed.Embedding.load(embedding).encode(TEXTS).tolist()


def run(edge_distil: Command, embedding: Path, folder: Path, data: bytes, *flags: str) -> str:
    """Embed stdin; returns what is said."""
    done = edge_distil("embed", embedding, "-", "-o", folder / "v.npy", *flags, stdin=data)
    assert done.status == 0, done.err
    return done.err


@pytest.mark.parametrize("text", PIPED)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_stdin_is_told_by_what_it_holds(
    text: str, encoding: str, edge_distil: Command, embedding: Path, tmp_path: Path,
    vectors: list[list[float]],
) -> None:  # fmt: skip
    said = run(edge_distil, embedding, tmp_path, text.encode(encoding))
    assert f"stdin is read as {PIPED[text]}\n" in said
    assert np.load(tmp_path / "v.npy").tolist() == vectors


def test_parquet_on_stdin(
    edge_distil: Command, embedding: Path, tmp_path: Path, vectors: list[list[float]]
) -> None:
    said = run(edge_distil, embedding, tmp_path, parquet())
    assert "stdin is read as Parquet" in said
    assert np.load(tmp_path / "v.npy").tolist() == vectors


def test_what_only_looks_like_something_is_text(
    edge_distil: Command, embedding: Path, tmp_path: Path
) -> None:
    lines = ["[sic] he said, twice", "{ an open brace", "id,body", "[1]"]
    for data in ("\n".join(lines), "\n".join(reversed(lines)), "\n".join(lines[1:])):
        assert "text, a text a line" in run(
            edge_distil, embedding, tmp_path, data.encode(), "--force"
        )
        assert len(np.load(tmp_path / "v.npy")) == data.count("\n") + 1


def test_the_format_can_be_said(
    edge_distil: Command, embedding: Path, tmp_path: Path, vectors: list[list[float]]
) -> None:
    body = CSV.replace("id,text", "id,body").encode()
    said = run(edge_distil, embedding, tmp_path, body, "--input-format", "csv", "--column", "body")
    assert "with the header id, body; texts of column 'body'\n" in said
    assert np.load(tmp_path / "v.npy").tolist() == vectors
    (tmp_path / "dump.dat").write_bytes(body)
    words = ["embed", embedding, tmp_path / "dump.dat", "-o", tmp_path / "v.npy", "--force"]
    assert edge_distil(*words, "--input-format", "csv", "--column", "body").status == 0
    assert np.load(tmp_path / "v.npy").tolist() == vectors
    assert edge_distil(*words, "--input-format", "xml").status == 2
    done = edge_distil("embed", embedding, "-", "-o", tmp_path / "x.npy", stdin=b'{"id": 1}\n')
    assert done.status == 1
    assert "stdin" in done.err
    assert ".stdin-" not in done.err


def test_a_first_line_is_not_lost_unsaid(
    edge_distil: Command, embedding: Path, tmp_path: Path
) -> None:
    """A header that is told from its look alone is said to be one, with the way out."""
    (tmp_path / "t.csv").write_text("storm lamp\nold oil\nthe ship\n")
    words = ["embed", embedding, tmp_path / "t.csv", "-o", tmp_path / "v.npy"]
    done = edge_distil(*words)
    assert "with the header storm lamp; texts of column 'storm lamp'" in done.err
    assert "give --no-header if the first line is a row like the others" in done.err
    assert len(np.load(tmp_path / "v.npy")) == 2
    done = edge_distil(*words, "--no-header", "--force", "--json")
    assert "without a header (columns 1); texts of column '1'\n" in done.err
    assert json.loads(done.out)["read_as"].endswith("texts of column '1'")
    expected = ed.Embedding.load(embedding).encode(["storm lamp", "old oil", "the ship"])
    assert np.load(tmp_path / "v.npy").tolist() == expected.tolist()


def test_bad_rows_and_the_status(edge_distil: Command, embedding: Path, tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    for rows, flags, status in [
        ('{"text": "storm"}\n', ["--strict"], 0),
        ('{"text": "storm"}\n{"text": 1}\n', [], 0),
        ('{"text": "storm"}\n{"text": 1}\n', ["--strict"], 1),
        ('{"text": "storm"}\n{"text": 1}\n', ["--strict", "--json"], 1),
        ('{"text": null}\n{"text": 1}\n', ["--column", "text"], 1),
    ]:
        file.write_text(rows)
        done = edge_distil("embed", embedding, file, "-o", tmp_path / "v.npy", "--force", *flags)
        assert done.status == status, done.err
        good = rows.count("storm")
        assert (tmp_path / "v.npy.errors.jsonl").exists() == (good < rows.count("\n"))
        if "--json" in flags:
            assert json.loads(done.out)["bad"] == 1
        if good and rows.count("\n") > 1:
            assert "1 row could not be embedded" in done.err


def test_a_copy_of_the_input_goes_on(
    edge_distil: Command, embedding: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Touched or copied, it is the same; changed anywhere, it is another."""
    from edge_distil_apps.embed import Job

    file, held = tmp_path / "t.txt", bytearray(b"storm lamp\n" * 300_000)  # 3.3 MB
    file.write_bytes(held)
    job = Job(file, tmp_path / "v.npy", embedding)
    before = job.identity(job.source())
    file.touch()
    assert job.identity(job.source()) == before
    held[len(held) // 2 // 11 * 11] = ord("S")
    state = file.stat()
    file.write_bytes(held)
    import os

    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert job.identity(job.source()) != before
