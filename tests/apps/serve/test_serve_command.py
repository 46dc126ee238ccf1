"""``edge-distil serve`` at the command line: one clear line for each thing that can be wrong."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from command import Command
from serve_process import write_page

from edge_distil._machine import installation
from edge_distil_apps.serve import page

pytest.importorskip("starlette", reason="needs the extra [serve]")


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A built page, where the package looks for it."""
    folder = write_page(tmp_path / "page")
    monkeypatch.setattr(page, "_INSTALLED", folder)
    return folder


def _one_line(said: str) -> str:
    assert len(said.strip().splitlines()) == 1, said
    return said


def test_a_taken_port(edge_distil: Command, built: Path, tiny: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        done = edge_distil("serve", tiny / "embedding", "--port", str(port))
    assert done.status == 1
    assert f"port {port} is taken" in _one_line(done.err)
    assert "--port 0" in done.err


def test_an_address_of_another_machine(edge_distil: Command, built: Path, tiny: Path) -> None:
    done = edge_distil("serve", tiny / "embedding", "--host", "192.0.2.7", "--port", "0")
    assert done.status == 1
    assert "192.0.2.7" in _one_line(done.err)


def test_no_bundle(edge_distil: Command, built: Path, tmp_path: Path) -> None:
    done = edge_distil("serve", tmp_path / "nowhere")
    assert done.status == 1
    assert "no bundle at" in _one_line(done.err)
    assert edge_distil("serve").status == 2


def test_a_bundle_that_was_edited(
    edge_distil: Command, built: Path, tiny: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(tiny / "embedding", tmp_path / "copy"))
    model = copy / "onnx" / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    done = edge_distil("serve", copy)
    assert done.status == 1
    assert "model.onnx" in _one_line(done.err)


def test_the_same_bundle_twice(edge_distil: Command, built: Path, tiny: Path) -> None:
    done = edge_distil("serve", tiny / "embedding", tiny / "." / "embedding")
    assert (done.status, "given twice" in " ".join(done.err.split())) == (2, True)


def test_a_page_that_was_not_built(
    edge_distil: Command, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "_INSTALLED", tmp_path / "none")
    monkeypatch.setattr(page, "_BUILT", tmp_path / "none")
    done = edge_distil("serve", tiny / "embedding")
    assert done.status == 1
    assert f"make -C {installation.clone()} page" in _one_line(done.err)
    assert "Node 20" in done.err
    done = edge_distil("serve", tmp_path / "nowhere")
    assert "no bundle at" in _one_line(done.err)  # and not what a page needs
    monkeypatch.setattr(installation, "is_clone", lambda: False)
    said = _one_line(edge_distil("serve", tiny / "embedding").err)
    assert "npm" in said
    assert "pip install -U" not in said  # another wheel built so has no page either


@pytest.mark.parametrize("package", ["starlette", "uvicorn", "segno"])
def test_a_missing_extra(built: Path, tiny: Path, package: str) -> None:
    script = (
        f"import sys; sys.modules[{package!r}] = None; from pathlib import Path\n"
        f"from edge_distil_apps.serve import page; page._INSTALLED = Path({str(built)!r})\n"
        f"sys.argv = ['edge-distil', 'serve', {str(tiny / 'embedding')!r}, '--port', '0']\n"
        "from edge_distil_apps.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert installation.install("serve") in _one_line(done.stderr)


@pytest.mark.parametrize(
    "flags",
    [["--lan", "--host", "::1"], ["--static", "x", "--lan"], ["--force"], ["--port", "70000"]],
)
def test_flags_that_do_not_go_together(
    edge_distil: Command, built: Path, tiny: Path, flags: list[str]
) -> None:
    assert edge_distil("serve", tiny / "embedding", *flags).status == 2


def test_static_writes_all_of_it_and_replaces_nothing_else(
    edge_distil: Command, built: Path, tiny: Path, tmp_path: Path
) -> None:
    out = tmp_path / "site"
    done = edge_distil("serve", tiny / "embedding", "--static", out, "--json")
    assert done.status == 0, done.err
    assert json.loads(done.out)["static"] == str(out)
    written = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert {"index.html", "sw.js", "assets/index-abc.js", "bundles.json"} <= written
    assert {"bundles/embedding/edge_distil.json", "bundles/embedding/golden.json"} <= written
    assert (out / "bundles" / "embedding" / "onnx" / "model.onnx").read_bytes() == (
        tiny / "embedding" / "onnx" / "model.onnx"
    ).read_bytes()
    assert json.loads((out / "bundles.json").read_bytes())["uploads"] is False
    assert edge_distil("serve", tiny / "embedding", "--static", out).status == 1
    assert edge_distil("serve", tiny / "embedding", "--static", out, "--force").status == 0
    (out / "mine.txt").write_text("mine")
    refused = edge_distil("serve", tiny / "embedding", "--static", out, "--force")
    assert (refused.status, "mine.txt" in refused.err) == (1, True)
    assert (out / "mine.txt").is_file()


def test_a_variant_that_was_left_out_is_not_served(
    edge_distil: Command, built: Path, tiny: Path, tmp_path: Path
) -> None:
    lite = Path(shutil.copytree(tiny / "embedding", tmp_path / "lite"))
    (lite / "onnx" / "model.onnx").unlink()
    done = edge_distil("serve", lite, "--static", tmp_path / "site", "--json")
    assert done.status == 0, done.err
    [listed] = json.loads((tmp_path / "site" / "bundles.json").read_bytes())["bundles"]
    assert list(listed["variants"]) == ["int8"]
    golden = json.loads((tmp_path / "site" / "bundles" / "lite" / "golden.json").read_bytes())
    assert list(golden["answers"]) == ["int8"]
