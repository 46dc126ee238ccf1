"""The whole way: parity that fails, files verbatim, the same bytes, no chatter."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from edge_distil.bundle import Bundle, open_bundle
from edge_distil.errors import CheckpointError, ParityError
from edge_distil.session import OnnxSession
from edge_distil_export import export_bundle
from edge_distil_export.graphs.heads import Encoder
from edge_distil_export.parity import check_parity, lengths, make_inputs


@pytest.fixture
def bert(checkpoint: Callable[..., Path]) -> Path:
    return checkpoint("bert", "question-answering")


def test_parity_failure_leaves_nothing(bert: Path, tmp_path: Path) -> None:
    with pytest.raises(ParityError, match=r"differs from PyTorch .* batch \d, length \d+; allowed"):
        export_bundle(bert, tmp_path / "out", atol=0)
    assert list(tmp_path.iterdir()) == []


def test_difference_at_one_length_is_found(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PyTorch side that does something else beyond 61 tokens, as a wrong trace would."""
    original = Encoder.forward

    def forward(
        self: Encoder,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> object:
        outputs = original(self, input_ids, attention_mask, token_type_ids)
        if torch.compiler.is_exporting() or input_ids.shape[1] <= 61:
            return outputs
        return tuple(output + 1e-3 for output in outputs)

    monkeypatch.setattr(Encoder, "forward", forward)
    with pytest.raises(ParityError, match=r"start_logits .* 1\.0.e-03 at batch 1, length 64"):
        export_bundle(bert, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_row_that_depends_on_its_batch_is_found(exported: Callable[..., Bundle]) -> None:
    """The check runs the same rows in batches of 1, 2 and 7."""
    from edge_distil_export.parity import Reference

    bundle = exported("bert", "question-answering")
    session = onnxruntime.InferenceSession(bundle.model_path("fp32"))
    ids = np.arange(14, dtype=np.int64).reshape(7, 2)
    inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": ids * 0}
    axes = {"start_logits": ("batch_size", "sequence_length")}
    (start,) = session.run(["start_logits"], inputs)
    good = Reference(2, inputs, {"start_logits": start})
    assert check_parity(OnnxSession(bundle.model_path("fp32")), [good], axes, 1e-4)["cases"] == 3
    bad = Reference(2, inputs, {"start_logits": start + np.arange(7, dtype=np.float32)[:, None]})
    with pytest.raises(ParityError, match="batch 2, length 2"):
        check_parity(OnnxSession(bundle.model_path("fp32")), [bad], axes, 1e-4)


def test_lengths_reach_from_two_to_the_maximum() -> None:
    assert lengths(512) == [2, 3, 8, 61, 512]
    assert lengths(16) == [2, 3, 8, 16]


def test_inputs_have_padding_and_masked_tails(checkpoint: Callable[..., Path]) -> None:
    from transformers import AutoModel

    head = Encoder(AutoModel.from_pretrained(checkpoint("bert", "feature-extraction")), ())
    inputs = make_inputs(head, 7, 37)
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    assert mask[0].all()
    assert (mask.sum(1)[1:] < 37).any()
    assert (ids[1::2][mask[1::2] == 0] == 0).all()  # padded as a tokenizer pads
    assert (ids[2::2][mask[2::2] == 0] != 0).all()  # something behind the mask
    assert (ids[mask == 1] != 0).all()
    assert set(np.unique(inputs["token_type_ids"])) == {0, 1}


SCRIPT = """
import sys
from edge_distil_export import export_bundle
export_bundle(sys.argv[1], sys.argv[2])
"""


def test_same_bytes_from_another_process_and_no_chatter(
    bert: Path, exported: Callable[..., Bundle], tmp_path: Path
) -> None:
    ours = exported("bert", "question-answering")
    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(bert), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    theirs = open_bundle(tmp_path / "out", verify=True)
    for name in ("onnx/model.onnx", "edge_distil.json"):
        digests = {hashlib.sha256((b.path / name).read_bytes()).digest() for b in (ours, theirs)}
        assert len(digests) == 1, name


def test_files_are_copied_byte_for_byte(bert: Path, exported: Callable[..., Bundle]) -> None:
    bundle = exported("bert", "question-answering")
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        assert (bundle.path / name).read_bytes() == (bert / name).read_bytes()
    recorded = {record.path for record in bundle.manifest.files}
    assert {"special_tokens_map.json", "config.json", "tokenizer.json"} <= recorded


def test_golden_tokens_are_those_of_transformers(
    bert: Path, exported: Callable[..., Bundle]
) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(bert)
    golden = exported("bert", "question-answering").manifest.golden
    assert len(golden) == 10
    for probe in golden:
        assert probe.ids == tuple(tokenizer(probe.text)["input_ids"])


def test_contradicting_tokenizer_files(bert: Path, tmp_path: Path) -> None:
    from tiny import byte_pairs

    from edge_distil_export.checkpoints.checkpoint import find_checkpoint
    from edge_distil_export.files import load_tokenizer
    from edge_distil_export.golden import golden_tokens

    byte_pairs().save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(CheckpointError, match="contradict each other"):
        golden_tokens(load_tokenizer(find_checkpoint(bert)), tmp_path)


def test_progress_names_the_stages(bert: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    export_bundle(bert, tmp_path / "out", progress=lines.append, opset=20)
    assert [line.split()[0] for line in lines] == [
        "finding",
        "importing",
        "loading",
        "tracing",
        "translating",
        "comparing",
        "comparing",
    ]
    model = onnx.load(tmp_path / "out/onnx/model.onnx")
    assert model.opset_import[0].version == 20
    assert model.producer_name == "edge-distil"


def test_operators_outside_the_table_take_the_long_way(
    bert: Path, exported: Callable[..., Bundle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without our translations torch decomposes first; the graph is the same."""
    from edge_distil_export.graphs import graph

    monkeypatch.setattr(graph, "translations", dict)
    slow = export_bundle(bert, tmp_path / "out").manifest.variants["fp32"]
    assert (
        slow.operators == exported("bert", "question-answering").manifest.variants["fp32"].operators
    )


def test_large_outputs_are_compared_in_fewer_rows() -> None:
    """XLM-R's vocabulary over 512 tokens is 512 MB a row; time grows with the tokens."""
    from edge_distil_export.parity import _rows

    assert _rows(128, 768 * 128) == 7
    assert _rows(512, 30522 * 512) == 2
    assert _rows(512, 250002 * 512) == 1
    assert _rows(8192, 768 * 8192) == 1
