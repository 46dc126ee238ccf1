"""The flags of ``export`` that are about Core ML, and what they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Literal

import typer

from edge_distil.bundle import Bundle
from edge_distil_apps.cli import console

_COMPRESSIONS = ("int8", "palette6", "palette4")

CoreML = Annotated[
    bool, typer.Option("--coreml", help="Add coreml/model.mlpackage, for iOS and macOS apps.")
]
Lengths = Annotated[
    str,
    typer.Option(
        help="Tokens that the package takes: one length (384), some (64,128,256 or 'enumerated', "
        "iOS 18 only) or a range (2-512 or 'range')."
    ),
]
Precision = Annotated[Literal["fp16", "fp32"], typer.Option(help="Of weights and arithmetic.")]
Target = Annotated[
    Literal["iOS16", "iOS17", "iOS18"], typer.Option(help="The oldest system that is to run it.")
]
Compress = Annotated[
    list[str] | None,
    typer.Option(
        metavar="|".join(_COMPRESSIONS),
        help="Add a package with smaller weights beside it, its error recorded. May be given "
        "several times.",
    ),
]
Atol = Annotated[
    float | None,
    typer.Option(
        min=0, help="Greatest allowed difference from PyTorch; 2e-2 for fp16, 1e-4 for fp32."
    ),
]


@dataclass(frozen=True)
class Settings:
    """Whether packages are made and how, as the flags say."""

    wanted: bool
    lengths: str
    precision: str
    target: str
    compressions: Sequence[str] | None
    atol: float | None

    def __post_init__(self) -> None:
        """Refuse, before any work, what cannot be done at its end.

        Raises:
            BadParameter: A compression without a package, or an unknown one.
            MissingExtra: Packages without ``[coreml]``.
        """
        if self.compressions and not self.wanted:
            raise typer.BadParameter("--coreml-compress is for --coreml: add that flag")
        for kind in self.compressions or ():
            if kind not in _COMPRESSIONS:
                raise typer.BadParameter(
                    f"--coreml-compress is {kind!r}, expected one of {', '.join(_COMPRESSIONS)}"
                )
        if self.wanted:
            with console.needs_coreml():
                quiet = import_module("edge_distil_export.coreml.quiet")
                with quiet.quiet_coremltools():
                    pass


def add_packages(
    bundle: Bundle,
    model: str,
    settings: Settings,
    *,
    revision: str | None,
    trust_remote_code: bool,
    trust_pickle: bool,
) -> Bundle:
    """Add what the flags name; returns the bundle that has it all."""
    if not settings.wanted:
        return bundle
    with console.needs_coreml():
        from edge_distil_export.coreml import add_coreml

        return add_coreml(
            bundle,
            model,
            lengths=settings.lengths,
            precision=settings.precision,
            target=settings.target,
            compressions=settings.compressions or (),
            atol=settings.atol,
            revision=revision,
            trust_remote_code=trust_remote_code,
            trust_pickle=trust_pickle,
            overwrite=True,
            progress=console.note,
        )
