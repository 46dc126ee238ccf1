"""The table of families: cells become words, what is measured stays, and one process tells it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tables.compatibility import page
from tables.compatibility.families import Record, measure

WHOLE = {
    "export": {"figure": 5e-07},
    "end_to_end": {"figure": 6e-08},
    "int8": {"figure": 0.99997},
    "coreml": {"no": "a | <node> is unknown"},
    "javascript": {"not asked": "Node is not installed"},
}
REFUSED = {**{key: {"not asked": "there is no bundle"} for key in page.COLUMNS},
           "export": {"no": "x is a decoder"}}  # fmt: skip


def every(cells: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return dict.fromkeys(page.HEADS, cells)


def test_cells_and_their_reasons() -> None:
    figures = {"one": {**every(WHOLE), "fill-mask": REFUSED}, "other": every(REFUSED)}
    shown = page.render({"machine": "a machine", "figures": figures})
    far = "no Core ML, JavaScript"
    assert f"| one | {far} | {far} | {far} | no (1) | {far} |" in shown
    assert "| one | 5e-07 | 6e-08 | 0.9999 | no (1) | not asked (2) |" in shown
    assert "1. a \\| &lt;node> is unknown\n2. Node is not installed" in shown
    assert "## Refused\n\n| family | the line |\n| --- | --- |\n| other | x is a decoder |" in shown


def test_what_is_measured_stays(tmp_path: Path) -> None:
    file = tmp_path / "families.json"
    record = Record(file, resume=False, only=None)
    for task in page.HEADS:
        record.put("bert", task, WHOLE)
    record.put("roberta", "fill-mask", {"export": {"figure": 1e-6}})
    again = Record(file, resume=True, only=None)
    assert again.left("bert") == []
    assert again.left("roberta") == list(page.HEADS)
    assert Record(file, resume=False, only=["bert"]).figures.keys() == {"roberta"}
    assert again.left("roberta", ["fill-mask"]) == ["fill-mask"]
    assert Record(file, resume=False, only=None).figures == {}
    assert "| roberta | not yet | not yet |" in page.render(again.document())


@pytest.mark.slow
def test_a_family_that_goes_the_whole_way_and_one_that_is_refused(tmp_path: Path) -> None:
    record = Record(tmp_path / "families.json", resume=False, only=None)
    for family in ("distilbert", "longformer"):
        measure(family, record, tmp_path, None)
    kept = json.loads((tmp_path / "families.json").read_text("utf-8"))["figures"]
    for cells in kept["distilbert"].values():
        assert max(cells[name]["figure"] for name in ("export", "end_to_end")) < 1e-5
        assert cells["int8"]["figure"] > 0.99
        assert cells["coreml"]["figure"] < 2e-2
        assert "Node" in cells["javascript"]["not asked"]
    assert "which a graph cannot hold" in kept["longformer"]["fill-mask"]["export"]["no"]


@pytest.mark.slow
def test_an_unknown_family_is_wrong_usage() -> None:
    command = [sys.executable, "-P", "-m", "tables.compatibility.families", "--only", "bertt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no such family: bertt" in done.stderr
