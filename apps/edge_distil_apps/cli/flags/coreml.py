"""The flags of ``export`` that are about Core ML, and what they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated

import typer

from edge_distil.bundle import Bundle
from edge_distil_apps.cli import console, options
from edge_distil_apps.cli.flow.stages import Say

_COMPRESSIONS = ("int8", "palette6", "palette4")

_PANEL = "Core ML, for iOS and macOS"

CoreML = Annotated[bool, options.flag("--coreml", text="Add coreml/model.mlpackage.", panel=_PANEL)]
Lengths = Annotated[
    str,
    options.value(kind="TOKENS", text="384; 64,128,256 (iOS 18); or 2-512.", panel=_PANEL),
]
Precision = Annotated[
    str,
    options.value(
        kind="fp16|fp32",
        text="By default fp16.",
        panel=_PANEL,
        check=options.one_of("fp16", "fp32"),
    ),
]
Target = Annotated[
    str,
    options.value(
        kind="iOS16|17|18",
        text="The oldest system; by default iOS16.",
        panel=_PANEL,
        check=options.one_of("iOS16", "iOS17", "iOS18"),
    ),
]
Compress = Annotated[
    list[str] | None,
    options.value(kind="KIND", text="Add int8, palette6 or palette4.", panel=_PANEL),
]
Atol = Annotated[
    float | None,
    options.value(kind="X", text="Allowed difference; by default 2e-2.", panel=_PANEL, min=0),
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
    say: Say,
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
            progress=say,
        )
