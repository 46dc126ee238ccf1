"""A variant in ONNX Runtime's own format, with what a minimal mobile build must contain.

A build without the ONNX parser and the graph optimisers loads nothing else, so the file holds the
graph already optimised. It must run on every CPU, so it is not optimised for this one: of
onnxruntime's levels, "extended" is the last whose results do not depend on the hardware. And
constants stay as stored: folded, the int8 weights of ``weights-only`` would be float32 again.
"""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path, PurePosixPath

import onnxruntime as ort

from edge_distil._machine.interpreter import python
from edge_distil._machine.versions import installed_versions
from edge_distil._reading.printable import first_line
from edge_distil._writing import staging, storage
from edge_distil._writing.additions import add_to_bundle
from edge_distil.bundle import FUSED, MODEL_FILES, Bundle
from edge_distil.errors import QuantizeError
from edge_distil.manifest import Variant
from edge_distil_quantize import evidence
from edge_distil_quantize.checks import check_size, reading_graph, reopen
from edge_distil_quantize.recipe import Progress

CONFIG_SUFFIX = ".required_operators.config"
_LEVEL = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
_ENTRIES = {
    "session.save_model_format": "ORT",
    "session.qdqisint8allowed": "1",  # else int8 becomes uint8 where this CPU prefers it
}
_ERRORS_ONLY = 3  # onnxruntime's log level
# The same graph differs by rounding: an fp16 one most, whose casts the optimisers of ONNX files
# remove. Below this something else is the matter.
_LEAST_COSINE = 0.9999
# In a process of its own: the module imports torch unless that seems to be absent, sets up logging
# for the whole process and leaves a file open.
_WRITE_CONFIG = """
import pathlib, sys
sys.modules["torch"] = None
from onnxruntime.tools.ort_format_model import create_config_from_models
create_config_from_models([pathlib.Path(sys.argv[1])], pathlib.Path(sys.argv[2]), True)
"""
_WARNINGS = {
    "weights-only": "weights-only in the ORT format takes its weights to float32 at every call, "
    "not once at load: slower than fp32, short texts most",
    "fp16": "fp16 in the ORT format is laid out for a CPU: half of the size, but float32 "
    "arithmetic with casts around every operator",
}


def onnx_variants(bundle: Bundle) -> list[str]:
    """Return the names of the variants that are ONNX files, which `convert_to_ort` takes.

    Fused ones are left out: that format is for phones' own builds, this one is for Python.
    """
    variants = bundle.manifest.variants
    return [
        name
        for name, variant in variants.items()
        if variant.file.path.endswith(".onnx") and not name.endswith(FUSED)
    ]


def convert_to_ort(
    bundle: Bundle | str | Path, variant: str = "fp32", *, progress: Progress | None = None
) -> Bundle:
    """Add the ORT format of a variant, such as ``int8-ort`` of ``int8``, to its bundle.

    Beside the model, ``*.required_operators.config`` names its operators and their types, for
    ``build.py --include_ops_by_config FILE --enable_reduced_operator_type_support`` of onnxruntime.
    All files are written in full before one takes its place.

    Args:
        bundle: A bundle, or its directory.
        variant: The variant to convert.
        progress: Called with one line at the start of every stage.

    Returns:
        The bundle with the variant.

    Raises:
        BundleError: The directory is not a bundle, or lacks the variant or fp32.
        QuantizeError: onnxruntime cannot convert the variant.
        StorageError: The bundle cannot be written.
    """
    say = progress or (lambda _: None)
    bundle = reopen(bundle)
    name = f"{variant}-ort"
    source = bundle.model_path(variant)
    if variant not in onnx_variants(bundle):
        raise QuantizeError(
            f"{variant} is {source.name}, not an ONNX file, so it has no ORT format: choose one of "
            f"{', '.join(onnx_variants(bundle))}"
        )
    check_size(name, bundle.manifest.variants[variant].bytes)
    say(f"converting {source.name} to the ORT format")
    if variant in _WARNINGS:
        say(f"warning: {_WARNINGS[variant]}")
    with staging.scratch(bundle.path) as folder:
        model = folder / source.with_suffix(".ort").name  # onnxruntime knows it by the suffix
        _convert(source, model)
        config = folder / source.with_suffix(CONFIG_SUFFIX).name
        config.write_text(_required_operators(model), encoding="utf-8")
        say(f"comparing {name} with {source.name} and fp32")
        with reading_graph(source):
            made = _describe(bundle, variant, model)
        return add_to_bundle(
            bundle,
            {made.settings["required_operators"]: config, made.file.path: model},
            lambda manifest: manifest.with_variant(name, made),
            made_from=("fp32", variant),
        )


def _convert(source: Path, target: Path) -> None:
    options = ort.SessionOptions()
    options.graph_optimization_level = _LEVEL
    options.optimized_model_filepath = str(target)
    options.log_severity_level = _ERRORS_ONLY
    for key, value in _ENTRIES.items():
        options.add_session_config_entry(key, value)
    try:
        ort.InferenceSession(
            str(source),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["ConstantFolding"],
        )
    except Exception as error:  # onnxruntime's errors share no other base
        raise QuantizeError(
            f"onnxruntime cannot convert {source} to its own format ({first_line(error)}):"
            " check that the disk has room, else make the variant again"
        ) from error


def _required_operators(model: Path) -> str:
    """Return the text of onnxruntime's configuration for a reduced build."""
    target = model.with_suffix(CONFIG_SUFFIX)
    command = python("-W", "ignore", "-c", _WRITE_CONFIG, model, target)
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode or not target.is_file():
        reason = (run.stderr.strip() or "it wrote nothing").splitlines()[-1]
        raise QuantizeError(
            f"onnxruntime's tools cannot list the operators of {model.name} ({reason}): "
            "pip install -U onnxruntime flatbuffers"
        )
    return target.read_text(encoding="utf-8").replace(str(model), model.name)


def _describe(bundle: Bundle, variant: str, model: Path) -> Variant:
    made_from = bundle.manifest.variants[variant].file
    path = PurePosixPath(MODEL_FILES.get(variant, made_from.path))
    settings = {
        "made_from": dataclasses.asdict(made_from),
        "optimisation": "onnxruntime's level extended, without constant folding",
        "required_operators": path.with_suffix(CONFIG_SUFFIX).as_posix(),
        "runtime": "onnxruntime only",
    }
    if variant in _WARNINGS:
        settings["warning"] = _WARNINGS[variant]
    return Variant(
        file=dataclasses.replace(
            storage.record(model.parent, model), path=path.with_suffix(".ort").as_posix()
        ),
        recipe="ort",
        settings=settings,
        tools=installed_versions(("edge-distil", "numpy", "onnxruntime")),
        evidence=evidence.beside(
            bundle, variant, model, f"the ORT format of {variant}", least=_LEAST_COSINE
        ),
    )
