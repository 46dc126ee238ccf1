"""The sensitivity document -> HTML: shares, sums and words; the looks are in the template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_CARRIED = 0.8  # of the error; the summary names how few operators carry it
_WORST = 16  # operators in the first chart


class Bar(NamedTuple):
    """A bar of a chart: its name, its share of the error (0 to 1), and if it is kept in fp32."""

    label: str
    share: float
    kept: bool = False


class Heat(NamedTuple):
    """A cell of the heat map; ``level`` is its colour, 0 to 1."""

    label: str
    share: float
    level: float
    kept: bool


def render(document: Mapping[str, Any]) -> str:
    """Return the page of a document that `edge_distil_quantize.describe_sensitivity` gave."""
    operators = with_shares(document["operators"])
    worst = sorted(operators, key=lambda o: -o["share"])
    environment = Environment(
        loader=PackageLoader("edge_distil_apps.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "size": _size,
        "figure": _figure,
        "percent": _percent,
        "breakable": _breakable,
    }
    return environment.get_template("page.html.j2").render(
        document=document,
        variant=document["variant"],
        summary=summary(operators),
        operators=worst,
        worst=[Bar(o["label"], o["share"], o["kept"]) for o in worst[:_WORST]],
        layers=_sums((_layer(o), o["share"]) for o in operators),
        roles=_sums((o["role"], o["share"]) for o in operators),
        columns=sorted({o["layer"] for o in operators if o["layer"] is not None}),
        heat=heat_map(operators),
    )


def with_shares(operators: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Add to each operator its share of the summed error of the model's outputs."""
    whole = sum(operator["output_error"] for operator in operators) or 1.0
    return [{**operator, "share": operator["output_error"] / whole} for operator in operators]


def summary(operators: Sequence[Mapping[str, Any]]) -> str:
    """Say how few operators carry most of the error.

    >>> summary([{"label": "a", "share": 0.9}, {"label": "b", "share": 0.1}])
    '1 of 2 operators carries 80 % of the error: a.'
    """
    worst = sorted(operators, key=lambda o: -o["share"])
    carried, count = 0.0, 0
    while carried < _CARRIED and count < len(worst):
        carried += worst[count]["share"]
        count += 1
    named = ", ".join(operator["label"] for operator in worst[: min(count, 3)])
    more = f" and {count - 3} more" if count > 3 else ""
    verb = "carries" if count == 1 else "carry"
    return (
        f"{count} of {len(worst)} operators {verb} {_CARRIED:.0%} of the error: ".replace("%", " %")
        + f"{named}{more}."
    )


def heat_map(operators: Sequence[Mapping[str, Any]]) -> dict[str, dict[int, Heat]]:
    """Return role -> layer -> cell, for the operators in layers."""
    greatest = max((operator["share"] for operator in operators), default=0) or 1.0
    rows: dict[str, dict[int, Heat]] = {}
    for operator in operators:
        if operator["layer"] is not None:
            # The square root keeps small errors visible beside one that is far greater.
            level = (operator["share"] / greatest) ** 0.5
            cell = Heat(operator["label"], operator["share"], level, operator["kept"])
            rows.setdefault(operator["role"], {})[operator["layer"]] = cell
    return rows


def _layer(operator: Mapping[str, Any]) -> str:
    return "outside of layers" if operator["layer"] is None else f"layer {operator['layer']}"


def _sums(shares: Iterable[tuple[str, float]]) -> list[Bar]:
    sums: dict[str, float] = {}
    for name, share in shares:
        sums[name] = sums.get(name, 0.0) + share
    return [Bar(name, share) for name, share in sums.items()]


def _breakable(label: str) -> Markup:
    """Let a line end after a dot of a name."""
    return Markup(".<wbr>").join(label.split("."))


def _size(count: int) -> str:
    """Write a size in MB or KB (10^6, 10^3 bytes).

    >>> _size(2_359_296), _size(591_360)
    ('2.4 MB', '591 KB')
    """
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} KB"


def _figure(value: float | None) -> str:
    """Write a number in three digits.

    >>> _figure(1234.5), _figure(0.01234), _figure(None)
    ('1,234', '0.0123', '–')
    """
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _percent(share: float) -> str:
    """Write a share as percent, small ones as such.

    >>> _percent(0.123), _percent(0.0004)
    ('12.3 %', '< 0.1 %')
    """
    return f"{share * 100:.1f} %" if share >= 0.001 or share == 0 else "< 0.1 %"
