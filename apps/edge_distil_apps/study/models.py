"""The bundles of a study: given, embedded, trained ones of the hub, or made of random weights."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from edge_distil._machine import installation
from edge_distil._machine.interpreter import python
from edge_distil._writing import storage
from edge_distil.bundle import Bundle, open_bundle
from edge_distil.errors import BundleNotFound, ExportError, InputError, MissingExtra
from edge_distil.session import DEFAULT_PROVIDER, graph_level, runtime_version
from edge_distil_apps.shipped import EMBEDDED
from edge_distil_apps.study.architectures import ARCHITECTURES, MINILM, Architecture
from edge_distil_apps.study.folder import StudyFolder
from edge_distil_apps.study.options import Options
from edge_distil_apps.study.provenance import (
    Provenance,
    count,
    describe,
    read_provenance,
    write_provenance,
)
from edge_distil_bench.records import Model

VARIANTS = ("fp32", "int8")
SHORTEST = 384  # tokens that a model must take

Say = Callable[[str], None]


@dataclass(frozen=True)
class Made:
    """A bundle of the study, ready to be timed."""

    name: str
    bundle: Bundle
    provenance: Provenance

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants that are timed."""
        return tuple(name for name in VARIANTS if name in self.bundle.manifest.variants)

    def records(self) -> list[Model]:
        """Describe each variant for the document of measurements."""
        return [self._record(variant) for variant in self.variants]

    def _record(self, variant: str) -> Model:
        chosen = self.bundle.manifest.variants[variant]
        return Model(
            id=f"{self.name}/{variant}",
            model=self.name,
            variant=variant,
            engine=f"onnxruntime {runtime_version()}",
            trained=self.provenance.trained,
            bytes=chosen.file.bytes,
            sha256=chosen.file.sha256,
            tokenizer_sha256=storage.sha256(self.bundle.path / "tokenizer.json"),
            parameters=self.provenance.parameters,
            flops=self.provenance.flops,
            options={
                "provider": DEFAULT_PROVIDER,
                "graph_level": graph_level(),
                "source": self.provenance.source,
                "calibrated": self.provenance.calibrated if variant == "int8" else None,
                "operators": dict(chosen.operators),
            },
        )


def find_models(options: Options, folder: StudyFolder, say: Say) -> list[Made]:
    """Return the study's models, making those that are not there yet.

    Args:
        options: Where they are to be found.
        folder: Of the study, where they are made; what is complete there is used again.
        say: Takes a line at every stage.

    Raises:
        EdgeDistilError: One cannot be found or made.
    """
    if options.models is not None:
        return _given(options.models, say)
    _check_extra()
    storage.make_folder(folder.models)
    made = [_make(architecture, options, folder.models, say) for architecture in ARCHITECTURES]
    return [one for one in made if one is not None]


def _check_extra() -> None:
    """Raise `MissingExtra` where models cannot be made here: the exporter is not installed."""
    for package in ("torch", "transformers", "onnx"):
        if find_spec(package) is None:
            raise MissingExtra(
                f"a study makes its models with {package}, which is not installed: "
                f"{installation.install('export')}, or give --models DIR, bundles that "
                "another machine made (edge-distil study --keep-models)"
            )


def _given(folder: Path, say: Say) -> list[Made]:
    """Open bundles that were made elsewhere."""
    found = []
    for architecture in ARCHITECTURES:
        path = folder / architecture.name
        if not path.is_dir() and architecture is MINILM:
            say(f"{path} is not there: the study goes on without {MINILM.name}")
        elif not path.is_dir():
            raise BundleNotFound(
                f"no bundle at {path}, expected {' and '.join(a.name for a in ARCHITECTURES[:2])} "
                f"in {folder}: make them with `edge-distil study --keep-models` on another "
                "machine and copy its work/models"
            )
        else:
            found.append(_open(architecture.name, path))
    return found


def _open(name: str, path: Path) -> Made:
    """Open a bundle and check that it can take part.

    Raises:
        TaskError: It answers no questions.
        InputError: It takes no 384 tokens, or has no fp32 variant.
    """
    bundle = open_bundle(path)
    bundle.require_task("question-answering")
    if bundle.manifest.max_length < SHORTEST:
        raise InputError(
            f"{path} takes {bundle.manifest.max_length} tokens, the study needs {SHORTEST}: "
            "choose another model"
        )
    bundle.model_path("fp32")
    return Made(name, bundle, describe(bundle))


def _make(architecture: Architecture, options: Options, folder: Path, say: Say) -> Made | None:
    """Make one bundle, or take up the complete one of an interrupted study."""
    path, name = folder / architecture.name, architecture.name
    given = dict(options.checkpoints).get(name)
    if given is None and architecture is MINILM and not EMBEDDED.is_dir():
        say(f"{name} is not in this installation: give it with --minilm DIR; going on without it")
        return None
    request = f"{given}, {'quick' if options.quick else 'full'}"
    provenance = read_provenance(path)
    if provenance is None or provenance.request != request:
        provenance = _export_any(architecture, given, path, not options.quick, say)
        counts = count(open_bundle(path))
        write_provenance(path, replace(provenance, request=request, **counts))
    return _open(name, path)


def _export_any(
    architecture: Architecture, given: str | None, path: Path, calibrate: bool, say: Say
) -> Provenance:
    """Export the checkpoint that was given, else the published one, else random weights."""
    published = str(EMBEDDED) if architecture is MINILM else architecture.hub
    checkpoint = given or published
    try:
        say(f"{architecture.name}: exporting {Path(checkpoint).name}, fp32 and int8")
        _export(checkpoint, path, calibrate=True)
        return Provenance(True, given or architecture.hub or architecture.name, calibrated=True)
    except ExportError as error:
        if given or architecture is MINILM:
            raise
        reason, *_ = str(error).split(": ")
        say(
            f"{reason}: seeded random weights of the same architecture take its place (times and "
            f"sizes, no accuracy; trained ones: --{architecture.flag} DIR)"
        )
    with TemporaryDirectory() as checkpoint:
        program = ["-m", "edge_distil_apps.study.random_checkpoint"]
        _run([*program, architecture.model, architecture.config, checkpoint])
        _export(checkpoint, path, calibrate=calibrate)
    return Provenance(False, "seeded random weights", calibrated=calibrate)


def _export(checkpoint: str, path: Path, *, calibrate: bool) -> None:
    """Export and quantize in a child process, so that torch is not in ours."""
    flags = ["--int8", "--force", "--task", "question-answering"]
    if not calibrate:
        flags.append("--no-calibration")
    _run(["-m", "edge_distil_apps.cli", "export", checkpoint, "-o", str(path), *flags])


def _run(arguments: Sequence[str]) -> None:
    """Run Python and wait.

    Raises:
        ExportError: It failed; with the last line of its stderr.
    """
    run = subprocess.run(python(*arguments), capture_output=True, text=True, check=False)
    if run.returncode:
        last = (run.stderr.strip().splitlines() or ["nothing on stderr"])[-1]
        raise ExportError(last.removeprefix("error: "))
