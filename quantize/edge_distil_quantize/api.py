"""`quantize_bundle`: bundle -> the same bundle with one variant more."""

from __future__ import annotations

import dataclasses
import gc
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import onnx
import onnx_ir as ir

from edge_distil._machine.versions import installed_versions
from edge_distil._writing import staging, storage
from edge_distil._writing.additions import add_to_bundle
from edge_distil._writing.temporary import temporaries_in
from edge_distil.bundle import MODEL_FILES, Bundle
from edge_distil.errors import QuantizeError
from edge_distil.manifest import Variant
from edge_distil_quantize import evidence
from edge_distil_quantize.calibration.inputs import calibration_inputs
from edge_distil_quantize.calibration.known import Known
from edge_distil_quantize.checks import check_outputs, check_size, reading_graph, reopen
from edge_distil_quantize.reading.model import read_model
from edge_distil_quantize.recipe import Feeds, Progress, Request
from edge_distil_quantize.recipes import RECIPES
from edge_distil_quantize.recipes.int8 import BATCH_INVARIANT
from edge_distil_quantize.rewrites.editing import detach_constants, readers, sizes

_TOOLS = ("edge-distil", "numpy", "onnx", "onnx-ir", "onnxruntime")


class Written(NamedTuple):
    """A quantized model, ready to write.

    Attributes:
        settings: As `Made.settings`.
        evidence: As `Made.evidence`.
        data: The serialised ONNX model.
        operators: Operator type -> count.
        vocabulary: Rows of the table that the token ids look up.
    """

    settings: Mapping[str, Any]
    evidence: Mapping[str, Any]
    data: bytes
    operators: dict[str, int]
    vocabulary: int


def quantize_bundle(
    bundle: Bundle | str | Path,
    recipe: str = "int8",
    *,
    data: str | Path | None = None,
    calibrate: bool = True,
    keep: Collection[str] = (),
    method: str = "percentile",
    progress: Progress | None = None,
) -> Bundle:
    """Add a variant to a bundle, with evidence of what it costs.

    An error or an interruption leaves the bundle as it was. A variant of that name is replaced;
    those that other processes add meanwhile stay.

    Args:
        bundle: A bundle with its fp32 variant, or its directory.
        recipe: One of `RECIPES`.
        data: A file to calibrate on, see `calibration.inputs`; an own-written sample when
            ``None``. Recipes that do not calibrate pass it over.
        calibrate: False rounds by the weights alone: fast, and less faithful.
        keep: Names of operators of the fp32 graph that stay in fp32.
        method: How ``int8-static`` chooses ranges: see `activation_ranges.METHODS`.
        progress: Called with one line at the start of every stage.

    Returns:
        The bundle with the variant.

    Raises:
        BundleError: The directory is not a bundle, or has no fp32 variant (`VariantMissing`).
        DataError: `data` cannot be read.
        QuantizeError: The recipe is unknown or the fp32 graph cannot be quantized.
        StorageError: The bundle cannot be written.
    """
    if recipe not in RECIPES:
        raise QuantizeError(f"no recipe {recipe!r}: choose one of {', '.join(RECIPES)}")
    bundle = reopen(bundle)
    bundle.model_path("fp32")  # said before anything is read
    inputs = _calibration(bundle, recipe, data, calibrate)
    return add_variant(bundle, recipe, inputs, keep=keep, method=method, progress=progress)


def add_variant(
    bundle: Bundle,
    recipe: str,
    inputs: Sequence[Feeds],
    *,
    keep: Collection[str] = (),
    method: str = "percentile",
    progress: Progress | None = None,
    known: Known | None = None,
) -> Bundle:
    """Do what `quantize_bundle` does, on inputs that were read.

    Args:
        bundle: The bundle.
        recipe: One of `RECIPES`.
        inputs: To calibrate on; empty where it shall not.
        keep: As for `quantize_bundle`, and so are `method` and `progress`.
        method: See `keep`.
        progress: See `keep`.
        known: As `Request.known`.
    """
    say = progress or (lambda _: None)
    bundle = reopen(bundle)
    source = bundle.model_path("fp32")
    with staging.scratch(bundle.path) as folder:
        say(f"quantizing {source.name} ({recipe})")
        with temporaries_in(folder / "tmp"), reading_graph(source):
            model = read_model(source)
            made = _make(Request(model, inputs, frozenset(keep), method, say, known), recipe)
            del model
        # Graphs are cyclic: without this the fp32 weights stay beside those of sessions.
        gc.collect()
        model_file = folder / Path(MODEL_FILES[recipe]).name
        model_file.write_bytes(made.data)
        made = made._replace(data=b"")  # room for the sessions below
        say(f"comparing {recipe} with fp32")
        with reading_graph(source):
            variant = _describe(bundle, recipe, made, source, model_file)
        return add_to_bundle(
            bundle,
            {MODEL_FILES[recipe]: model_file},
            lambda manifest: manifest.with_variant(recipe, variant),
        )


