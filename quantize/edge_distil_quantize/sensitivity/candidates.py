"""Variants that are made to be measured, not to stay: a recipe with some operators in fp32."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import onnx_ir as ir

from edge_distil._writing import staging, storage
from edge_distil._writing.temporary import temporaries_in
from edge_distil.bundle import Bundle
from edge_distil.errors import QuantizeError
from edge_distil_quantize.calibration.inputs import calibration_inputs
from edge_distil_quantize.calibration.known import Known
from edge_distil_quantize.checks import reading_graph
from edge_distil_quantize.reading.model import read_model
from edge_distil_quantize.recipe import Feeds, Request
from edge_distil_quantize.recipes import RECIPES
from edge_distil_quantize.rewrites.operators import Operator, find_operators

KEEPING = ("int8",)  # recipes that heed `Request.keep`
MOST_PROBES = 32  # texts that an operator's effect is measured on: enough to rank by
# Enough for a picture. all-MiniLM-L6-v2 for questions, two operators, 8 texts beside 30: their own
# errors differ by 2 %, those of the outputs by 10 to 15 %.
QUICK_PROBES = 8


@dataclass(frozen=True)
class Workbench:
    """Where candidates of one recipe are made.

    Attributes:
        source: The fp32 model.
        recipe: One of `KEEPING`.
        calibration: What the recipe calibrates on; empty where it shall not.
        probes: Texts that candidates are compared on.
        operators: What may stay in fp32.
        outputs: Names of the model's outputs.
        folder: Where a candidate's file is written.
        known: What calibrating found, for the candidates that follow.
    """

    source: Path
    recipe: str
    calibration: Sequence[Feeds]
    probes: Sequence[Feeds]
    operators: Sequence[Operator]
    outputs: Sequence[str]
    folder: Path
    known: Known = field(default_factory=lambda: Known(lasting=True))

    def make(
        self, keep: Collection[str], name: str, *, expose: Iterable[str] = (), plain: bool = False
    ) -> Path:
        """Write the candidate that keeps `keep` in fp32.

        Args:
            keep: Names of operators.
            name: The file's name without suffix; a file of that name is replaced.
            expose: Values that the graph shall give beside its outputs.
            plain: Round by the weights alone. Calibration moves factors and biases between
                operators: the values inside are no longer the fp32 graph's.
        """
        calibration = () if plain else self.calibration
        model = read_model(self.source)
        request = Request(model, calibration, frozenset(keep), known=self.known)
        return self._write(RECIPES[self.recipe].make(request).model, name, expose)

    def make_fp32(self, name: str, expose: Iterable[str] = ()) -> Path:
        """Write the fp32 graph itself, with values exposed; see `make`."""
        return self._write(read_model(self.source), name, expose)

    def _write(self, model: ir.Model, name: str, expose: Iterable[str]) -> Path:
        _expose(model.graph, set(expose))
        path = self.folder / f"{name}.onnx"
        with storage.storage_errors(path):
            path.write_bytes(ir.to_proto(model).SerializeToString(deterministic=True))
        return path


@contextmanager
def open_workbench(
    bundle: Bundle,
    recipe: str,
    data: str | Path | None,
    calibrate: bool,
    *,
    probes: int = MOST_PROBES,
) -> Iterator[Workbench]:
    """Make candidates from a bundle, in a scratch folder of it; arguments as for `quantize_bundle`.

    Args:
        bundle: The bundle.
        recipe: See `Workbench`.
        data: Texts to calibrate on and to compare candidates on.
        calibrate: See `Workbench`.
        probes: At most so many texts to compare on.

    Raises:
        QuantizeError: The recipe keeps nothing in fp32.
        DataError: `data` cannot be read.
        StorageError: The bundle cannot be written.
    """
    if recipe not in KEEPING:
        raise QuantizeError(
            f"{recipe} has no operators to keep in fp32, expected {' or '.join(KEEPING)}: leave "
            "out the accuracy budget and the report"
        )
    source = bundle.model_path("fp32")
    inputs = calibration_inputs(bundle, data)
    with (
        staging.scratch(bundle.path) as folder,
        temporaries_in(folder / "tmp"),
        reading_graph(source),
    ):
        yield Workbench(
            source=source,
            recipe=recipe,
            calibration=inputs if calibrate and RECIPES[recipe].calibrated else (),
            probes=inputs[:: -(-len(inputs) // probes)],
            operators=find_operators(read_model(source).graph),
            outputs=bundle.manifest.outputs,
            folder=folder,
        )


def _expose(graph: ir.Graph, names: set[str]) -> None:
    present = {value.name for value in graph.outputs}
    for node in graph:
        for value in node.outputs:
            if value.name in names - present:
                value.type = value.type or ir.TensorType(ir.DataType.FLOAT)
                graph.outputs.append(value)
