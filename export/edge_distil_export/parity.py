"""Does the graph compute what PyTorch computes, whatever the batch, length and padding?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edge_distil import hardware
from edge_distil.errors import ParityError
from edge_distil.session import Session
from edge_distil_export.graphs.heads import LENGTH_AXIS, POSITIONS, Head, Positioned, run
from edge_distil_export.limits import position_limit

BATCHES = (1, 2, 7)
_LENGTHS = (2, 3, 8, 61)  # and the maximum; 61 is no multiple of any kernel's block
# What one comparison may cost: seven rows of 61 tokens, two of 512. Seven of 512 would take as
# long as the rest of an export. A longer maximum is compared in one row.
_LARGEST_TOKENS = 1024
_LONGEST = 1 << 15  # tokens; static embeddings take any number, of which each is read alike
_LARGEST_OUTPUT = 1 << 27  # numbers, 512 MB: four rows of 512 over a vocabulary of 65,536
_SEED = 20190

Inputs = dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Case:
    """One comparison: the largest absolute difference, and where."""

    difference: float
    output: str
    batch: int
    length: int


@dataclass(frozen=True)
class Reference:
    """Inputs of one length and what PyTorch makes of them, row by row.

    Attributes:
        length: Tokens.
        inputs: Input name -> int64 ``(rows, length)``.
        outputs: Output name -> float32 ``(rows, ...)``.
    """

    length: int
    inputs: Inputs
    outputs: dict[str, NDArray[np.float32]]


def compute_reference(head: Head, max_length: int) -> list[Reference]:
    """Run the module as transformers runs it, with its own mask code.

    Seven rows for each length, or what `_LARGEST_TOKENS` allows; one run serves all batches, for
    in PyTorch a row does not depend on the others.
    """
    references: list[Reference] = []
    per_row = 0  # numbers in the outputs for one row of the length before
    for length in lengths(max_length):
        expected = per_row * length // references[-1].length if references else 1
        inputs = make_inputs(head, _rows(length, expected), length)
        outputs = _run_torch(head, inputs)
        per_row = max(out[0].size for out in outputs.values())
        references.append(Reference(length, inputs, outputs))
    return references


def check_parity(
    session: Session,
    references: list[Reference],
    axes: Mapping[str, tuple[str | int, ...]],
    atol: float,
) -> dict[str, Any]:
    """Compare a graph with PyTorch.

    The graph computes the first row, the first two and all of them, so one whose rows depend on
    the batch is found out too. Attended positions are compared, all others must be finite.

    Args:
        session: The graph, as the runtime runs it.
        references: From `compute_reference`.
        axes: Output name -> its leading axes, by name; an axis of fixed size holds so many of
            the first that PyTorch gives.
        atol: Largest absolute difference allowed.

    Returns:
        The evidence for the manifest.

    Raises:
        ParityError: A difference is above `atol`, or something is not finite.
    """
    cases = []
    for reference in references:
        rows = len(reference.inputs["input_ids"])
        for batch in sorted({min(batch, rows) for batch in BATCHES}):
            cases += _compare(session, reference, batch, axes)
            for case in cases[-len(axes) :]:
                _check(case, atol)
    worst = max(cases, key=lambda case: case.difference)
    return {
        "max_abs_diff": worst.difference,
        "output": worst.output,
        "batch": worst.batch,
        "length": worst.length,
        "cases": len(cases) // len(axes),
        "shapes": [f"{case.batch}x{case.length}" for case in cases[:: len(axes)]],
        "atol": atol,
        "cpu": hardware.cpu_name(),
    }


def _compare(
    session: Session, reference: Reference, batch: int, axes: Mapping[str, tuple[str | int, ...]]
) -> list[Case]:
    inputs = {name: array[:batch] for name, array in reference.inputs.items()}
    found = session.run(inputs)
    cases = []
    for output, names in axes.items():
        mask = inputs["attention_mask"] if LENGTH_AXIS in names else None
        sizes = (slice(name if isinstance(name, int) else None) for name in names)
        expected = reference.outputs[output][tuple(sizes)][:batch]
        difference = _difference(expected, found[output], mask)
        cases.append(Case(difference, output, batch, reference.length))
    return cases


def _rows(length: int, per_row: int) -> int:
    """Return the largest batch for a length, where each row gives `per_row` numbers."""
    return max(1, min(BATCHES[-1], _LARGEST_TOKENS // length, _LARGEST_OUTPUT // per_row))


def lengths(max_length: int) -> list[int]:
    """Choose the lengths to compare: a few short ones and the maximum."""
    longest = min(max_length, _LONGEST)
    return sorted({min(length, longest) for length in (*_LENGTHS, longest)})


def make_inputs(head: Head, rows: int, length: int) -> Inputs:
    """Draw seeded inputs: full rows, right-padded rows and rows with a masked tail.

    The first row is full, at the positions that the model counts itself; the others are at any. Of
    them, every second one is padded as a tokenizer pads, and the rest keep random tokens behind the
    mask, which must not show.

    Returns:
        Input name -> int64 ``(rows, length)``.
    """
    config = _config(head)
    random = np.random.default_rng([_SEED, rows, length])
    padding = padding_id(head)
    ids = random.integers(0, config.vocab_size, (rows, length))
    ids[ids == padding] = (padding + 1) % config.vocab_size
    used = random.integers(1, length + 1, rows)
    used[0] = length
    mask = (np.arange(length) < used[:, None]).astype(np.int64)  # (rows, length)
    ids[1::2] = np.where(mask[1::2] == 1, ids[1::2], padding)
    inputs = {"input_ids": ids, "attention_mask": mask}
    if "token_type_ids" in head.inputs:
        inputs["token_type_ids"] = random.integers(0, config.type_vocab_size, (rows, length))
    if isinstance(head, Positioned):
        places = random.integers(0, position_limit(head, config), (rows, length))
        places[0] = np.arange(length)
        inputs[POSITIONS] = head.first + places
    return inputs


def padding_id(head: Head) -> int:
    """Return the token id that fills rows up."""
    return getattr(_config(head), "pad_token_id", None) or 0


def _config(head: Head) -> Any:
    return next(m.config for m in head.modules() if hasattr(m, "config"))


def _run_torch(head: Head, inputs: Inputs) -> dict[str, NDArray[np.float32]]:
    tensors = [torch.from_numpy(inputs[name]) for name in head.inputs]
    with one_core_left():
        outputs = run(head, tensors)
    return {name: out.numpy() for name, out in zip(head.outputs, outputs, strict=True)}


@contextmanager
def one_core_left() -> Iterator[None]:
    """Take one thread less than there are cores, for translation runs at the same time.

    With a thread too many, OpenMP's waiting threads spin on the core that Python needs.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads - 1))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _difference(
    expected: NDArray[np.float32], found: NDArray[np.float32], mask: NDArray[np.int64] | None
) -> float:
    """Return the largest absolute difference; NaN where a value is not finite or shapes differ."""
    if expected.shape != found.shape or not np.isfinite(found).all():
        return float("nan")
    difference = np.abs(np.subtract(expected, found))
    if mask is None:
        return float(difference.max())
    attended = (mask == 1).reshape(mask.shape + (1,) * (difference.ndim - mask.ndim))
    return float(difference.max(where=attended, initial=0))


def _check(case: Case, atol: float) -> None:
    if not case.difference <= atol:  # NaN is no pass either
        raise ParityError(
            f"{case.output} differs from PyTorch by {case.difference:.2e} at batch {case.batch}, "
            f"length {case.length}; allowed {atol:.2e}: nothing was written; raise --atol if "
            "your use bears it, or choose another --opset"
        )
