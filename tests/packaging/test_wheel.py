"""A wheel without extras, in a clean environment, runs all of tests/runtime and tests/bench."""

from __future__ import annotations

import shutil
import subprocess
import venv
import zipfile
from pathlib import Path

import pytest
from clean import build_wheel

from edge_distil_apps.study.vocabulary import VOCABULARY_FILES

REPOSITORY = Path(__file__).parents[2]
RUNNERS = ("pytest", "pytest-timeout", "hypothesis")  # what runs the tests, not what they test
CORE = {"numpy", "onnxruntime", "tokenizers", "typer", "rich"}
HEAVY = "torch transformers onnx onnxscript optimum scipy".split()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def clean_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    constraints = ["-c", str(REPOSITORY / "constraints.txt")]
    command = [python, "-m", "pip", "install", "--quiet", *constraints, wheel, *RUNNERS]
    subprocess.run(command, check=True)
    return python


@pytest.mark.slow
def test_runtime_tests_pass_without_extras(clean_python: Path, tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "tests", tmp_path / "tests")
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    run = subprocess.run(
        [clean_python.with_name("pytest"), "tests/runtime", "tests/bench", "-q"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-3000:]
    assert " passed" in run.stdout.splitlines()[-1]


@pytest.mark.slow
def test_nothing_heavy_was_installed(clean_python: Path, tmp_path: Path) -> None:
    script = (
        "import edge_distil, importlib.util, sys\n"
        f"print([n for n in {HEAVY!r} if importlib.util.find_spec(n)], edge_distil.__file__)"
    )
    run = subprocess.run(
        [clean_python, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith("[] ")
    assert "site-packages" in run.stdout


@pytest.mark.slow
def test_the_wheel_has_the_console_script_and_its_data(
    clean_python: Path, wheel: Path, tiny_bundle: Path
) -> None:
    command = [clean_python.with_name("edge-distil"), "run", str(tiny_bundle), "storm"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout
    refused = subprocess.run(
        [command[0], "export", "x", "-o", "y"], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    # from where the wheel is: the package may be on no index
    assert f"install 'edge-distil[export] @ {wheel.as_uri()}'" in refused.stderr


@pytest.fixture
def tiny_bundle() -> Path:
    return REPOSITORY / "tests" / "golden" / "tiny" / "text_classification"


@pytest.mark.slow
def test_the_wheel_brings_the_vocabulary_and_not_the_weights(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    brought = {Path(n).name for n in names if n.startswith("edge_distil_apps/data/vocabulary/")}
    assert brought == set(VOCABULARY_FILES)
    assert not [name for name in names if name.endswith(".safetensors")]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm builds the page")
def test_the_wheel_brings_the_page_and_nothing_that_built_it(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    page = "edge_distil_apps/serve/page"
    assert {f"{page}/index.html", f"{page}/sw.js", f"{page}/manifest.webmanifest"} <= set(names)
    assert [name for name in names if name.endswith("ort-wasm-simd-threaded.wasm")]
    assert not [name for name in names if "node_modules" in name or name.endswith(".ts")]
