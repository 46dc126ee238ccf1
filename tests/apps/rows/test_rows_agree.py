"""The verbs agree on what is a row of one and the same input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command import Command

from edge_distil_apps.embed import open_source
from edge_distil_apps.embed.parts import Parts
from edge_distil_apps.embed.rows import Row, Shard

LINES = "a\u2028b\nc\x0cd\x0be\x85f\n\n\u2029\r\ng\x1ch"
ROWS = ["a\u2028b", "c\x0cd\x0be\x85f", "", "\u2029", "g\x1ch"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_run_and_embed_see_the_same_lines(
    edge_distil: Command, tiny: Path, tmp_path: Path, encoding: str
) -> None:
    data = LINES.encode(encoding)
    result = edge_distil("run", tiny / "text_classification", "--json", stdin=data)
    assert [row["input"] for row in json.loads(result.out)["items"]] == ROWS
    out = tmp_path / "x.npy"
    result = edge_distil("embed", tiny / "embedding", "-", "-o", out, "--json", stdin=data)
    counted = json.loads(result.out)
    assert (counted["texts"], counted["embedded"], counted["bad"]) == (5, 5, 0)
    (tmp_path / "a.txt").write_bytes(data)
    source = open_source(tmp_path / "a.txt")
    assert [row.text for shard in source.shards() for row in source.read(shard)] == ROWS


def test_the_report_counts_every_row(edge_distil: Command, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id;body\n1;a\n2;"b\n3\n4;c\n')
    result = edge_distil("embed", tiny / "embedding", tmp_path / "a.csv", "-o", tmp_path / "x.npy")
    assert result.status == 0
    assert "4 rows: 2 embedded, 2 bad · column 'body'" in result.out
    listed = (tmp_path / "x.npy.errors.jsonl").read_text().split("\n")
    bad = [json.loads(line) for line in listed if line]
    assert [(row["row"], row["line"]) for row in bad] == [(2, 3), (3, 4)]


def test_reasons_with_odd_characters_are_listed_whole(tmp_path: Path) -> None:
    parts, shard = Parts(tmp_path), Shard(0, 1, 1, 0, (0, 1))
    row = Row(1, None, "has no key 'text', only a\u2028b\x85", 7)
    parts.write(shard, [row], np.zeros((1, 2), np.float32))
    [problem] = parts.problems([shard])
    assert problem == {"row": 1, "line": 7, "problem": "has no key 'text', only a\u2028b\x85"}


def test_run_reads_json_lines(edge_distil: Command, tiny: Path) -> None:
    bundle = tiny / "text_classification"
    data = b'{"id": 1, "text": "a\xe2\x80\xa8b"}\n\n"c\\nd"\n'
    result = edge_distil("run", bundle, "--jsonl", "--json", stdin=data)
    assert [row["input"] for row in json.loads(result.out)["items"]] == ["a\u2028b", "c\nd"]
    for line, message in [
        (b'{"body": "x"}', "line 1 of stdin has no key 'text'"),
        (b'"a"\n{"text": 3}', "line 2 of stdin has 3 as its text"),
        (b"[1]", "line 1 of stdin is a JSON list, expected an object"),
        (b"plain", "line 1 of stdin is not valid JSON"),
    ]:
        result = edge_distil("run", bundle, "--jsonl", stdin=line)
        assert result.status == 1
        assert len(result.out.splitlines()) == line.count(b"\n")  # those before it are answered
        assert message in result.err


def test_what_is_said_of_a_row_commands_no_terminal(
    edge_distil: Command, tiny: Path, tmp_path: Path
) -> None:
    keys = {f"k\x1b[2J\n{number}": 1 for number in range(1000)}
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n' + json.dumps(keys) + "\n")
    result = edge_distil(
        "embed", tiny / "embedding", tmp_path / "a.jsonl", "-o", tmp_path / "x.npy"
    )
    assert result.status == 0
    assert "row 2 (line 2) has no key 'text', only k" in result.err
    assert "\x1b" not in result.err
    assert len(result.err.splitlines()) == 2
    assert len(result.err) < 600
