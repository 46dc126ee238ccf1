"""`edge-distil embed`: the vectors of the API, whatever is asked of it."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command import Command, run_without
from damaged import spoil_token
from embed_corpus import COUNT, make_texts, names, write_texts
from numpy.typing import NDArray
from sentence_transformers.util import quantize_embeddings

import edge_distil as ed
from edge_distil._machine import installation
from edge_distil_apps.embed import ROWS

CLI = (sys.executable, "-m", "edge_distil_apps.cli", "embed")


@pytest.fixture(scope="module")
def vectors(texts: list[str]) -> NDArray[np.float32]:
    tiny = Path(__file__).parents[2] / "golden" / "tiny"
    return ed.Embedding.load(tiny / "embedding").encode(texts)


def test_vectors_are_those_of_encode(
    edge_distil: Command, tiny: Path, corpus: Path, vectors: NDArray[np.float32], tmp_path: Path
) -> None:
    output = tmp_path / "out" / "v.npy"
    result = edge_distil("embed", tiny / "embedding", corpus, "-o", output, "--json")
    document = json.loads(result.out)
    assert document["shape"] == [COUNT, vectors.shape[1]]
    assert (document["texts"], document["bad"], document["resumed_from"]) == (COUNT, 0, 0)
    np.save(expected := tmp_path / "expected.npy", vectors)
    assert output.read_bytes() == expected.read_bytes()
    assert names(output.parent) == ["v.npy"]


def test_options_are_those_of_encode(
    edge_distil: Command, tiny: Path, texts: list[str], tmp_path: Path
) -> None:
    few = texts[:20]
    corpus, output = write_texts(tmp_path / "few.txt", few), tmp_path / "v.npy"
    flags = ["--truncate-dim", 8, "--normalize", "--prompt", "storm ", "--batch-size", 4]
    assert edge_distil("embed", tiny / "embedding", corpus, "-o", output, *flags).status == 0
    task = ed.Embedding.load(tiny / "embedding")
    options = {"normalize_embeddings": True, "truncate_dim": 8, "prompt": "storm "}
    expected = task.encode(few, batch_size=4, **options)
    assert np.load(output).tolist() == expected.tolist()


@pytest.mark.parametrize("precision", ["int8", "uint8", "binary", "ubinary"])
def test_precisions_are_those_of_sentence_transformers(
    edge_distil: Command,
    tiny: Path,
    corpus: Path,
    vectors: NDArray[np.float32],
    tmp_path: Path,
    precision: str,
) -> None:
    expected = quantize_embeddings(vectors, precision)
    for name in ("v.npy", "v.parquet"):
        flags = ["-o", tmp_path / name, "--precision", precision]
        assert edge_distil("embed", tiny / "embedding", corpus, *flags).status == 0
    found = np.load(tmp_path / "v.npy")
    assert (found.dtype, found.tolist()) == (expected.dtype, expected.tolist())
    table = pq.read_table(tmp_path / "v.parquet")
    assert table["embedding"].to_pylist() == expected.tolist()


def write_corpus_with_bad_rows(path: Path, count: int, bad: Sequence[int]) -> list[str]:
    """Write JSON lines of which some have no text; return the texts, bad ones empty."""
    found = make_texts(count)
    with path.open("w") as file:
        for number, text in enumerate(found, 1):
            file.write(json.dumps({"text": None if number in bad else text, "id": number}) + "\n")
    return ["" if number in bad else text for number, text in enumerate(found, 1)]


BAD = (2, ROWS, ROWS + 1, ROWS + 20)


@pytest.mark.parametrize("precision", ["float32", "uint8", "binary"])
def test_bad_rows_keep_their_place(
    edge_distil: Command, tiny: Path, tmp_path: Path, precision: str
) -> None:
    whole = write_corpus_with_bad_rows(corpus := tmp_path / "t.jsonl", ROWS + 20, BAD)
    good = np.array([number not in BAD for number in range(1, len(whole) + 1)])
    flags = ["--precision", precision, "--json", "-o"]
    result = edge_distil("embed", tiny / "embedding", corpus, *flags, tmp_path / "v.npy")
    assert (result.status, json.loads(result.out)["bad"]) == (0, len(BAD))
    assert "row 2 (line 2): the text is null, expected text" in result.err
    assert f"{len(BAD)} rows could not be embedded: see" in result.err
    listed = [json.loads(x) for x in (tmp_path / "v.npy.errors.jsonl").read_text().splitlines()]
    assert [problem["row"] for problem in listed] == list(BAD)

    vectors = ed.Embedding.load(tiny / "embedding").encode(whole)
    expected = quantize_embeddings(vectors[good], precision)
    found = np.load(tmp_path / "v.npy")
    assert found[good].tolist() == expected.tolist()
    assert np.isnan(found[~good]).all() if precision == "float32" else not found[~good].any()

    flags += [tmp_path / "v.parquet", "--keep", "id"]
    assert edge_distil("embed", tiny / "embedding", corpus, *flags).status == 0
    rows = pq.read_table(tmp_path / "v.parquet").to_pylist()
    assert [row["embedding"] is not None for row in rows] == good.tolist()
    assert [row["id"] for row in rows] == list(range(1, len(whole) + 1))


def test_parquet_carries_columns_over(
    edge_distil: Command, tiny: Path, texts: list[str], vectors: NDArray[np.float32], tmp_path: Path
) -> None:
    ids, tags = list(range(COUNT)), [[n, n + 1] if n % 3 else None for n in range(COUNT)]
    pq.write_table(pa.table({"body": texts, "id": ids, "tags": tags}), tmp_path / "t.parquet")
    flags = ["--keep", "id,tags,body", "-o"]
    for output in (tmp_path / "v.parquet", tmp_path / "folder/"):
        assert edge_distil(
            "embed", tiny / "embedding", tmp_path / "t.parquet", *flags, output
        ).status == 0  # fmt: skip
        table = pq.read_table(output)
        assert table.column_names == ["row", "id", "tags", "body", "embedding"]
        assert table["row"].to_pylist() == list(range(1, COUNT + 1))
        assert table["id"].type == pa.int64()
        assert (table["id"].to_pylist(), table["tags"].to_pylist()) == (ids, tags)
        assert table["body"].to_pylist() == texts
        assert table["embedding"].type == pa.list_(pa.float32(), vectors.shape[1])
        assert table["embedding"].to_pylist() == vectors.tolist()
    assert names(tmp_path / "folder") == ["part-00000.parquet"]


def test_csv_and_stdin(tiny: Path, texts: list[str], tmp_path: Path) -> None:
    few = [*texts[:5], "a\nb", "é😀", ""]
    with (tmp_path / "t.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["n", "text"], *enumerate(few)])
    command = [*CLI, str(tiny / "embedding")]
    subprocess.run([*command, tmp_path / "t.csv", "-o", tmp_path / "csv.npy"], check=True)
    expected = ed.Embedding.load(tiny / "embedding").encode(few)
    assert np.load(tmp_path / "csv.npy").tolist() == expected.tolist()
    lines = "".join(f"{text}\n" for text in few if "\n" not in text).encode()
    subprocess.run([*command, "-", "-o", tmp_path / "in.npy"], input=lines, check=True)
    kept = [index for index, text in enumerate(few) if "\n" not in text]
    assert np.load(tmp_path / "in.npy").tolist() == expected[kept].tolist()
    assert names(tmp_path) == ["csv.npy", "in.npy", "t.csv"]


def test_parquet_needs_the_extra_before_the_work(tiny: Path, corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "v.parquet"
    done = run_without("pyarrow", "embed", tiny / "embedding", corpus, "-o", output)
    assert done.status == 1
    assert installation.install("apps") in done.err
    assert names(tmp_path) == ["texts.txt"]


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; sys.argv[1:] = ['embed', '--help']\n"
        "from edge_distil_apps.cli import main\n"
        "try: main()\n"
        "except SystemExit: print({'pyarrow', 'pandas', 'ray', 'usearch'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize(
    ("flags", "status", "message"),
    [
        (["--truncate-dim", "0"], 2, "truncate-dim"),
        (["--prompt-name", "poem"], 1, "the bundle has no prompt 'poem'"),
        (["--precision", "int4"], 2, "precision is 'int4', expected one of float32"),
        (["--column", "body"], 1, "has no column 'body': choose from 'text'"),
        (["--keep", "text"], 2, "--keep needs a Parquet output"),
        (["--variant", "int3"], 2, "has no variant 'int3'"),
    ],
)
def test_wrong_options_leave_nothing_behind(
    edge_distil: Command, tiny: Path, tmp_path: Path, flags: list[str], status: int, message: str
) -> None:
    corpus = write_texts(tmp_path / "t.txt", ["storm"])
    result = edge_distil("embed", tiny / "embedding", corpus, "-o", tmp_path / "v.npy", *flags)
    assert (result.status, result.out) == (status, "")
    assert message in " ".join(result.err.replace("│", " ").split())
    assert names(tmp_path) == ["t.txt"]


def test_wrong_files(edge_distil: Command, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    for name, message in [("absent.txt", "no file or directory"), ("empty.txt", "is empty")]:
        result = edge_distil("embed", tiny / "embedding", tmp_path / name, "-o", tmp_path / "v.npy")
        assert result.status == 1
        assert message in result.err
    corpus = write_texts(tmp_path / "t.txt", ["storm"])
    result = edge_distil("embed", tiny / "embedding", corpus, "-o", tmp_path / "v.csv")
    assert result.status == 2
    corpus.write_text('{"text": "\\ud83d"}\n[]\n')
    result = edge_distil(
        "embed", tiny / "embedding", corpus.rename(tmp_path / "t.jsonl"), "-o", tmp_path / "v.npy"
    )
    assert "no row of" in result.err
    assert names(tmp_path) == ["empty.txt", "t.jsonl"]


def test_rows_without_a_finite_vector_are_bad_rows(
    edge_distil: Command, tiny: Path, texts: list[str], tmp_path: Path
) -> None:
    """The model overflows for one word: the rows with it are listed, the others unharmed."""
    bundle = spoil_token(Path(shutil.copytree(tiny / "embedding", tmp_path / "nan")), "storm")
    few = texts[: ROWS + 30]
    bad = [row for row, text in enumerate(few) if "storm" in text.split()]
    assert 10 < len(bad) < len(few)
    output = tmp_path / "v.npy"
    result = edge_distil(
        "embed", bundle, write_texts(tmp_path / "few.txt", few), "-o", output, "--json"
    )
    assert json.loads(result.out)["bad"] == len(bad)
    listed = [json.loads(x) for x in (tmp_path / "v.npy.errors.jsonl").read_text().splitlines()]
    assert [row["row"] for row in listed] == [row + 1 for row in bad]
    assert all("NaN" in row["problem"] for row in listed)
    expected = ed.Embedding.load(tiny / "embedding").encode(few)
    expected[bad] = np.nan
    np.testing.assert_array_equal(np.load(output), expected)
