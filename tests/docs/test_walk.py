"""Every verb as a new user meets it: narrow and wide, TTY and pipe, few characters, right status.

The short walk looks at one place; the slow one at every width, kind of stream and encoding. The
commands of the documents have a walk of their own, `test_walk_documents`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from walking import CUT, FEW, PLACES, Place, go

from edge_distil_apps.cli.verbs import _LINES

TINY = Path(__file__).parents[1] / "golden" / "tiny"
PROGRAMS = Path(sys.executable).parent
# A command -> its status, and the names that it prints whole.
WALK: dict[str, tuple[int, list[str]]] = {
    "--version": (0, ["edge-distil"]),
    "--help": (0, list(_LINES)),
    **{f"{verb} --help": (0, ["--help"]) for verb in _LINES},
    "help run": (0, ["--context"]),
    "inspect qa": (0, ["onnx/model_quantized.onnx", "onnx/model.onnx"]),
    "doctor qa --no-speed": (0, ["int8", "telemetry"]),
    'run qa -q "Who lives?" -c "Ada lives in Zürich – really."': (0, []),
    "run minilm storm lamp": (0, ["storm", "lamp"]),
    "embed minilm texts.txt -o vectors.npy --force": (0, ["vectors.npy"]),
    "search --build docs -o docs.index --bundle minilm": (0, ["docs.index"]),
    "search docs.index lamp": (0, ["a-file-with-a-rather-long-name.md"]),
    "eval classes --data data.tsv": (0, ["accuracy", "int8"]),
    "quantize classes --int8": (1, ["--force"]),
    "inspect nowhere": (1, ["nowhere"]),
    "run classes storm --context lamp": (2, ["--context"]),
    "run qa -q a -c b --variant int9": (2, ["int9"]),
    "search docs.index lamp --answer": (2, ["--qa"]),
    "nonsense": (2, ["nonsense"]),
}


HELPS = [line for line in WALK if line.endswith("--help") or line.startswith("help ")]
SHORT = ["--help", "help run", *(line for line in WALK if line not in HELPS)]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("walk")
    for name, kind in (("qa", "question_answering"), ("minilm", "embedding"),
                       ("classes", "text_classification")):  # fmt: skip
        shutil.copytree(TINY / kind, folder / name)
    (folder / "texts.txt").write_text("storm\nlamp\n")
    (folder / "docs").mkdir()
    (folder / "docs" / "a-file-with-a-rather-long-name.md").write_text(
        "# Tide\n\nThe lamp — ≈ 3.\n"
    )
    labels = json.loads((folder / "classes" / "edge_distil.json").read_text())["labels"]
    (folder / "data.tsv").write_text("".join(f"storm\t{label}\n" for label in labels))
    subprocess.run(
        [PROGRAMS / "edge-distil", *"search --build docs -o docs.index --bundle minilm".split()],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder


def look(line: str, folder: Path, place: Place) -> None:
    status, names = WALK[line]
    seen = go(f"edge-distil {line}", folder, PROGRAMS, place)
    assert "Traceback" not in seen.said, seen.said
    assert seen.status == status, seen.said
    for name in names:
        assert name in seen.whole, seen.said
    if line not in HELPS:  # which has this sign of its own
        assert CUT not in seen.said, seen.said


@pytest.mark.parametrize("line", SHORT)
def test_the_short_walk(line: str, here: Path) -> None:
    """Each at one place, which is another for the next."""
    look(line, here, PLACES[SHORT.index(line) % len(PLACES)])


@pytest.mark.slow
@pytest.mark.xdist_group("thin")
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_the_whole_walk(place: Place, here: Path) -> None:
    for line in WALK:
        if line not in HELPS or place in FEW:
            look(line, here, place)
