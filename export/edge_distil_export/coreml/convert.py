"""PyTorch module -> Core ML model."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

from edge_distil.coreml import Lengths
from edge_distil.errors import ExportError, InputError
from edge_distil_export.coreml.attention import fused_attention
from edge_distil_export.coreml.lengths import input_shape
from edge_distil_export.graphs.heads import LENGTH_AXIS, Head
from edge_distil_export.graphs.masks import lean_masks

_EXAMPLE = 7  # tokens to trace a flexible length with


def convert(head: Head, lengths: Lengths, *, precision: str, target: str, longest: int) -> Any:
    """Convert a head.

    Args:
        head: Takes its ``inputs`` by name, each ``(1, sequence)``.
        lengths: What the package is to take.
        precision: ``"fp16"`` or ``"fp32"``: of weights and arithmetic.
        target: The oldest system that is to run it, such as ``"iOS16"``.
        longest: Positions that the model has.

    Returns:
        coremltools' model, not loaded.

    Raises:
        InputError: Several lengths for a system before iOS 18, which takes them for one input only.
        ExportError: It cannot be traced or converted.
    """
    import coremltools

    if lengths.kind == "enumerated" and target != "iOS18":
        raise InputError(
            f"several fixed lengths for {len(head.inputs)} inputs need iOS 18, the target is "
            f"{target}: choose --coreml-target iOS18, one length, or a range"
        )
    # coremltools 9 fails on the fused operation where the length is a symbol.
    fused = target == "iOS18" and lengths.kind == "fixed"
    with fused_attention(head) if fused else nullcontext():
        program = _capture(head, lengths, longest)
    try:
        return coremltools.convert(
            program,
            inputs=[
                coremltools.TensorType(name, shape=input_shape(lengths), dtype=np.int32)
                for name in head.inputs
            ],
            outputs=[coremltools.TensorType(name) for name in head.outputs],
            convert_to="mlprogram",
            minimum_deployment_target=getattr(coremltools.target, target),
            compute_precision=getattr(
                coremltools.precision, "FLOAT16" if precision == "fp16" else "FLOAT32"
            ),
            skip_model_load=True,
        )
    except Exception as error:  # coremltools raises many kinds, all of them "cannot convert this"
        raise ExportError(
            f"coremltools {coremltools.__version__} cannot convert this model "
            f"({type(error).__name__}: {_first_line(error)}): choose other --coreml-lengths, or "
            "another checkpoint"
        ) from error


def _capture(head: Head, lengths: Lengths, longest: int) -> Any:
    """Trace the head; a flexible length stays a symbol.

    ``torch.export`` and not ``torch.jit``: coremltools' front end for the latter fails on constant
    shapes with numpy 2.4.
    """
    fixed = lengths.kind == "fixed"
    length = lengths.longest if fixed else _EXAMPLE
    example = {name: torch.ones((1, length), dtype=torch.int32) for name in head.inputs}
    symbol = torch.export.Dim(LENGTH_AXIS, min=2, max=longest)
    shapes = None if fixed else {name: {1: symbol} for name in example}
    try:
        with lean_masks(), torch.no_grad():
            program = torch.export.export(head, (), example, dynamic_shapes=shapes, strict=False)
            return program.run_decompositions({})
    except Exception as error:  # torch raises many kinds, all of them "cannot trace this"
        raise ExportError(
            f"torch.export cannot trace this model ({type(error).__name__}: "
            f"{_first_line(error)}): choose one fixed length, or another checkpoint"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or "no message").splitlines()[0][:200]
