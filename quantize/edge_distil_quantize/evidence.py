"""What a variant costs: its outputs beside fp32's, on this CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_distil import hardware
from edge_distil._tokenizing.rows import Row as TokenRow
from edge_distil._tokenizing.rows import collate
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.bundle import Bundle
from edge_distil.encoder import Encoder
from edge_distil.errors import QuantizeError
from edge_distil.evaluate.drift import compare_outputs
from edge_distil.evaluate.fidelity import of_vectors
from edge_distil.manifest import Manifest
from edge_distil.outputs import POOLED, SPARSE
from edge_distil.session import Floats, OnnxSession, Tokens
from edge_distil.tasks import LateInteraction

_SEED = 2018
_TOGETHER, _WIDTH = 5, 23  # rows of a batch, and their tokens
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


def run_rows(model: Path, rows: Sequence[Row], manifest: Manifest) -> Outputs:
    """Run each row alone, as a batch of one without padding."""
    session = OnnxSession(model)
    return [session.run(_feeds([row], manifest)) for row in rows]


def known_vocabulary(manifest: Manifest) -> int:
    """Return a number of tokens that the model surely has: those up to the probe texts' last."""
    return 1 + max((token for row in golden_rows(manifest) for token in row), default=0)


def beside(
    bundle: Bundle, variant: str, model: Path, what: str, *, least: float, more: float = 0.0
) -> dict[str, Any]:
    """Compare another form of a variant with its file and with fp32.

    Args:
        bundle: The bundle.
        variant: The variant that the form is made from.
        model: The form's file.
        what: The form, for the message.
        least: Least cosine to the variant's own file, of a form that rounds as it does.
        more: Of one that rounds otherwise, that is no need where its mean distance from fp32 is
            less than so many times the variant's.

    Raises:
        QuantizeError: It gives other numbers.
    """
    manifest = bundle.manifest
    texts = golden_rows(manifest)
    rows = [*texts, *random_rows(known_vocabulary(manifest), manifest.max_length)]
    got = run_rows(model, rows, manifest)
    own = run_rows(bundle.model_path(variant), rows, manifest)
    exact = run_rows(bundle.model_path("fp32"), rows, manifest)
    same = fidelity(own, got)
    lost, lost_before = (1 - fidelity(exact, found)["mean_cosine"] for found in (got, own))
    if not (same["min_cosine"] > least or lost < more * lost_before):
        raise QuantizeError(
            f"{what} gives other numbers than its .onnx file (cosine "
            f"{same['min_cosine']:.4f}): use the .onnx file and report it"
        )
    split = len(texts)
    found = {"random_tokens": fidelity(exact[split:], got[split:]), "onnx_file": same}
    if texts:
        found = {"fidelity": fidelity(exact[:split], got[:split]), **found}
    return found


def company(model: Path, vocabulary: int, manifest: Manifest) -> dict[str, Any]:
    """Compare what rows give in one batch with what each gives by itself, bit for bit.

    onnxruntime adds up over the tokens of a row alone in another order; where that moves a vector,
    the runtime runs the row beside itself (`Encoder.moves_alone`), and so does this.

    Args:
        model: The model.
        vocabulary: Token ids are below this.
        manifest: Of its bundle.
    """
    generator = np.random.default_rng(_SEED)
    ids = generator.integers(0, vocabulary, (_TOGETHER, min(_WIDTH, manifest.max_length)))
    feeds, session = _feeds(ids, manifest), OnnxSession(model)
    among = session.run(feeds)
    return {
        "same_bits": all(_is_same(session, feeds, among, row) for row in range(_TOGETHER)),
        "rows": _TOGETHER,
        "tokens": ids.shape[1],
        "cpu": hardware.cpu_name(),
    }


def _is_same(
    session: OnnxSession, feeds: Mapping[str, Tokens], among: Mapping[str, Floats], row: int
) -> bool:
    alone, beside = (
        session.run({name: ids[[row] * copies] for name, ids in feeds.items()}) for copies in (1, 2)
    )
    for name, array in among.items():
        pooled = name in (POOLED, SPARSE, "logits") and array.ndim == 2
        found = {given[name][0].tobytes() for given in ((alone, beside) if pooled else (alone,))}
        if array[row].tobytes() not in found:
            return False
    return True


def fidelity(reference: Outputs, variant: Outputs) -> dict[str, Any]:
    """Compare outputs as ``edge-distil doctor`` will, elsewhere and later.

    Args:
        reference: Output name -> array, for each input.
        variant: The same of the other model.
    """
    drift = compare_outputs(reference, variant).to_dict()
    return {**drift, "inputs": len(reference), "cpu": hardware.cpu_name()}


def late_interaction(bundle: Bundle, reference: Path, model: Path) -> dict[str, Any]:
    """Compare what users get of late interaction: tokens' vectors, and how texts compare by them.

    Args:
        bundle: Whose probe texts are read, each as a query and as a document.
        reference: The fp32 model.
        model: The other one.
    """
    tokenizer = Tokenizer(bundle.path, bundle.manifest.max_length)
    texts = [probe.text for probe in bundle.manifest.golden]

    def read(path: Path) -> tuple[Floats, Floats]:
        task = LateInteraction(Encoder(bundle, path.stem, tokenizer, OnnxSession(path)))
        queries, documents = task.encode_query(texts), task.encode_document(texts)
        documents = [document for document in documents if len(document)]  # all may be skipped
        return np.concatenate([*queries, *documents]), task.similarity(queries, documents)

    (vectors, scores), (others, found) = read(reference), read(model)
    tokens = of_vectors(vectors, others)
    return {
        "mean_cosine": tokens.cosine_mean,
        "min_cosine": tokens.cosine_min,
        "vectors": tokens.count,
        "max_score_diff": float(np.abs(scores - found).max()),
        "mean_score": float(scores.mean()),
        "same_best": float((scores.argmax(axis=1) == found.argmax(axis=1)).mean()),
        "pairs": scores.size,
        "cpu": hardware.cpu_name(),
    }


def _feeds(rows: Sequence[Row] | NDArray[np.int64], manifest: Manifest) -> dict[str, Tokens]:
    ids = np.array(rows, np.int64)  # (batch, sequence)
    encodings = [TokenRow(row, np.zeros_like(row)) for row in ids]
    return collate(encodings, 0, first_position=manifest.first_position)
