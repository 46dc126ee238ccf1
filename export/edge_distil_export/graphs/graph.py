"""PyTorch module -> ONNX graph, with symbolic batch and length."""

from __future__ import annotations

import onnx_ir as ir
import torch

from edge_distil._reading.printable import first_line
from edge_distil.errors import ExportError
from edge_distil_export.graphs.heads import BATCH_AXIS, LENGTH_AXIS, Head
from edge_distil_export.graphs.masks import lean_masks
from edge_distil_export.graphs.translations import Table, is_direct, preferred, translations

# The example's sizes: at least 2, because torch.export specialises 0 and 1; different from each
# other, so that no axis can be mistaken for the other.
_EXAMPLE = (2, 7)
_LARGEST_BATCH = 4096  # bounds torch.export's reasoning about shapes only; the graph takes any


def capture(head: Head, positions: int) -> torch.export.ExportedProgram:
    """Trace the head once.

    Args:
        head: The module; takes its ``inputs`` by name, each int64 ``(batch, sequence)``.
        positions: The longest sequence the model has positions for, at least 8.

    Raises:
        ExportError: torch.export cannot trace it.
    """
    example = {name: torch.ones(_EXAMPLE, dtype=torch.long) for name in head.inputs}
    batch = torch.export.Dim(BATCH_AXIS, min=1, max=_LARGEST_BATCH)
    length = torch.export.Dim(LENGTH_AXIS, min=2, max=positions)
    # As torch.onnx does itself: no guard, and so no second graph, for a size of 0 or 1.
    any_size = torch.fx.experimental._config.patch(backed_size_oblivious=True)  # type: ignore[attr-defined]
    try:
        with lean_masks(), any_size, torch.no_grad():
            return torch.export.export(
                head,
                (),
                example,
                dynamic_shapes={name: {0: batch, 1: length} for name in example},
                strict=False,
            )
    except Exception as error:  # torch raises many kinds, all of them "cannot trace this"
        raise ExportError(
            f"torch.export cannot trace this model ({type(error).__name__}: "
            f"{first_line(error)}): choose another checkpoint, or another release of torch"
        ) from error


def translate(program: torch.export.ExportedProgram, head: Head, opset: int) -> ir.Model:
    """Translate a traced head to ONNX operators.

    Args:
        program: What `capture` gave.
        head: Names the inputs and outputs.
        opset: ONNX operator set.

    Raises:
        ExportError: An operator has no ONNX translation.
    """
    table = preferred(program, opset)
    if is_direct(program):
        try:
            return _without_decomposition(program, head, opset, table | translations())
        except torch.onnx.errors.OnnxExporterError:
            pass  # an operator outside our table: take the long way, which knows them all
    try:
        return _to_onnx(program, head, opset, table)
    except Exception as error:  # translation functions raise any kind
        raise ExportError(
            f"torch cannot translate this model to ONNX opset {opset} ({first_line(error)}): "
            "try another --opset"
        ) from error


def _without_decomposition(
    program: torch.export.ExportedProgram, head: Head, opset: int, table: Table
) -> ir.Model:
    """Translate the program as it is; see the module `translations`."""
    program.run_decompositions = lambda *_: program
    try:
        return _to_onnx(program, head, opset, table)
    finally:
        del program.run_decompositions


def _to_onnx(
    program: torch.export.ExportedProgram, head: Head, opset: int, table: Table
) -> ir.Model:
    result = torch.onnx.export(
        program,
        (),
        dynamo=True,
        opset_version=opset,
        input_names=list(head.inputs),
        output_names=list(head.outputs),
        optimize=False,
        verbose=False,
        custom_translation_table=table,
    )
    assert result is not None  # only the exporter before dynamo returned nothing
    return result.model
