"""Which sequence lengths a package takes: one, a few, or all up to a maximum."""

from __future__ import annotations

from typing import Any

from edge_distil.coreml import Lengths
from edge_distil.errors import InputError

# Lengths that phones' accelerators have plans for; those beyond the model's own are left out.
USUAL = (64, 128, 256, 384, 512)
_SHORTEST = 2  # the two special tokens


def input_shape(lengths: Lengths) -> Any:
    """Return coremltools' shape of an input ``(1, sequence)``."""
    import coremltools

    if lengths.kind == "fixed":
        return (1, lengths.longest)
    if lengths.kind == "enumerated":
        shapes = [[1, length] for length in lengths.values]
        return coremltools.EnumeratedShapes(shapes, default=shapes[0])
    least, greatest = lengths.values
    return (1, coremltools.RangeDim(least, greatest, default=greatest))


def parse_lengths(text: str, longest: int) -> Lengths:
    """Read ``384``, ``64,128,256``, ``2-512`` or a word: ``enumerated`` or ``range``.

    >>> parse_lengths("enumerated", 384).values, parse_lengths("2-128", 384).kind
    ((64, 128, 256, 384), 'range')

    Args:
        text: What the user wrote.
        longest: The model's maximum in tokens.

    Raises:
        InputError: It is none of these, or a length is out of the model's reach.
    """
    words = {
        "enumerated": ",".join(str(n) for n in USUAL if n <= longest) or str(longest),
        "range": f"{_SHORTEST}-{longest}",
    }
    text = words.get(text, text)
    separator = "-" if "-" in text else ","
    parts = text.split(separator)
    if not all(part.strip().isdigit() for part in parts) or (separator == "-" and len(parts) != 2):
        raise InputError(
            f"lengths are {text!r}, expected one (384), some (64,128,256), a range (2-512), "
            "'enumerated' or 'range'"
        )
    values = tuple(sorted({int(part) for part in parts}))
    if values[0] < _SHORTEST or values[-1] > longest:
        raise InputError(
            f"lengths are {text!r}, expected {_SHORTEST} to {longest} tokens, which is what the "
            "model takes"
        )
    if separator == "-" and len(values) == 2:
        return Lengths("range", values)
    return Lengths("fixed" if len(values) == 1 else "enumerated", values)