def _calibration(
    bundle: Bundle, recipe: str, data: str | Path | None, calibrate: bool
) -> Sequence[Feeds]:
    if not RECIPES[recipe].calibrated:
        return ()
    if not calibrate and RECIPES[recipe].required:
        raise QuantizeError(
            f"{recipe} cannot be made without calibrating: leave out --no-calibration "
            "(calibrate=False)"
        )
    return calibration_inputs(bundle, data) if calibrate else ()


def _make(request: Request, recipe: str) -> Written:
    """Rewrite, check and serialise."""
    vocabulary = _vocabulary(request.model.graph)
    made = RECIPES[recipe].make(request)
    detach_constants(made.model.graph)
    gc.collect()  # graphs are cyclic
    weights = (value.const_value for value in made.model.graph.initializers.values())
    check_size(recipe, sum(tensor.nbytes for tensor in weights if tensor is not None))
    data = ir.to_proto(made.model).SerializeToString(deterministic=True)
    try:
        onnx.checker.check_model(data)
    except onnx.checker.ValidationError as error:
        raise QuantizeError(f"the quantized graph is invalid ONNX ({error}): report it") from error
    operators = dict(sorted(Counter(n.op_type for n in made.model.graph).items()))
    return Written(made.settings, made.evidence, data, operators, vocabulary)


def _vocabulary(graph: ir.Graph) -> int:
    ids = [value for value in graph.inputs if value.name == "input_ids"]
    nodes = [use.node for value in ids for use in readers(value)]
    ids += [node.outputs[0] for node in nodes if node.op_type == "Cast"]  # of 32 bits in some
    uses = [use for value in ids for use in readers(value)]
    tables = [use.node.inputs[0] for use in uses if use.node.op_type == "Gather" and use.idx == 1]
    return max((sizes(t)[0] for t in tables if t is not None and t.is_initializer()), default=1)


def _describe(
    bundle: Bundle, recipe: str, made: Written, source: Path, model_file: Path
) -> Variant:
    record = storage.record(model_file.parent, model_file)
    return Variant(
        file=dataclasses.replace(record, path=MODEL_FILES[recipe]),
        recipe=recipe,
        settings=dict(made.settings),
        operators=made.operators,
        tools=installed_versions(_TOOLS),
        evidence=_evidence(bundle, recipe, made, source, model_file),
    )


def _evidence(
    bundle: Bundle, recipe: str, made: Written, source: Path, model_file: Path
) -> dict[str, Any]:
    manifest = bundle.manifest
    texts = evidence.golden_rows(manifest)
    random = evidence.random_rows(made.vocabulary, manifest.max_length)
    # One after the other: both models in memory would double the need.
    expected = evidence.run_rows(source, [*texts, *random], manifest)
    got = evidence.run_rows(model_file, [*texts, *random], manifest)
    check_outputs(expected, "fp32")
    check_outputs(got, recipe)
    split = len(texts)
    found = {"random_tokens": evidence.fidelity(expected[split:], got[split:])}
    if texts:
        found = {"fidelity": evidence.fidelity(expected[:split], got[:split]), **found}
    if manifest.late_interaction is not None and texts:
        found["late_interaction"] = evidence.late_interaction(bundle, source, model_file)
    company = evidence.company(model_file, made.vocabulary, manifest)
    kept = {k: v for k, v in made.evidence.items() if company["same_bits"] or k != BATCH_INVARIANT}
    return {**found, **kept, "company": company}
