"""What a variant costs: its outputs beside fp32's, on this CPU."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge_distil import hardware
from edge_distil.evaluate.drift import compare_outputs
from edge_distil.manifest import Manifest
from edge_distil.session import Floats, OnnxSession, Tokens

_SEED = 2018
_RANDOM_LENGTHS = (2, 17, 128)  # tokens; the shortest, an odd one, a paragraph

Row = Sequence[int]
Outputs = list[dict[str, Floats]]


def golden_rows(manifest: Manifest) -> list[Row]:
    """Return the token ids of the manifest's probe texts, cut to the model's length."""
    return [probe.ids[: manifest.max_length] for probe in manifest.golden if probe.ids]


def random_rows(vocabulary: int, max_length: int) -> list[Row]:
    """Return rows of random token ids, always the same: words that no text puts together.

    Args:
        vocabulary: Ids are below this.
        max_length: Longest row that the model takes.
    """
    generator = np.random.default_rng(_SEED)
    lengths = [min(length, max_length) for length in _RANDOM_LENGTHS]
    return [generator.integers(0, vocabulary, length).tolist() for length in lengths]


def run_rows(model: Path, rows: Sequence[Row]) -> Outputs:
    """Run each row alone, as a batch of one without padding."""
    session = OnnxSession(model)
    return [session.run(_feeds(row)) for row in rows]


def fidelity(reference: Outputs, variant: Outputs) -> dict[str, Any]:
    """Compare outputs as ``edge-distil doctor`` will, elsewhere and later.

    Args:
        reference: Output name -> array, for each input.
        variant: The same of the other model.
    """
    drift = dataclasses.asdict(compare_outputs(reference, variant))
    return {**drift, "inputs": len(reference), "cpu": hardware.cpu_name()}


def _feeds(row: Row) -> dict[str, Tokens]:
    ids = np.array([row], np.int64)  # (1, sequence)
    return {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids),
        "token_type_ids": np.zeros_like(ids),
    }
