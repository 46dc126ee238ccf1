"""A variant for onnxruntime alone: its fused operators, for rows without padding."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir

from edge_distil._machine.versions import installed_versions
from edge_distil._writing import staging, storage
from edge_distil._writing.additions import add_to_bundle
from edge_distil.bundle import FUSED, FUSIBLE, MODEL_FILES, Bundle
from edge_distil.errors import QuantizeError
from edge_distil.manifest import Variant
from edge_distil_quantize import evidence
from edge_distil_quantize.checks import check_size, reading_graph, reopen
from edge_distil_quantize.fused.attention import fuse, self_attentions
from edge_distil_quantize.fused.masks import MASK, are_for_padding, refuse_padding
from edge_distil_quantize.fused.quantizers import (
    BLOCKWISE_OPSET,
    Rows,
    find_quantizers,
    join_gelu,
)
from edge_distil_quantize.recipe import Progress
from edge_distil_quantize.recipes.int8 import BATCH_INVARIANT
from edge_distil_quantize.rewrites.blocks import DOMAIN
from edge_distil_quantize.rewrites.editing import Editor, detach_constants, drop_unused

_SHORT = 2  # tokens, beside the longest that the model takes
_TOOLS = ("edge-distil", "numpy", "onnx", "onnx-ir", "onnxruntime")
_BLOCKWISE_IR = 10
_LEAST_COSINE = 0.9999  # to the variant's own file; see `evidence.beside`
_MORE = 10.0  # times int8's distance from fp32: sums in another order move numbers across borders


def fuse_variant(
    bundle: Bundle | str | Path, variant: str = "int8", *, progress: Progress | None = None
) -> Bundle:
    """Add ``int8-fused`` of ``int8``, or ``fp32-fused``, to its bundle.

    The graph is for onnxruntime alone (its MultiHeadAttention and FastGelu, and quantization by
    blocks of opset 21) and for rows without padding, as this package's scheduler makes them: a
    padded row is refused when it runs. Everything that the variant promises stays: int8's
    integers, and the same bits alone and in company.

    Args:
        bundle: A bundle, or its directory.
        variant: One of `FUSIBLE`.
        progress: Called with one line at the start of every stage.

    Returns:
        The bundle with the variant.

    Raises:
        BundleError: The directory is not a bundle, or lacks the variant or fp32.
        QuantizeError: The variant is another one, or its graph has nothing that can be fused.
        StorageError: The bundle cannot be written.
    """
    say = progress or (lambda _: None)
    bundle = reopen(bundle)
    if variant not in FUSIBLE:
        raise QuantizeError(
            f"{variant} has no fused form, expected {' or '.join(FUSIBLE)}: name one of these"
        )
    if bundle.manifest.late_interaction is not None:
        raise QuantizeError(
            f"{bundle.path} is for late interaction, whose queries are filled with tokens that are "
            "masked, and a fused graph takes no masked token: use the variant as it is"
        )
    name = f"{variant}{FUSED}"
    source = bundle.model_path(variant)
    check_size(name, bundle.manifest.variants[variant].bytes)
    say(f"fusing {source.name}")
    with staging.scratch(bundle.path) as folder:
        with reading_graph(source):
            model, settings = _fused(source, bundle.manifest.max_length)
            target = folder / Path(MODEL_FILES[name]).name
            target.write_bytes(ir.to_proto(model).SerializeToString(deterministic=True))
            operators = dict(sorted(Counter(node.op_type for node in model.graph).items()))
            del model
            say(f"comparing {name} with {source.name} and fp32")
            made = _describe(bundle, variant, target, settings, operators)
        return add_to_bundle(
            bundle,
            {made.file.path: target},
            lambda manifest: manifest.with_variant(name, made),
            made_from=("fp32", variant),
        )


def _fused(source: Path, longest: int) -> tuple[ir.Model, dict[str, Any]]:
    """Return the graph with onnxruntime's operators, and what was done."""
    shaped = onnx.shape_inference.infer_shapes(onnx.load(source), data_prop=True)
    model = ir.from_proto(shaped)
    editor = Editor(model.graph)
    attentions = _fuse_attentions(editor, longest)
    if not attentions:
        raise QuantizeError(
            f"{source} has no attention that onnxruntime's own could stand for (without rotated or "
            "relative positions, and masked for padding alone), so nothing would be faster: use "
            "the variant as it is"
        )
    rows, quantizers = Rows(editor), list(find_quantizers(model.graph))
    for found in quantizers:
        rows.rewrite(join_gelu(editor, found))
    refuse_padding(editor)
    drop_unused(model.graph)
    _set_opset(model, blockwise=bool(quantizers))
    detach_constants(model.graph)
    return model, {
        **({"gelu": "by tanh"} if quantizers else {}),
        "attention": f"MultiHeadAttention in {attentions} layers",
        "padding": f"none: where {MASK} is 0, running it is an error",
        "runtime": "onnxruntime only",
    }


def _fuse_attentions(editor: Editor, longest: int) -> int:
    found = list(self_attentions(editor.graph))
    masks = [mask for attention in found for mask in attention.masks]
    padding = are_for_padding(editor.graph, masks, sorted({_SHORT, longest}))
    fusible = [attention for attention in found if all(padding[m] for m in attention.masks)]
    for attention in fusible:
        fuse(editor, attention)
    return len(fusible)


def _set_opset(model: ir.Model, *, blockwise: bool) -> None:
    """Name the operator sets, and take the shapes off.

    With shapes onnxruntime fuses LayerNormalization and the Add before it, which is slower.
    """
    imports = model.graph.opset_imports
    imports[DOMAIN] = 1
    if blockwise:
        imports[""] = max(imports[""], BLOCKWISE_OPSET)
        model.ir_version = max(model.ir_version, _BLOCKWISE_IR)
    for node in model.graph:
        for value in node.outputs:
            if not value.is_graph_output():
                value.shape = value.type = None


def _describe(
    bundle: Bundle,
    variant: str,
    model: Path,
    settings: Mapping[str, Any],
    operators: dict[str, int],
) -> Variant:
    made_from = bundle.manifest.variants[variant]
    name = f"{variant}{FUSED}"
    what = f"the fused form of {variant}"
    found = evidence.beside(bundle, variant, model, what, least=_LEAST_COSINE, more=_MORE)
    vocabulary = evidence.known_vocabulary(bundle.manifest)
    company = evidence.company(model, vocabulary, bundle.manifest)
    promised = {BATCH_INVARIANT} if company["same_bits"] else set()
    kept = {k: v for k, v in made_from.evidence.items() if k in {"exact_integers", *promised}}
    return Variant(
        file=dataclasses.replace(storage.record(model.parent, model), path=MODEL_FILES[name]),
        recipe="fused",
        settings={
            **{k: v for k, v in made_from.settings.items() if k != "warning"},
            "made_from": dataclasses.asdict(made_from.file),
            **settings,
        },
        operators=operators,
        tools=installed_versions(_TOOLS),
        evidence={**found, **kept, "company": company},
    )
