"""A variant that is there is replaced only on request, and `inspect` says how it was made."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import tiny as tiny_checkpoints
from command import Command

import edge_distil as ed


@pytest.fixture
def bundle(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny / "fill_mask", tmp_path / "bundle"))


def test_a_variant_is_not_replaced_silently(edge_distil: Command, bundle: Path) -> None:
    before = (bundle / "onnx" / "model_quantized.onnx").read_bytes()
    command = ["quantize", bundle, "--int8", "--no-calibration"]
    done = edge_distil(*command)
    assert (done.status, done.out) == (1, "")
    assert "has int8 already" in done.err
    assert "replace it with --force, or leave --int8 out" in done.err
    assert (bundle / "onnx" / "model_quantized.onnx").read_bytes() == before
    assert edge_distil(*command, "--force").status == 0
    assert "calibration" in ed.open_bundle(bundle).manifest.variants["int8"].settings


def test_of_several_none_is_made_where_one_is_there(edge_distil: Command, bundle: Path) -> None:
    assert edge_distil("quantize", bundle, "--fp16", "--int8").status == 1
    assert "fp16" not in ed.open_bundle(bundle).manifest.variants


def test_what_remains_to_be_done_is_done(edge_distil: Command, bundle: Path) -> None:
    """The other remedy: the flag is left out."""
    assert edge_distil("quantize", bundle, "--fp16").status == 0
    assert edge_distil("quantize", bundle, "--ort").status == 0


@pytest.mark.parametrize("form", ["fused", "ort"])
def test_another_form_is_made_of_the_variant_that_is_there(
    form: str, edge_distil: Command, bundle: Path
) -> None:
    command = ["quantize", bundle, "--int8", f"--{form}"]
    before = ed.open_bundle(bundle).manifest.variants
    done = edge_distil(*command)
    assert done.status == 0, done.err
    assert "int8 stays as it is (" in done.err
    after = ed.open_bundle(bundle).manifest.variants
    assert set(after) - set(before) == {f"int8-{form}"}
    assert after["int8"] == before["int8"]
    for anew in (["--no-calibration"], ["--report"]):
        assert "has int8 already" in edge_distil(*command, *anew).err


@pytest.mark.parametrize("form", ["fused", "ort"])
def test_a_form_of_a_variant_that_was_replaced_says_so(
    form: str, edge_distil: Command, bundle: Path
) -> None:
    def said(*words: str) -> bool:
        done = edge_distil("quantize", bundle, *words)
        assert done.status == 0, done.err
        return f"of an earlier int8: edge-distil quantize --int8 --{form}" in " ".join(
            done.out.split()
        )

    assert not said("--int8", f"--{form}")
    assert said("--int8", "--force", "--no-calibration")
    assert not said("--int8", f"--{form}")


@pytest.mark.parametrize(
    ("flags", "says"), [(["--no-calibration"], "not calibrated"), ([], "calibrated on ")],
)  # fmt: skip
def test_inspect_says_whether_it_was_calibrated(
    flags: list[str], says: str, edge_distil: Command, bundle: Path
) -> None:
    made = edge_distil("quantize", bundle, "--int8", "--force", *flags)
    assert made.status == 0, made.err
    out = edge_distil("inspect", bundle).out
    [how] = re.findall("8-bit integers(.*)files that", out, re.DOTALL)
    assert says in " ".join(how.split())  # lines are broken where a terminal is narrow
    for jargon in ("symmetric", "zero point", "uint8", "opset"):
        assert jargon not in out
    settings = ed.open_bundle(bundle).manifest.variants["int8"].settings
    exact = json.loads(edge_distil("inspect", bundle, "--json").out)["variants"]["int8"]
    assert exact["settings"] == settings


def test_what_fails_says_what_is_there_by_then(
    edge_distil: Command, tiny: Path, tmp_path: Path
) -> None:
    """Attention with rotated positions, and with masked tokens, has no fused form."""
    checkpoint = tiny_checkpoints.save_checkpoint(
        tmp_path / "checkpoint", "modernbert", "feature-extraction"
    )
    out, int8 = tmp_path / "out", ["--int8", "--no-calibration", "--fused"]
    done = edge_distil("export", checkpoint, "-o", out, *int8)
    assert done.status == 1
    assert done.err.rstrip().endswith(f"use the variant as it is; {out} holds fp32, int8")
    assert list(ed.open_bundle(out, verify=True).manifest.variants) == ["fp32", "int8"]
    edge_distil("export", checkpoint, "-o", (plain := tmp_path / "plain"))
    told = json.loads(edge_distil("quantize", plain, *int8, "--json").out)["error"]
    assert told["message"].endswith(f"; {plain} holds fp32, int8")
    assert told["remedy"] == "use the variant as it is"
    late = Path(shutil.copytree(tiny / "late_interaction", tmp_path / "late"))
    for replaced in (True, False):
        done = edge_distil("quantize", late, *([*int8, "--force"] if replaced else ["--fused"]))
        assert done.status == 1
        assert ("late holds fp32, int8" in done.err) is replaced
