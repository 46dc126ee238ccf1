"""What a study was asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_distil._writing import storage
from edge_distil.errors import DataError


@dataclass(frozen=True)
class Options:
    """What a study was asked to do.

    Attributes:
        threads: "All threads"; one thread is measured beside it where this is more.
        quick: Few samples, for a first look.
        checkpoints: Name of an architecture -> a checkpoint's directory or hub id.
        models: A folder of bundles, each named like its architecture: nothing is made then.
        squad: Questions and passages to sample and to score on, in place of the own-written ones.
        stsb: Sentence pairs, in place of the own-written ones.
        device: A name for people; the processor's where ``None``.
        keep_models: Leave the bundles in ``work/models``.
    """

    threads: int
    quick: bool = False
    checkpoints: tuple[tuple[str, str], ...] = ()
    models: Path | None = None
    squad: Path | None = None
    stsb: Path | None = None
    device: str | None = None
    keep_models: bool = False

    def request(self) -> dict[str, Any]:
        """Return what decides the figures; what one request measured is not used for another.

        Raises:
            DataError: A file cannot be read.
        """
        return {
            "protocol": "quick" if self.quick else "full",
            "threads": self.threads,
            "checkpoints": dict(self.checkpoints),
            "models": str(self.models.resolve()) if self.models else None,
            "squad": _hash(self.squad),
            "stsb": _hash(self.stsb),
        }


def _hash(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return storage.sha256(path)
    except OSError as error:
        raise DataError(
            f"cannot read {path} ({error.strerror}): give the path of an evaluation file"
        ) from error
