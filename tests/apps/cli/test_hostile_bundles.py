"""What a stranger's bundle says never commands the terminal; what it takes is found on trial."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from command import Command

from edge_distil._writing import storage

pytestmark = pytest.mark.safety
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
WORDS = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202elabel\r[bold]x"


def hostile(bundle: Path, target: Path) -> Path:
    """A bundle whose every free text commands the terminal."""
    path = Path(shutil.copytree(bundle, target)) / "edge_distil.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["labels"] = [f"{WORDS}{index}" for index, _ in enumerate(manifest["labels"])]
    manifest["checkpoint"].update(name=WORDS, license=WORDS, architecture=WORDS)
    fp32 = manifest["variants"]["fp32"]
    fp32["settings"] = {"last_layer": {"share_of_weights": WORDS}}
    fp32["evidence"] = {"parity": {"max_abs_diff": WORDS}, "fidelity": [WORDS]}
    manifest["variants"]["int8"]["evidence"] = {"fidelity": {"mean_cosine": WORDS}}
    manifest["variants"][f"{WORDS}"] = manifest["variants"]["int8"]
    path.write_text(json.dumps(manifest))
    return path.parent


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "B", "a charming film"),
        ("run", "B", "a charming film", "--json"),
        ("run", "B", "a charming film", "--variant", WORDS),
        ("run", "B", "a charming film", "--variant", "\x1b[2J"),
        ("inspect", "B"),
        ("inspect", "B", "--json"),
        ("doctor", "B", "--no-speed"),
        ("doctor", "B", "--no-speed", "--json"),
        ("eval", "B", "--data", "\x1b[2J.tsv"),
    ],
)
def test_nothing_that_a_terminal_acts_on_is_printed(
    edge_distil: Command, tiny: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    bundle = hostile(tiny / "text_classification", tmp_path / "b\x1b[2J")
    result = edge_distil(*(bundle if word == "B" else word for word in arguments))
    said = result.out + result.err
    assert said.strip()
    assert not ACTS.search(said), said
    assert "Traceback" not in said
    if "--json" in arguments:
        json.loads(result.out)


def test_json_says_the_very_characters(edge_distil: Command, tiny: Path, tmp_path: Path) -> None:
    bundle = hostile(tiny / "text_classification", tmp_path / "b")
    result = edge_distil("run", bundle, "a charming film", "--json")
    assert json.loads(result.out)["items"][0]["results"][0]["label"].startswith(WORDS)


def test_inspect_run_and_doctor_open_a_bundle_on_trial(
    edge_distil: Command, tiny: Path, tmp_path: Path
) -> None:
    bundle = Path(shutil.copytree(tiny / "fill_mask", tmp_path / "b"))
    tokenizer = json.loads((bundle / "tokenizer.json").read_text("utf-8"))
    grow = {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 100}
    tokenizer["normalizer"] = {"type": "Sequence", "normalizers": [grow] * 5}
    (bundle / "tokenizer.json").write_text(json.dumps(tokenizer))
    manifest = json.loads((bundle / "edge_distil.json").read_text("utf-8"))
    new = vars(storage.record(bundle, bundle / "tokenizer.json"))
    manifest["files"] = [new if f["path"] == new["path"] else f for f in manifest["files"]]
    manifest["golden"] = []
    (bundle / "edge_distil.json").write_text(json.dumps(manifest))
    for arguments in (("run", bundle, "a [MASK]", "--untrusted"), ("doctor", bundle)):
        result = edge_distil(*arguments)
        assert result.status == 1
        assert re.search("on trial|memory", result.out + result.err)
