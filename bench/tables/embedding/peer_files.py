"""all-MiniLM-L6-v2 as OpenVINO and llama.cpp read it, made with what their users make it with."""

from __future__ import annotations

import sys
import tarfile
import tempfile
from pathlib import Path

from edge_distil_bench.protocol.commands import measure_command
from tables.shared.minilm import checkpoint
from tables.shared.places import TABLES, peer_python, peer_version

OPENVINO_PLACE, LLAMA_CPP_PLACE = "sentence_transformers_openvino", "llama_cpp"  # environments
_PACKAGE = "llama-cpp-python"
_CONVERTER = ("convert_hf_to_gguf.py", "conversion/", "gguf-py/")  # of llama.cpp's repository


def openvino_model(work: Path) -> Path:
    """Return the checkpoint as sentence-transformers' OpenVINO backend saves it, made once."""
    folder = work / "openvino"
    if not folder.is_dir():
        program = TABLES / "embedding" / "openvino_export.py"
        made = work / "openvino.part"
        measure_command([peer_python(OPENVINO_PLACE), "-I", program, checkpoint(), made])
        made.rename(folder)
    return folder


def gguf(work: Path, kind: str) -> Path:
    """Return the checkpoint as GGUF of a kind (``f32``, ``f16``, ``q8_0``), made once."""
    file = work / f"{kind}.gguf"
    if not file.is_file():
        made = work / f"{kind}.part"
        options: list[str | Path] = ["--outtype", kind, "--outfile", made]
        measure_command([sys.executable, _converter(), checkpoint(), *options])
        made.rename(file)
    return file


def _converter() -> Path:
    """Return the converter in the source of the release; the package as installed has none."""
    python = peer_python(LLAMA_CPP_PLACE)
    folder = python.parents[1] / "converter"
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            release = f"{_PACKAGE}=={peer_version(LLAMA_CPP_PLACE, _PACKAGE)}"
            options = ["--quiet", "--no-deps", f"--no-binary={_PACKAGE}", "--dest", temporary]
            measure_command([python, "-m", "pip", "download", *options, release])
            [archive] = Path(temporary).glob("*.tar.gz")
            root = f"{archive.name.removesuffix('.tar.gz')}/vendor/llama.cpp"
            wanted = tuple(f"{root}/{name}" for name in _CONVERTER)
            with tarfile.open(archive) as source:
                members = [member for member in source if member.name.startswith(wanted)]
                source.extractall(temporary, members, filter="data")
            (Path(temporary) / root).rename(folder)
    return folder / _CONVERTER[0]
