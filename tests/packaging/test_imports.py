"""Imports run one way, and the runtime stays thin."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
ROOMS = {
    "edge_distil": REPOSITORY / "edge_distil",
    "edge_distil_bench": REPOSITORY / "bench" / "edge_distil_bench",
    "edge_distil_export": REPOSITORY / "export" / "edge_distil_export",
    "edge_distil_quantize": REPOSITORY / "quantize" / "edge_distil_quantize",
    "edge_distil_distil": REPOSITORY / "distil" / "edge_distil_distil",
    "edge_distil_apps": REPOSITORY / "apps" / "edge_distil_apps",
}
MAY_IMPORT = {
    "edge_distil": set(),
    "edge_distil_bench": {"edge_distil"},
    "edge_distil_export": {"edge_distil"},
    "edge_distil_quantize": {"edge_distil"},
    "edge_distil_distil": {"edge_distil"},
    "edge_distil_apps": set(ROOMS) - {"edge_distil_apps"},
}
# the last two in what a caller chooses: a variant on macOS, and an engine
RUNTIME_MAY_IMPORT = {"numpy", "onnxruntime", "tokenizers", "coremltools", "openvino"}
HEAVY = [
    "coremltools",
    "openvino",
    "torch",
    "onnx",
    "transformers",
    "typer",
    "rich",
    "optimum",
    "onnxscript",
]


def imported(file: Path) -> set[str]:
    """Top-level names of all imports in a file, those inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("room", ROOMS)
def test_imports_run_one_way(room: str) -> None:
    files = list(ROOMS[room].rglob("*.py"))
    assert files
    for file in files:
        others = (imported(file) & set(ROOMS)) - {room}
        assert others <= MAY_IMPORT[room], f"{file} imports {others}"


def test_rooms_of_the_quantizer_import_downwards() -> None:
    floors = ["kernels", "rewrites", "calibration", "recipes", "sensitivity"]
    for height, floor in enumerate(floors):
        for file in (ROOMS["edge_distil_quantize"] / floor).glob("*.py"):
            text = file.read_text(encoding="utf-8")
            above = [f for f in floors[height + 1 :] if f"from edge_distil_quantize.{f}" in text]
            assert not above, f"{file} imports {above}"


def test_the_runtime_needs_three_packages_and_other_engines_one_more() -> None:
    for file in ROOMS["edge_distil"].rglob("*.py"):
        outside = imported(file) - set(sys.stdlib_module_names) - {"edge_distil"}
        assert outside <= RUNTIME_MAY_IMPORT, f"{file} imports {outside}"


@pytest.mark.parametrize(
    ("package", "file"),
    [
        ("onnxruntime", "session.py"),
        ("coremltools", "coreml.py"),
        ("openvino", "openvino.py"),
    ],
)
def test_inference_runtimes_are_imported_in_one_file(package: str, file: str) -> None:
    files = [f.name for f in ROOMS["edge_distil"].rglob("*.py") if package in imported(f)]
    assert files == [file]


def test_import_leaves_the_heavy_packages_alone() -> None:
    script = f"import edge_distil, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
