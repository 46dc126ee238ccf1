"""Choose the library that a checkpoint belongs to, and let it read the probes."""

from __future__ import annotations

from typing import Any, Protocol

from edge_distil.errors import CheckpointError
from edge_distil.versions import installed_versions
from edge_distil_export.checkpoint import Source
from edge_distil_export.parity import one_core_left
from edge_distil_export.setfit import is_setfit
from edge_distil_export.witness import library, sentences
from edge_distil_export.witness.probes import make_probes
from edge_distil_export.witness.testimony import Probe, Seen, Testimony

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


def consult(source: Source, task: str, limit: int, *, trust_remote_code: bool) -> Testimony:
    """Load the checkpoint as its users do and read every probe with it.

    Args:
        source: The checkpoint.
        task: One of `edge_distil.manifest.TASKS`.
        limit: The bundle's longest sequence.
        trust_remote_code: Let the checkpoint's own Python files run.

    Raises:
        CheckpointError: The library cannot load or run it, so nothing proves the bundle.
    """
    kind, unseen = _choose(source, task)
    try:
        with one_core_left():
            witness = _load(kind, source, task, limit, trust_remote_code)
            probes = make_probes(
                task,
                witness.tokenizer,
                min(witness.limit, limit),
                pairs_only=witness.pairs_only,
                prompts=witness.prompts,
                longest_run=_LONGEST_RUN,
            )
            seen = tuple(_see(witness, probe) for probe in probes)
    except Exception as error:  # third-party code: any kind
        first_line = str(error).strip().split("\n", 1)[0]
        raise CheckpointError(
            f"{source.name} cannot be proven: its own library cannot load or run it ({kind}, "
            f"{type(error).__name__}: {first_line}); correct the checkpoint's files until it can"
        ) from error
    version = installed_versions((witness.library,))[witness.library]
    return Testimony(
        witness.library,
        version,
        witness.kind,
        witness.labels,
        probes,
        seen,
        unseen,
    )


def _choose(source: Source, task: str) -> tuple[str, str]:
    """Return the class that the checkpoint's users load it with, and what stays unseen."""
    kind, blind = "", ""
    if task == "sentence-similarity":
        kind, blind = "SentenceTransformer", "pooling and what follows it"
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
    except Exception:
        if probe.text == "":
            return None
        raise
