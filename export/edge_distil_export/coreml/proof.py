"""Does a package compute what PyTorch computes? Layer by layer, on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edge_distil.coreml import Lengths
from edge_distil.errors import ParityError
from edge_distil.manifest import GoldenTokens
from edge_distil_export import parity
from edge_distil_export.coreml.evaluate import Program
from edge_distil_export.graphs.heads import LENGTH_AXIS, Head

Feeds = Mapping[str, NDArray[np.int64]]
Axes = Mapping[str, tuple[str, ...]]
_PROBE_TOKENS = 1024  # of all probe strings together, padding included: seconds in numpy
_TWO_ROWS = 128  # tokens up to which a padded row is run beside the full one


@dataclass(frozen=True)
class Reference:
    """One row and what PyTorch makes of it.

    Attributes:
        feeds: Input name -> int64 ``(1, sequence)``.
        outputs: Output name -> float32 ``(1, ...)``.
        norms: The module and result of each layer normalisation, in the order they ran in.
    """

    feeds: Feeds
    outputs: dict[str, NDArray[np.float32]]
    norms: list[tuple[str, NDArray[np.float32]]]


def make_feeds(head: Head, lengths: Lengths, golden: Sequence[GoldenTokens]) -> list[Feeds]:
    """Choose what a package is compared on: seeded rows of its lengths, and real text.

    Args:
        head: The module.
        lengths: What the package takes.
        golden: The bundle's probe strings.
    """
    tested = lengths.values
    if lengths.kind == "range":
        least, greatest = tested
        tested = tuple(sorted({max(least, n) for n in parity.lengths(greatest)}))
    feeds: list[Feeds] = []
    for length in tested:
        rows = parity.make_inputs(head, 2 if length <= _TWO_ROWS else 1, length)
        feeds += [{k: v[i : i + 1] for k, v in rows.items()} for i in range(len(rows["input_ids"]))]
    return feeds + list(_probes(head, lengths, golden))


def _probes(head: Head, lengths: Lengths, golden: Sequence[GoldenTokens]) -> Iterator[Feeds]:
    left = _PROBE_TOKENS
    for probe in golden:
        ids = np.array([probe.ids[: lengths.longest]], np.int64)
        missing = lengths.fit(ids.shape[1]) - ids.shape[1]
        left -= ids.shape[1] + missing
        if left < 0:
            return
        widths = ((0, 0), (0, missing))
        padding = parity.padding_id(head)
        feeds = {
            "input_ids": np.pad(ids, widths, constant_values=padding),
            "attention_mask": np.pad(np.ones_like(ids), widths),
        }
        if "token_type_ids" in head.inputs:
            feeds["token_type_ids"] = np.zeros_like(feeds["input_ids"])
        yield feeds


def compute_references(head: Head, feeds: Sequence[Feeds]) -> list[Reference]:
    """Run the module on every row, as transformers runs it."""
    references = []
    for one in feeds:
        norms: list[tuple[str, NDArray[np.float32]]] = []
        with torch.inference_mode(), _recorded(head, norms):
            outputs = head(**{name: torch.from_numpy(one[name]) for name in head.inputs})
        named = {name: out.numpy() for name, out in zip(head.outputs, outputs, strict=True)}
        references.append(Reference(one, named, norms))
    return references


@contextmanager
def _recorded(head: Head, norms: list[tuple[str, NDArray[np.float32]]]) -> Iterator[None]:
    """Note the result of every layer normalisation inside the block."""

    def note(name: str) -> Any:
        return lambda _module, _inputs, result: norms.append((name, result.numpy()))

    hooks = [
        module.register_forward_hook(note(name))
        for name, module in head.named_modules()
        if isinstance(module, nn.LayerNorm)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def check_program(
    program: Program, references: Sequence[Reference], axes: Axes, atol: float | None
) -> dict[str, Any]:
    """Compare a package with PyTorch at attended positions.

    Args:
        program: The saved package.
        references: From `compute_references`.
        axes: Output name -> its named axes.
        atol: Largest absolute difference of outputs allowed; ``None`` records it only.

    Returns:
        The evidence for the manifest.

    Raises:
        ParityError: A difference is above `atol`, or something is not finite.
    """
    outputs: dict[str, float] = {}
    layers: dict[str, float] = {}
    for reference in references:
        mask = reference.feeds["attention_mask"]
        found, norms = _run(program, reference)
        for name, names in axes.items():
            attended = mask if LENGTH_AXIS in names else None
            _note(outputs, name, _difference(reference.outputs[name], found[name], attended))
        for name, expected, value in norms:
            _note(layers, name, _difference(expected, value, mask))
    greatest = max(outputs.values())
    if not greatest <= (np.finfo(np.float32).max if atol is None else atol):
        raise ParityError(
            f"the Core ML program differs from PyTorch by {greatest:.2e}, allowed "
            f"{'any finite number' if atol is None else f'{atol:.2e}'}: nothing was written; "
            "choose --coreml-precision fp32, or raise --coreml-atol if your use bears it"
        )
    return {
        "max_abs_diff": greatest,
        "outputs": outputs,
        "layers": layers,
        "rows": len(references),
        "lengths": sorted({one.feeds["input_ids"].shape[1] for one in references}),
        "atol": atol,
        "evaluated": "operation by operation in numpy, float32 sums",
    }


def _run(program: Program, reference: Reference) -> tuple[dict[str, Any], list[Any]]:
    """Return the outputs, and module, expected and found result of each layer normalisation.

    They are paired by order; where the converter merged or split some, there are none.
    """
    wanted = {*program.outputs, *program.norms}
    found = {name: value for name, value in program.steps(reference.feeds) if name in wanted}
    if len(program.norms) != len(reference.norms):
        return found, []
    pairs = zip(reference.norms, program.norms, strict=True)
    return found, [(module, expected, found[name]) for (module, expected), name in pairs]


def _note(worst: dict[str, float], name: str, difference: float) -> None:
    worst[name] = max(worst.get(name, 0.0), difference)


def _difference(
    expected: NDArray[np.float32], found: NDArray[Any], mask: NDArray[np.int64] | None
) -> float:
    """Return the largest absolute difference at attended positions; infinite where not finite."""
    if expected.shape != found.shape or not np.isfinite(found).all():
        return float("inf")
    difference = np.abs(expected - found.astype(np.float32))
    if mask is None:
        return float(difference.max())
    return float(difference[mask == 1].max(initial=0))  # a text may have no tokens
