"""Which sequence lengths a package takes: one, a few, or all up to a maximum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge_distil.errors import InputError

# Lengths that phones' accelerators have plans for; those beyond the model's own are left out.
USUAL = (64, 128, 256, 384, 512)
_SHORTEST = 2  # the two special tokens


@dataclass(frozen=True)
class Lengths:
    """The lengths of a package, in tokens.

    Attributes:
        kind: ``"fixed"``, ``"enumerated"`` or ``"range"``.
        values: The length, the lengths, or the least and the greatest.
    """

    kind: str
    values: tuple[int, ...]

    def shape(self) -> Any:
        """Return coremltools' shape of an input ``(1, sequence)``."""
        import coremltools

        if self.kind == "fixed":
            return (1, self.values[0])
        if self.kind == "enumerated":
            shapes = [[1, length] for length in self.values]
            return coremltools.EnumeratedShapes(shapes, default=shapes[0])
        least, greatest = self.values
        return (1, coremltools.RangeDim(least, greatest, default=greatest))

    def fit(self, tokens: int) -> int:
        """Return the length that a sequence is padded to.

        >>> Lengths("enumerated", (64, 128)).fit(65)
        128

        Raises:
            InputError: The sequence is longer than the package takes.
        """
        longest = self.values[-1]
        if tokens > longest:
            raise InputError(
                f"a text has {tokens} tokens, the Core ML package takes at most {longest}: "
                "shorten it, or export with greater --coreml-lengths"
            )
        if self.kind == "range":
            return max(tokens, self.values[0])
        return next(length for length in self.values if length >= tokens)


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
