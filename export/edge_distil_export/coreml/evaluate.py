"""Run a Core ML program on any machine: operation by operation, in numpy.

Core ML itself runs on Apple's systems alone. This evaluator reads the saved package, as Core ML
does, and executes what it says with the references of `operators` and `constants`. Sums are taken
in float32 and every result is rounded to the type that the program gives it, float16 above all:
what is stored is exact, and how the hardware orders its sums is the only thing left open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_distil.errors import ExportError
from edge_distil_export.coreml.constants import CONSTANTS
from edge_distil_export.coreml.operators import OPERATORS, TYPES

Array = NDArray[Any]
_KNOWN: dict[str, Callable[..., Any]] = OPERATORS | CONSTANTS


class Program:
    """A saved package, ready to run.

    Args:
        path: The ``.mlpackage``.

    Attributes:
        inputs: Names of the inputs, int32 ``(1, sequence)``.
        outputs: Names of the outputs.
        norms: Names of the results of layer normalisations, in the program's order.

    Raises:
        ExportError: It cannot be read, or holds an operation without a reference.
    """

    def __init__(self, path: Path) -> None:
        from coremltools.converters.mil.frontend.milproto.load import load
        from coremltools.models import MLModel

        try:
            model = MLModel(str(path), skip_model_load=True)
            spec = model.get_spec()
            program = load(spec, spec.specificationVersion, model.weights_dir)
        except Exception as error:  # coremltools raises many kinds for a damaged package
            raise ExportError(
                f"{path} cannot be read ({type(error).__name__}: {error}): export it again"
            ) from error
        self._main = program.functions["main"]
        self.inputs = tuple(self._main.inputs)
        self.outputs = tuple(var.name for var in self._main.outputs)
        unknown = sorted(kind for kind in self.kinds() if kind not in _KNOWN)
        if unknown:
            raise ExportError(
                f"{path} holds {', '.join(unknown)}, which the evaluator has no reference for: "
                "report the model"
            )
        self.norms = tuple(
            op.outputs[0].name for op in self._main.operations if op.op_type == "layer_norm"
        )
        self._weights = {
            op.outputs[0].name: _dense(op) if _is_constant(op) else _widened(op.outputs[0].val)
            for op in self._main.operations
            if op.op_type == "const" or _is_constant(op)
        }

    def kinds(self) -> dict[str, int]:
        """Return kind of operation -> how many of it compute something at run time."""
        kinds = (op.op_type for op in self._main.operations)
        return dict(sorted(Counter(kind for kind in kinds if kind != "const").items()))

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Return output name -> array, float16 or float32 as the program says.

        Args:
            feeds: Input name -> integers ``(1, sequence)``.
        """
        found = dict(self.steps(feeds))
        return {name: found[name] for name in self.outputs}

    def predict(self, data: Mapping[str, Array]) -> dict[str, Array]:
        """Do what coremltools' ``MLModel.predict`` does: see `edge_distil.coreml.Predictor`."""
        return self.run(data)

    def steps(self, feeds: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
        """Yield the name and value of every result, in the program's order.

        A value is held only until its last reader has run.
        """
        values = {name: feeds[name].astype(np.int32) for name in self.inputs}
        left = self._readers()
        for op in self._main.operations:
            if op.op_type == "const" or _is_constant(op):
                continue
            results = _evaluate(op, self._arguments(op, values))
            for var, value in zip(op.outputs, results, strict=True):
                values[var.name] = _rounded(value, var)
                yield var.name, values[var.name]
            for name in _names(op):
                left[name] -= 1
                if not left[name]:
                    values.pop(name, None)

    def _readers(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for op in self._main.operations:
            for name in _names(op):
                counts[name] = counts.get(name, 0) + 1
        return counts

    def _arguments(self, op: Any, values: Mapping[str, Array]) -> dict[str, Any]:
        def value(var: Any) -> Any:
            if var.name in values:
                return _widened(values[var.name])
            return self._weights[var.name]

        return {
            name: [value(v) for v in var] if isinstance(var, list | tuple) else value(var)
            for name, var in op.inputs.items()
        }


def _evaluate(op: Any, arguments: dict[str, Any]) -> list[Array]:
    try:
        result = _KNOWN[op.op_type](**arguments)
    except (TypeError, ValueError, IndexError) as error:
        raise ExportError(
            f"the operation {op.name} ({op.op_type}) cannot be evaluated: {error}"
        ) from error
    return result if isinstance(result, list) else [result]


def _is_constant(op: Any) -> bool:
    return str(op.op_type).startswith("constexpr_")


def _dense(op: Any) -> Array:
    """Return the weights that a ``constexpr`` operation stands for."""
    arguments = {name: var.val for name, var in op.inputs.items()}
    dense: Array = _widened(_rounded(_KNOWN[op.op_type](**arguments), op.outputs[0]))
    return dense


def _names(op: Any) -> list[str]:
    """Return the names of the results that an operation reads."""
    listed = [v if isinstance(v, list | tuple) else [v] for v in op.inputs.values()]
    return [var.name for inner in listed for var in inner]


def _rounded(value: Any, var: Any) -> Array:
    from coremltools.converters.mil.mil.types import builtin_to_string

    kind = var.elem_type if hasattr(var, "elem_type") else var.dtype
    return np.asarray(value).astype(TYPES[builtin_to_string(kind)])


def _widened(value: Any) -> Any:
    """Return half precision as float32, which sums are taken in; the rest as it is."""
    half = isinstance(value, np.ndarray | np.generic) and value.dtype == np.float16
    return value.astype(np.float32) if half else value
