"""What every recipe asks of the bundle and its fp32 graph, and what it may say of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edge_distil._reading.printable import shortened
from edge_distil._reading.protobuf import LARGEST as LARGEST_MODEL
from edge_distil.bundle import Bundle, open_bundle
from edge_distil.errors import EdgeDistilError, QuantizeError
from edge_distil.manifest import FILE_NAME
from edge_distil.session import Floats
from edge_distil_quantize.rewrites.embedding import SMALLEST_TABLE, find_tables
from edge_distil_quantize.rewrites.matmul import FEWEST_OUTPUTS

_OLDEST_OPSET = 11  # of 2020; what is older spells out GELU and slices in other ways
# Whose errors say that a graph is not what they expect.
_READERS = {"builtins", "google", "numpy", "onnx", "onnx_ir", "onnxruntime", "onnxscript"}
_QUANTIZED = {
    "ConvInteger",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "MatMulInteger",
    "QLinearMatMul",
    "QuantizeLinear",
}
_HALF = (ir.DataType.FLOAT16, ir.DataType.BFLOAT16)
_SHOWN = 3  # operators in a message


@contextmanager
def reading_graph(source: Path) -> Iterator[None]:
    """Turn what a graph that no exporter wrote makes libraries raise into `QuantizeError`.

    Errors of ours and of the caller's own functions pass, and so does a lack of memory or room.
    """
    try:
        yield
    except (EdgeDistilError, OSError, MemoryError):
        raise
    except Exception as error:
        if type(error).__module__.split(".")[0] not in _READERS:
            raise
        raise QuantizeError(
            f"{source} cannot be quantized ({type(error).__name__}: "
            f"{shortened(str(error), most=200)}): export the checkpoint again, or, if edge-distil "
            "wrote the file, report it"
        ) from error


def check_size(what: str, size: int) -> None:
    """Refuse what would be larger than a file of its format can be.

    Args:
        what: The variant.
        size: Bytes of its weights.

    Raises:
        QuantizeError: It is.
    """
    if size > LARGEST_MODEL:
        raise QuantizeError(
            f"{what} takes {size / 1e9:.1f} GB, and one file of its format holds at most 2.1 GB: "
            "choose a smaller variant, such as int8"
        )


def reopen(bundle: Bundle | str | Path) -> Bundle:
    """Open a bundle that is to be added to.

    From disk even where it is open: another variant may have been added since.

    Raises:
        BundleError: The directory is not a bundle.
        QuantizeError: It has no manifest.
    """
    bundle = open_bundle(bundle.path if isinstance(bundle, Bundle) else bundle)
    if bundle.inferred:
        raise QuantizeError(
            f"{bundle.path} has no {FILE_NAME}, so the variant's evidence has no place: make a "
            "bundle of it with edge_distil_export.adopt_onnx, or export the checkpoint"
        )
    return bundle


def check_kind(model: ir.Model) -> None:
    """Check that a graph is of float32 and of operators that the recipes can work on.

    Raises:
        QuantizeError: It is quantized or of 16 bits already, of an old opset, or has operators
            that are not standard or hold graphs of their own.
    """
    graph = model.graph
    if found := sorted({n.op_type for n in graph} & _QUANTIZED):
        raise QuantizeError(
            f"the fp32 graph has {', '.join(found)}, so it is quantized already: take the "
            "float32 model that it was made of, or export the checkpoint again"
        )
    if foreign := sorted({f"{n.domain}.{n.op_type}" for n in graph if n.domain}):
        raise QuantizeError(
            f"the fp32 graph has {_some(foreign)}, expected standard ONNX operators alone: take "
            "the model that this one was optimised from, or export the checkpoint again, without "
            "fusing (optimum's O1 at most)"
        )
    if nested := sorted({n.op_type for n in graph if _holds_graphs(n)}):
        raise QuantizeError(
            f"the fp32 graph has {_some(nested)} with graphs inside, expected operators alone: "
            "export the checkpoint with edge-distil"
        )
    opset = model.opset_imports.get("", 0)
    if opset < _OLDEST_OPSET:
        raise QuantizeError(
            f"the fp32 graph is of ONNX opset {opset}, expected {_OLDEST_OPSET} or later: "
            "export the checkpoint again"
        )
    if half := sorted({t.dtype.name for t in _stored(graph) if t.dtype in _HALF and t.size > 1}):
        raise QuantizeError(
            f"the fp32 graph's weights are {' and '.join(half)}, expected FLOAT (32 bits): take "
            "the float32 model that it was made of, or export the checkpoint again"
        )


def check_numbers(graph: ir.Graph) -> None:
    """Check that all weights are numbers.

    Raises:
        QuantizeError: One is NaN or infinite.
    """
    for name, array in _float_constants(graph):
        # A single one may be -inf: a mask's.
        wrong = np.isnan(array) if array.size == 1 else ~np.isfinite(array)
        if wrong.any():
            raise QuantizeError(
                f"the fp32 graph's constant {name} holds NaN or infinity, expected numbers: export "
                "the checkpoint again, or train it again"
            )


def check_half_range(graph: ir.Graph) -> None:
    """Check that float16 can hold the weights.

    Single constants are left to the rewrite: a mask's large number stands for any that is large.

    Raises:
        QuantizeError: One is beyond its range.
    """
    largest = float(np.finfo(np.float16).max)
    for name, array in _float_constants(graph):
        reached = float(max(array.max(), -array.min())) if array.size > 1 else 0.0
        if reached > largest:
            raise QuantizeError(
                f"the fp32 graph's constant {name} reaches {reached:.3g}, float16 holds at most "
                f"{largest:,.0f}: use int8, int4 or fp32"
            )


def check_outputs(outputs: Sequence[Mapping[str, Floats]], variant: str) -> None:
    """Check that a model gave numbers.

    Args:
        outputs: Output name -> array, for each input.
        variant: What gave them, for the message.

    Raises:
        QuantizeError: It gave NaN or infinity.
    """
    for row in outputs:
        for name, array in row.items():
            if not np.isfinite(array).all():
                raise QuantizeError(
                    f"{variant} gives NaN or infinity as {name}, expected numbers: its values pass "
                    "the range of its type; nothing was written, use another variant"
                )


def _stored(graph: ir.Graph) -> Iterator[ir.TensorProtocol]:
    """Yield what a graph stores, in Constant operators too."""
    yield from (v.const_value for v in graph.initializers.values() if v.const_value is not None)
    for node in graph:
        for attribute in node.attributes.values() if node.op_type == "Constant" else ():
            if attribute.type == ir.AttributeType.TENSOR:
                yield attribute.as_tensor()


def _holds_graphs(node: ir.Node) -> bool:
    kinds = (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS)
    return any(attribute.type in kinds for attribute in node.attributes.values())


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _float_constants(graph: ir.Graph) -> Iterator[tuple[str, NDArray[Any]]]:
    for name, value in graph.initializers.items():
        if value.const_value is not None and value.const_value.dtype.is_floating_point():
            array = value.const_value.numpy()
            if array.size:
                yield name, array


def nothing_to_quantize(graph: ir.Graph, *, tables: bool = True) -> QuantizeError:
    """Return the error for a graph without what a recipe works on.

    Args:
        graph: The graph.
        tables: An embedding table alone would have done.
    """
    found = Counter(n.op_type for n in graph).most_common(5)
    operators = ", ".join(f"{n} {op}" for op, n in found)
    wanted = f"MatMul with a stored matrix of {FEWEST_OUTPUTS} columns or more"
    if tables:
        wanted += f" and no table of {SMALLEST_TABLE:,} numbers or more"
    remedy = "use fp32" if tables or not find_tables(graph) else "use int8, which takes its tables"
    return QuantizeError(
        f"the graph has no {wanted}, so nothing can be quantized; its operators are {operators}: "
        f"{remedy}"
    )
