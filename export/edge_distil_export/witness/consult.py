"""Choose the library that a checkpoint belongs to, and let it read the probes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from edge_distil._machine.versions import installed_versions
from edge_distil._reading.printable import first_line, shortened
from edge_distil.errors import CheckpointError
from edge_distil_export.checkpoints.checkpoint import Source
from edge_distil_export.checkpoints.setfit import is_setfit
from edge_distil_export.checkpoints.static import MODEL2VEC, is_installed
from edge_distil_export.parity import one_core_left
from edge_distil_export.witness import late, library, sentences, static
from edge_distil_export.witness.probes import make_probes
from edge_distil_export.witness.testimony import Probe, Seen, Testimony

_CONVERTED = "how the weights of TensorFlow are read, for it reads none"
# A longer sequence is tokenized by both sides, and the models' comparison left to `parity`.
_LONGEST_RUN = 1024  # tokens


class _Witness(Protocol):
    library: str
    kind: str
    pairs_only: bool
    labels: tuple[str | None, ...]
    prompts: tuple[str, ...]
    tokenizer: Any

    @property
    def limit(self) -> int: ...

    def see(self, probe: Probe) -> Seen: ...


@dataclass(frozen=True)
class Opened:
    """A checkpoint in its own library, ready to read.

    Attributes:
        source: The checkpoint.
        task: One of `edge_distil.manifest.TASKS`.
        limit: The bundle's longest sequence.
        witness: The library's side.
        unseen: What of the bundle it cannot see, and why; empty where it sees all.
    """

    source: Source
    task: str
    limit: int
    witness: _Witness
    unseen: str

    def consult(self) -> Testimony:
        """Read every probe.

        Raises:
            CheckpointError: The library cannot run it, so nothing proves the bundle.
        """
        witness = self.witness
        with _explained(self.source, witness.kind), one_core_left():
            probes = make_probes(
                self.task,
                witness.tokenizer,
                min(witness.limit, self.limit),
                pairs_only=witness.pairs_only,
                prompts=witness.prompts,
                longest_run=_LONGEST_RUN,
            )
            seen = tuple(_see(witness, probe) for probe in probes)
        version = installed_versions((witness.library,))[witness.library]
        return Testimony(
            witness.library, version, witness.kind, witness.labels, probes, seen, self.unseen
        )


def open_witness(source: Source, task: str, limit: int, *, trust_remote_code: bool) -> Opened:
    """Load the checkpoint as its users do.

    Not beside a translation: both change what torch keeps for the whole process.

    Args:
        source: The checkpoint.
        task: One of `edge_distil.manifest.TASKS`.
        limit: The bundle's longest sequence.
        trust_remote_code: Let the checkpoint's own Python files run.

    Raises:
        CheckpointError: The library cannot load it.
    """
    kind, blind = _choose(source, task)
    unseen = "; ".join(filter(None, [blind, _CONVERTED if source.from_tensorflow else ""]))
    with _explained(source, kind):
        return Opened(
            source, task, limit, _load(kind, source, task, limit, trust_remote_code), unseen
        )


@contextmanager
def _explained(source: Source, kind: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # third-party code: any kind
        raise CheckpointError(
            f"{source.name} cannot be proven: its own library cannot load or run it ({kind}, "
            f"{type(error).__name__}: {shortened(first_line(error), 200)}); correct the "
            "checkpoint's files until it can"
        ) from error


def _choose(source: Source, task: str) -> tuple[str, str]:
    """Return the class that the checkpoint's users load it with, and what stays unseen."""
    kind, blind = "", ""
    if source.static is not None and task == "sentence-similarity":
        if not is_installed(source.static):
            return "Tokenizer", f"its vectors: {source.static} is not installed"
        return {MODEL2VEC: "StaticModel"}.get(source.static, "SentenceTransformer"), ""
    if task == "late-interaction":
        if late.is_installed():
            return late.KIND, ""
        blind = "its projection, and how queries and documents are read"
        return "AutoModel", f"{blind}: sentence-transformers 6 is not installed"
    if task == "sentence-similarity":
        kind, blind = "SentenceTransformer", "pooling and what follows it"
    elif task == "sparse-embedding":
        kind, blind = "SparseEncoder", "pooling"
    elif task == "text-classification" and is_setfit(source):
        return "SetFit", ""
    elif task == "text-classification" and sentences.is_cross_encoder(source):
        kind, blind = "CrossEncoder", "the activation of its scores"
    if kind and not sentences.is_installed():
        return "AutoModel", f"{blind}: sentence-transformers is not installed"
    return kind or "AutoModel", ""


def _load(kind: str, source: Source, task: str, limit: int, trust: bool) -> _Witness:
    if kind == "SentenceTransformer":
        return sentences.SentenceWitness(source, limit, trust_remote_code=trust)
    if kind == late.KIND:
        return late.LateWitness(source, limit, trust_remote_code=trust)
    if kind == "SparseEncoder":
        return sentences.SparseWitness(source, limit, trust_remote_code=trust)
    if kind == "StaticModel":
        return static.StaticWitness(source, limit)
    if kind == "Tokenizer":
        return static.TokensWitness(source, limit)
    if kind == "SetFit":
        return sentences.SetFitWitness(source, limit, trust_remote_code=trust)
    if kind == "CrossEncoder":
        return sentences.CrossWitness(source, limit, trust_remote_code=trust)
    return library.TransformersWitness(source, task, limit, trust_remote_code=trust)


def _see(witness: _Witness, probe: Probe) -> Seen | None:
    """Let the witness read a probe; it may fail at an empty text, which some cannot tokenize."""
    try:
        seen = witness.see(probe)
        if not seen.rows:
            raise RuntimeError(f"it feeds its model nothing for {probe.name}")
        return seen
    except Exception:  # third-party code: any kind; at any other text it is an error
        if probe.text == "":
            return None
        raise
