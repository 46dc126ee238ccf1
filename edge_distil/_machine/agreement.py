"""Another engine's answers held against onnxruntime's when a model is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_distil._machine.engines import BF16, Engine
from edge_distil._tokenizing.rows import Row
from edge_distil.errors import SessionError
from edge_distil.session import Floats, OnnxSession, Tokens

if TYPE_CHECKING:
    from edge_distil.encoder import Encoder

# How far outputs may be apart. In fp32 sums are added up in another order (seen: 3e-6), and fp16,
# which onnxruntime rounds behind each operator, is not (5e-4). In bf16: where the cosine of two
# vectors of one length falls to 0.999 (seen of trained models: 8e-3).
_MOST, _MOST_IN_BF16 = 1e-3, 0.0447
_SHORTEST = 1e-12  # length of an output: keeps one of zeros from dividing by zero


def check_agreement(encoder: Encoder, engine: Engine) -> None:
    """Run some texts on both engines and compare every output.

    Args:
        encoder: Of the other engine.
        engine: Which.

    Raises:
        SessionError: They differ by more than the precision explains, the tokenizer has ids that
            the model has not, or the file was replaced.
    """
    session, place = encoder.session, f"the variant {encoder.variant} of {encoder.bundle.path}"
    reference = OnnxSession(encoder.bundle.model_path(encoder.variant), threads=1)
    if reference.state != getattr(session, "state", None):
        raise SessionError(f"{reference.path} was replaced while it was loaded: load it again")
    _check_ids(encoder, reference)
    probes = _probes(encoder)
    expected = [reference.run(feeds) for feeds in probes]
    reference.rest()
    found = [session.run(feeds, reference.outputs) for feeds in probes]
    for name in reference.outputs:
        apart = _distance([one[name] for one in expected], [one[name] for one in found])
        most = _MOST_IN_BF16 if engine.precision == BF16 else _MOST
        if not apart <= most:  # nor where it is NaN
            raise SessionError(
                f"{engine.name} gives other numbers than onnxruntime for {place} ({name}: "
                f"{apart:.2g} apart, expected at most {most:.2g}): choose another variant, or "
                "leave engine out"
            )


def _check_ids(encoder: Encoder, reference: OnnxSession) -> None:
    """Raise where the tokenizer has an id beyond the model's table.

    onnxruntime refuses such an id when it comes; OpenVINO takes zeros for its vector.
    """
    last = encoder.tokenizer.size() - 1
    try:
        reference.run(encoder.features([Row(np.full(4, last, np.int32), np.zeros(4, np.int32))]))
    except SessionError as error:
        raise SessionError(
            f"{encoder.bundle.path}: tokenizer.json has the id {last}, which the model cannot run, "
            "and other engines than onnxruntime give something for it: leave engine out"
        ) from error


def _probes(encoder: Encoder) -> list[dict[str, Tokens]]:
    """Return the inputs of the shortest, a middling and the longest golden text.

    Where there is no manifest there are no such texts: then of a text of ours.
    """
    texts = [golden.text for golden in encoder.bundle.manifest.golden]
    rows = sorted((row for row in encoder.tokenizer.encode(texts) if len(row)), key=len)
    if not rows:
        return [encoder.probe()]
    chosen = {len(row): row for row in (rows[0], rows[len(rows) // 2], rows[-1])}
    return [encoder.features([row]) for row in chosen.values()]


def _distance(expected: Sequence[Floats], found: Sequence[Floats]) -> float:
    """Return the greatest distance of two outputs over the length of the first.

    Numbers that stand alone have no length to speak of near zero: they are taken together.

    >>> round(_distance([np.float32([3, 4]), np.float32([1, 0])],
    ...                 [np.float32([3, 4.5]), np.float32([1, 0])]), 3)
    0.1

    Args:
        expected: An output for each text.
        found: The other engine's.
    """
    if any(a.shape != b.shape for a, b in zip(expected, found, strict=True)):
        return float("inf")
    pairs = [(_flat(a), _flat(b)) for a, b in zip(expected, found, strict=True)]
    if all(a.size == 1 for a, _ in pairs):
        pairs = [(np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs]))]
    return max(_length(a - b) / max(_length(a), _SHORTEST) for a, b in pairs)


def _length(vector: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(vector))


def _flat(output: Floats) -> NDArray[np.float64]:
    return output.astype(np.float64).ravel()
