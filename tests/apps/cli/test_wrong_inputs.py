"""Twelve wrong inputs: one clear line on stderr, nothing on stdout, exit 1, nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command import Command, Result
from rights import without_rights

from edge_distil._machine import installation

CAN_MOUNT = not subprocess.run(
    ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
).returncode


def says(result: Result, *parts: str) -> None:
    assert result.status == 1, result
    assert result.out == ""
    lines = [line for line in result.err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1, result.err
    assert "Traceback" not in result.err
    for part in parts:
        assert part in lines[0]


@pytest.fixture
def broken(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny / "question_answering", tmp_path / "broken"))


def ask(edge_distil: Command, bundle: Path, question: str, context: str) -> Result:
    return edge_distil("run", bundle, "--question", question, "--context", context)


def test_absent_model(edge_distil: Command, tmp_path: Path) -> None:
    says(edge_distil("inspect", tmp_path / "nowhere"), "no bundle at", "edge-distil export")
    target = tmp_path / "out"
    says(edge_distil("export", tmp_path / "nowhere", "-o", target), "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_wrong_task(edge_distil: Command, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("one\n")
    result = edge_distil(
        "embed", tiny / "fill_mask", tmp_path / "texts.txt", "-o", tmp_path / "x.npy"
    )
    says(result, "is a fill-mask bundle, expected sentence-similarity or feature-extraction")
    assert not (tmp_path / "x.npy").exists()


def test_unknown_task_name(edge_distil: Command, embedded_checkpoint: Path, tmp_path: Path) -> None:
    result = edge_distil("export", embedded_checkpoint, "-o", tmp_path / "b", "--task", "translate")
    assert result.status == 2
    assert "translate" in result.err
    assert "question-answering" in result.err
    assert list(tmp_path.iterdir()) == []


def test_truncated_onnx(edge_distil: Command, broken: Path) -> None:
    model = broken / "onnx/model.onnx"
    model.write_bytes(model.read_bytes()[:5000])
    says(ask(edge_distil, broken, "Who?", "Ada."), "has 5,000 bytes", "truncated or edited")
    (broken / "edge_distil.json").unlink()  # without a record its content tells
    says(ask(edge_distil, broken, "Who?", "Ada."), "is not an ONNX file", "truncated or damaged")


def test_edited_tokenizer(edge_distil: Command, broken: Path) -> None:
    path = broken / "tokenizer.json"
    path.write_text(path.read_text("utf-8").replace('"lamp"', '"pmal"'), "utf-8")
    says(ask(edge_distil, broken, "Who?", "Ada."), "tokenizer.json was edited", "again")
    path.write_text("{}")
    (broken / "edge_distil.json").unlink()
    says(ask(edge_distil, broken, "Who?", "Ada."), "tokenizer.json cannot be used", "Model missing")


def test_future_schema_version(edge_distil: Command, broken: Path) -> None:
    path = broken / "edge_distil.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 99}))
    says(edge_distil("inspect", broken), "schema_version 99", installation.upgrade())


@pytest.mark.parametrize("text", ["", " \t\n  "])
def test_empty_and_blank_texts(edge_distil: Command, tiny: Path, text: str) -> None:
    says(ask(edge_distil, tiny / "question_answering", "Who?", text), "the context is")
    result = edge_distil("run", tiny / "question_answering", "-q", text or " ", "-c", "Ada.")
    says(result, "the question is")
    assert edge_distil("run", tiny / "embedding", text, "storm").status == 0  # as transformers
    assert edge_distil("run", tiny / "text_classification", text).status == 0
    assert "(nothing found)" in edge_distil("run", tiny / "token_classification", text).out


def test_a_hundred_thousand_words(edge_distil: Command, tiny: Path, tmp_path: Path) -> None:
    text = "the ship sat on " * 25_000
    file = tmp_path / "long.txt"
    file.write_text(text)
    result = edge_distil(
        "run", tiny / "question_answering", "-q", "what sat", "-c", f"@{file}", "--json"
    )
    [answer] = json.loads(result.out)["items"][0]["results"]
    assert text[answer["start"] : answer["end"]] == answer["text"]
    assert edge_distil("run", tiny / "text_classification", text).status == 0
    assert edge_distil("run", tiny / "token_classification", text[:20_000]).status == 0
    assert edge_distil("run", tiny / "embedding", text, "storm").status == 0
    says(edge_distil("run", tiny / "fill_mask", text + "[MASK]"), "stand in the 64 tokens that")


def test_lone_surrogates(edge_distil: Command, tiny: Path) -> None:
    says(ask(edge_distil, tiny / "question_answering", "Who?", "a\ud83d"), "U+D83D", "UTF-8")
    found = edge_distil("run", tiny / "embedding", "fine", "\udcff")  # of a shell's argument
    assert (found.status, "is not UTF-8" in found.err) == (2, True)


def test_a_file_that_is_no_text(edge_distil: Command, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "latin1.txt").write_bytes(b"caf\xe9")
    result = edge_distil(
        "embed", tiny / "embedding", tmp_path / "latin1.txt", "-o", tmp_path / "x.npy"
    )
    says(result, "as UTF-8 text")
    assert not (tmp_path / "x.npy").exists()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a file system of Linux")
def test_a_file_system_that_takes_no_directories(
    edge_distil: Command, tiny: Path, tmp_path: Path
) -> None:
    (tmp_path / "texts.txt").write_text("one\ntwo\n")
    result = edge_distil("embed", tiny / "embedding", tmp_path / "texts.txt", "-o", "/proc/x/a.npy")
    says(result, "cannot make the directory /proc/x")


def test_no_permission_to_write(edge_distil: Command, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("one\ntwo\n")
    closed = tmp_path / "closed"
    closed.mkdir()
    command = ["embed", tiny / "embedding", tmp_path / "texts.txt", "-o"]
    assert edge_distil(*command, closed / "a.npy").status == 0
    closed.chmod(0o555)
    with without_rights(tmp_path):
        result = edge_distil(*command, closed / "b.npy")
    says(result, "cannot write", "permission denied")
    assert [path.name for path in closed.iterdir()] == ["a.npy"]


@pytest.mark.skipif(not CAN_MOUNT, reason="needs user namespaces to mount a small file system")
@pytest.mark.parametrize("verb", ["embed", "export"])
def test_no_space_left(verb: str, tiny: Path, embedded_checkpoint: Path, tmp_path: Path) -> None:
    small, texts = tmp_path / "small", tmp_path / "texts.txt"
    small.mkdir()
    texts.write_text("storm\n" * 3000)  # 3,000 vectors of 64 bytes
    arguments = {
        "embed": ["embed", tiny / "embedding", texts, "-o", small / "vectors.npy"],
        "export": ["export", embedded_checkpoint, "-o", small / "bundle"],
    }
    script = (
        'mount -t tmpfs -o size=100k tmpfs "$0" && { "$@"; status=$?; ls -A "$0"; exit $status; }'
    )
    command = [small, sys.executable, "-m", "edge_distil_apps.cli", *arguments[verb]]
    run = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, *map(str, command)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    kept = {"embed": ".vectors.npy.parts\n", "export": ""}  # what is done of long work stays
    assert run.stdout == kept[verb]
    says(Result(run.returncode, "", run.stderr), "cannot write", "no space is left")


def test_no_network_for_a_hub_id_that_is_not_cached(tmp_path: Path) -> None:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    command = ["export", "distilbert/distilbert-base-uncased", "-o", str(tmp_path / "bundle")]
    run = subprocess.run(
        [sys.executable, "-m", "edge_distil_apps.cli", *command],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    result = Result(run.returncode, run.stdout, run.stderr)
    says(result, "distilbert/distilbert-base-uncased", "HF_HUB_OFFLINE")
    assert not (tmp_path / "bundle").exists()
