"""Peers beside a bundle: they run the same model, or say why they do not."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from edge_distil.bundle import open_bundle
from edge_distil.errors import BenchmarkError, EdgeDistilError, MissingExtra
from edge_distil_apps.side_by_side.texts import choose_queries
from edge_distil_bench import peers
from edge_distil_bench.protocol.processes import started
from edge_distil_bench.side_by_side.entries import Entry, find_entries
from edge_distil_export import export_bundle
from environments import python_environment

pytestmark = pytest.mark.wide

# PyTorch and onnxruntime add up in another order (seen: 1e-6 on logits of size 1 to 10).
SAME_MODEL = 1e-4
# int8 in other kernels; see tests/interop.
INT8_COSINE = 0.98
TINY = Path(__file__).parents[2] / "golden" / "tiny"
LINES = "who sleeps?\tthe dog sleeps\nwhere is Paris?\tParis is in France\n"


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    file = tmp_path / "texts.tsv"
    file.write_text(LINES, encoding="utf-8")
    return file


def test_a_peer_that_is_not_installed_names_the_command(tmp_path: Path) -> None:
    bare = tmp_path / "python"  # this interpreter without its packages
    bare.write_text(f'#!/bin/sh\nshift\nexec {sys.executable} -S "$@"\n', encoding="utf-8")
    bare.chmod(0o755)
    with pytest.raises(MissingExtra, match="-m pip install openvino"):
        peers.release(peers.parse(f"openvino={bare}"))


@pytest.fixture(
    scope="module",
    params=["DistilBertConfig", pytest.param("BertConfig", marks=pytest.mark.slow)],
)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny question-answering checkpoint with its bundle beside it."""
    folder = tmp_path_factory.mktemp(request.param)
    sizes = (
        {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}
        if request.param == "DistilBertConfig"
        else {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
              "intermediate_size": 64}
    )  # fmt: skip
    tiny = TINY / "question_answering"
    vocabulary = len(json.loads((tiny / "tokenizer.json").read_text())["model"]["vocab"])
    torch.manual_seed(0)
    config = getattr(transformers, request.param)(
        vocab_size=vocabulary, max_position_embeddings=64, initializer_range=0.3, **sizes
    )
    made = folder / "checkpoint"
    transformers.AutoModelForQuestionAnswering.from_config(config).save_pretrained(made)
    for file in tiny.glob("*.json"):
        if file.name not in ("config.json", "edge_distil.json"):
            shutil.copy(file, made)
    # The class that transformers 5 writes is unknown to transformers 4, which CTranslate2 needs.
    settings = json.loads((made / "tokenizer_config.json").read_text(encoding="utf-8"))
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    (made / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    export_bundle(made, folder / "bundle")
    return made


def outputs(
    wanted: peers.Wanted, checkpoint: Path, texts: Path, work: Path
) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Return precision -> our fp32's outputs and the peer's, for one query."""
    bundle = checkpoint.with_name("bundle")
    queries = choose_queries(open_bundle(bundle), "fp32", texts)
    queries.write(file := work / "queries.json")
    [own] = find_entries([bundle], ["fp32"], threads=1, trained=False)
    made = peers.prepare(wanted, peers.Origin(own.bundle, checkpoint, "tiny", 1, work), print)
    found = []
    for participant in (own.participant, *(one.participant for one in made)):
        with started([participant]) as [worker]:
            worker.ask(queries=str(file))
            reply = worker.ask(run=[0, 1, 0])
            assert len(reply["total_ns"]) == len(reply["stage_ns"]["forward"]) == 3
            assert worker.ask(memory=True)["peak"] > worker.ready["baseline"]
            found.append({k: np.array(v) for k, v in worker.ask(outputs=1).items()})
    pairs = zip(wanted.precisions, found[1:], strict=True)
    return {precision: (found[0], theirs) for precision, theirs in pairs}


def test_torch_runs_the_same_model(checkpoint: Path, texts: Path, tmp_path: Path) -> None:
    found = outputs(peers.parse("torch:fp32"), checkpoint, texts, tmp_path)
    ours, theirs = found["fp32"]
    assert set(ours) == {"start_logits", "end_logits"} <= set(theirs)
    for name, values in ours.items():
        assert np.ptp(values) > 0.1  # a constant would agree with anything
        np.testing.assert_allclose(theirs[name], values, atol=SAME_MODEL)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("peer", "environment"),
    [("optimum", "optimum_onnx"), ("ctranslate2", "ctranslate2"), ("openvino", "openvino_runtime")],
)
def test_peers_in_their_own_environments_run_the_same_model(
    checkpoint: Path, texts: Path, tmp_path: Path, peer: str, environment: str
) -> None:
    wanted = peers.parse(f"{peer}={python_environment(environment)}")
    for precision, (ours, theirs) in outputs(wanted, checkpoint, texts, tmp_path).items():
        for name, values in ours.items():
            if precision == "fp32":
                np.testing.assert_allclose(theirs[name], values, atol=SAME_MODEL)
            a, b = theirs[name].ravel(), values.ravel()
            assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > INT8_COSINE


def test_a_peer_that_fails_says_why(checkpoint: Path) -> None:
    [own] = find_entries([checkpoint.with_name("bundle")], ["fp32"], threads=1, trained=False)
    empty = checkpoint.with_name("empty")
    empty.mkdir(exist_ok=True)
    origin = peers.Origin(own.bundle, empty, "x", 1, empty)
    made = peers.prepare(peers.parse("torch:fp32"), origin, print)
    entry = Entry(made[0].model, made[0].participant, own.bundle, peer=True)
    with pytest.raises(BenchmarkError, match="x/torch: "), started([entry.participant]):
        pass
    with pytest.raises(EdgeDistilError, match="--checkpoint DIR"):
        peers.find_checkpoint(own.bundle, empty)
