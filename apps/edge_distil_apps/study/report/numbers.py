"""Numbers as people read them."""

from __future__ import annotations

import math

from edge_distil_bench.records import Accuracy
from edge_distil_bench.statistics.distribution import Estimate

NONE = "–"
_METRICS = {"exact": "EM", "exact_match": "EM", "f1": "F1", "spearman": "Spearman"}


def number(value: float) -> str:
    """Write a number as short as it is exact to three digits.

    >>> number(1500.0), number(0.25), number(2.0)
    ('1,500', '0.25', '2')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def milliseconds(seconds: float | None) -> str:
    """Write a time in ms, in three digits.

    >>> milliseconds(0.25), milliseconds(0.0123), milliseconds(0.00000412), milliseconds(None)
    ('250', '12.3', '0.00412', '–')
    """
    if seconds is None or math.isnan(seconds):
        return NONE
    value = seconds * 1e3
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3g}"


def seconds_in_words(seconds: float) -> str:
    """Write a time with the unit that suits it.

    >>> seconds_in_words(0.0123), seconds_in_words(31.5), seconds_in_words(250)
    ('12.3 ms', '31.5 s', '4.2 min')
    """
    if seconds < 1:
        return f"{milliseconds(seconds)} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def times(ratio: float) -> str:
    """Write a ratio.

    >>> times(1.954)
    '1.95×'
    """
    return f"{ratio:.2f}×" if not math.isnan(ratio) else NONE


def times_with_interval(ratio: Estimate) -> str:
    """Write a ratio with its interval.

    >>> times_with_interval(Estimate(1.954, 1.94, 1.97))
    '1.95× [1.94, 1.97]'
    """
    if math.isnan(ratio.low) or math.isnan(ratio.high):
        return times(ratio.value)
    return f"{times(ratio.value)} [{ratio.low:.2f}, {ratio.high:.2f}]"


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share in percent.

    >>> percent(0.386), percent(0.0003), percent(None)
    ('38.6 %', '0.0 %', '–')
    """
    return NONE if share is None or math.isnan(share) else f"{share * 100:.{digits}f} %"


def within(band: float) -> str:
    """Write a band around 1, as precisely as such a thing is known: to two digits.

    >>> within(0.4449), within(0.0321), within(0.00831), within(0.00004), within(0.0)
    ('±44 %', '±3.2 %', '±0.83 %', '±0.0040 %', '±0 %')
    """
    value = band * 100
    digits = max(0, 1 - math.floor(math.log10(value))) if value > 0 else 0
    return f"±{value:.{digits}f} %"


def megabytes(size: float | None) -> str:
    """Write bytes in MB (10^6).

    >>> megabytes(265_451_520), megabytes(22_700_000)
    ('265 MB', '22.7 MB')
    """
    if size is None:
        return NONE
    return f"{size / 1e6:,.0f} MB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def millions(count: int | None) -> str:
    """Write a count of parameters.

    >>> millions(66_364_418)
    '66.4 M'
    """
    return NONE if count is None else f"{count / 1e6:.1f} M"


def plural(count: int, word: str) -> str:
    """Write a count of things.

    >>> plural(1, "process"), plural(5, "process"), plural(1024, "query")
    ('1 process', '5 processes', '1,024 queries')
    """
    if count != 1:
        word = (
            f"{word[:-1]}ies"
            if word.endswith("y")
            else f"{word}{'es' if word[-1] in 'sx' else 's'}"
        )
    return f"{count:,} {word}"


def scores(accuracy: Accuracy) -> str:
    """Write what a model's file scored.

    >>> scores(Accuracy("m", "SQuAD", "", 10, {"exact_match": 81.23, "f1": 88.5}))
    'EM 81.2, F1 88.5'
    """
    named = ((_METRICS.get(name, name), value) for name, value in accuracy.metrics.items())
    return ", ".join(f"{name} {value:.1f}" for name, value in named)
