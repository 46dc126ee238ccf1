"""Translated graph -> the graph we ship: small, without traces of its making, always the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import onnx
import onnx_ir as ir
from onnx_ir.passes import common
from onnxscript.optimizer import optimize_ir

from edge_distil.errors import ExportError
from edge_distil.manifest import PRODUCER
from edge_distil_export.graphs.heads import BATCH_AXIS, LENGTH_AXIS, POSITIONS


def fold(model: ir.Model) -> None:
    """Fold and deduplicate the graph, in place; every value keeps its shape.

    A weight that one MatMul reads is stored transposed, ready to use. A weight with several
    readers (tied embeddings) is stored once and keeps its Transpose, which runtimes fold at
    load.

    Args:
        model: What `graph.translate` gave.
    """
    # Before folding, so that equal Transposes of one shared weight (ALBERT) fold as one.
    common.CommonSubexpressionEliminationPass()(model)
    optimize_ir(model, should_fold=_unless_shared)
    _drop_round_trips(model)


def bare(
    model: ir.Model, inputs: Sequence[str], outputs: Mapping[str, tuple[str | int, ...]]
) -> None:
    """Take the traces of its making off the graph and name its axes, in place.

    Args:
        model: The folded graph.
        inputs: Names of the inputs, each ``(batch_size, sequence_length)``.
        outputs: Output name -> its leading axes, by name or of fixed size; others may follow.

    Raises:
        ExportError: What is left is not plain ONNX, or does not look at the positions it takes.
    """
    _check_positions(model.graph)
    common.ClearMetadataAndDocStringPass()(model)
    _strip(model)
    axes = {**dict.fromkeys(inputs, (BATCH_AXIS, LENGTH_AXIS)), **outputs}
    for value in (*model.graph.inputs, *model.graph.outputs):
        _name_axes(value, axes[str(value.name)])
    check_plain(model)


def _drop_round_trips(model: ir.Model) -> None:
    """Take out reshapes to the shape that a value had: rows made choices, and rows again.

    Reshape keeps the order of the numbers, as an Unsqueeze before it does.
    """
    for node in model.graph:
        if node.op_type == "Reshape" and (origin := _same_shape(node)) is not None:
            node.op_type = "Identity"
            node.resize_inputs(1)
            node.replace_input_with(0, origin)
    common.IdentityEliminationPass()(model)
    common.RemoveUnusedNodesPass()(model)


def _same_shape(node: ir.Node) -> ir.Value | None:
    """Return what a Reshape reads, or the Unsqueeze behind it, if that has the shape asked for."""
    wanted, read = node.outputs[0].shape, node.inputs[0]
    if wanted is None or not all(isinstance(size, int) or size.value for size in wanted):
        return None  # an axis without a name may have any size
    maker = read.producer() if read is not None else None
    before = maker.inputs[0] if maker is not None and maker.op_type == "Unsqueeze" else None
    return next((v for v in (read, before) if v is not None and v.shape == wanted), None)


def _unless_shared(node: ir.Node) -> bool | None:
    """Keep the Transpose of a weight that others read as it is; ``None`` leaves it to the rules."""
    shared = (v for v in node.inputs if v is not None and v.is_initializer() and len(v.uses()) > 1)
    return False if node.op_type == "Transpose" and any(shared) else None


def _check_positions(graph: ir.Graph) -> None:
    """Raise where the positions are taken for their shape alone, as of DeBERTa v3."""
    for value in graph.inputs:
        if value.name == POSITIONS and all(u.node.op_type == "Shape" for u in value.uses()):
            raise ExportError(
                f"nothing in this model depends on {POSITIONS}, expected a family with positions "
                "of its own, such as BERT's: export it without them"
            )


def _name_axes(value: ir.Value, names: tuple[str | int, ...]) -> None:
    assert value.shape is not None  # torch.export knows the shape of every value
    value.shape = ir.Shape([*names, *list(value.shape)[len(names) :]])


def _strip(model: ir.Model) -> None:
    model.producer_name, model.producer_version = PRODUCER, None
    model.domain = model.model_version = None
    model.graph.name = PRODUCER
    model.metadata_props.clear()
    model.graph.metadata_props.clear()
    for node in model.graph:
        for value in node.outputs:
            if not value.is_graph_output():
                value.shape = None  # runtimes infer them; here they are size and noise
    opset = onnx.helper.make_opsetid("", model.opset_imports[""])
    model.ir_version = onnx.helper.find_min_ir_version_for([opset])


def check_plain(model: ir.Model) -> None:
    """Check that the graph holds standard operators alone.

    Raises:
        ExportError: It has functions, subgraphs or operators of other domains.
    """
    foreign = sorted({f"{n.domain}.{n.op_type}" for n in model.graph if n.domain not in ("",)})
    nested = sorted(
        {
            node.op_type
            for node in model.graph
            for attribute in node.attributes.values()
            if attribute.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS)
        }
    )
    if foreign or nested or model.functions:
        extra = [*foreign, *nested, *(str(key) for key in model.functions)]
        raise ExportError(
            f"the graph needs {', '.join(extra)}, expected standard ONNX operators only: choose "
            "another --opset or checkpoint, or report this model"
        )


def operator_counts(model: ir.Model) -> dict[str, int]:
    """Count the operators by type, in alphabetical order."""
    return dict(sorted(Counter(node.op_type for node in model.graph).items()))
