"""``edge-distil study``: DistilBERT beside BERT on this device, as a report."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_distil.errors import MissingExtra
from edge_distil_apps.cli import console, options
from edge_distil_apps.cli.ending import remains
from edge_distil_apps.study.options import Options

if TYPE_CHECKING:
    from edge_distil_apps.study.folder import StudyFolder
    from edge_distil_apps.study.progress import Count
    from edge_distil_bench.records import Measurements

_CHECKPOINTS = "Models"
_DATA = "Data"


def study(
    output: Annotated[Path, options.output("DIR", "Report and samples.")],
    files: Annotated[
        list[Path] | None, options.argument("FILES", "With --merge: measurements.json files.")
    ] = None,
    quick: Annotated[
        bool, options.flag("--quick", text="A first look in minutes; the whole takes an hour.")
    ] = False,
    merge: Annotated[
        bool, options.flag("--merge", text="Make one report of several devices' FILES.")
    ] = False,
    threads: console.Threads = None,
    device: Annotated[
        str | None, options.value(kind="NAME", text="Of this device; else its processor's.")
    ] = None,
    distilbert: Annotated[
        str | None,
        options.value(kind="MODEL", text="A DistilBERT QA checkpoint.", panel=_CHECKPOINTS),
    ] = None,
    bert: Annotated[
        str | None,
        options.value(kind="MODEL", text="A BERT-base QA checkpoint.", panel=_CHECKPOINTS),
    ] = None,
    minilm: Annotated[
        str | None,
        options.value(kind="MODEL", text="If not the embedded one.", panel=_CHECKPOINTS),
    ] = None,
    models: Annotated[
        Path | None,
        options.value(kind="DIR", text="Bundles made elsewhere.", panel=_CHECKPOINTS),
    ] = None,
    squad: Annotated[
        Path | None,
        options.value(kind="FILE", text="SQuAD JSON; else built-in passages.", panel=_DATA),
    ] = None,
    stsb: Annotated[
        Path | None,
        options.value(kind="FILE", text="STS-B dev set; else built-in pairs.", panel=_DATA),
    ] = None,
    keep_models: Annotated[
        bool,
        options.flag("--keep-models", text="Leave work/models of DIR.", panel=options.OUTPUT),
    ] = False,
    json: console.Json = False,
) -> None:
    """Measure DistilBERT beside BERT-base on this device, and report it next to the paper.

    Examples:
    `edge-distil study --quick -o out/`

    `edge-distil study -o out/ --squad dev-v1.1.json --stsb stsb-en-dev.csv`

    `edge-distil study --merge phone.json laptop.json -o report/`

    Without hub or checkpoints, seeded random weights of the same architectures are timed: they
    take as long, and have no accuracy. Interrupt at any time: the same command goes on.

    MODEL is a directory or a hub id. --models names a folder of the bundles distilbert-base,
    bert-base and minilm-l6-squad, for a device without PyTorch.
    """
    from edge_distil import hardware  # it brings numpy

    if merge and not files:
        raise typer.BadParameter(
            "--merge has no FILES, expected the measurements.json of each device: give them"
        )
    folder = _folder(output)
    remains.watch(lambda: folder.journal.is_file() or folder.document.is_file())
    if merge:
        found = _merge(files or [], folder)
    elif files:
        raise typer.BadParameter("FILES go with --merge: edge-distil study --merge A B -o DIR")
    else:
        given = {"distilbert-base": distilbert, "bert-base": bert, "minilm-l6-squad": minilm}
        options = Options(
            threads=hardware.threads(threads),
            quick=quick,
            checkpoints=tuple((name, value) for name, value in given.items() if value),
            models=models,
            squad=squad,
            stsb=stsb,
            device=device,
            keep_models=keep_models,
        )
        found = [_measure(options, folder)]
    _show(folder, _report(found, folder), json)


class _Bars:
    """Shows where the study is: a bar for each step, with the time left."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def say(self, line: str) -> None:
        console.note(line)

    @contextmanager
    def step(self, number: int, total: int, title: str) -> Iterator[Count]:
        label = f"step {number} of {total}: {title}"
        if not console.interactive():  # a log has no bars
            console.note(f"{label} (after {(time.monotonic() - self._started) / 60:.1f} minutes)")
        with console.progress_bar(label) as count:
            yield count


def _folder(output: Path) -> StudyFolder:
    from edge_distil_apps.study.folder import StudyFolder

    return StudyFolder(output)


def _measure(options: Options, folder: StudyFolder) -> Measurements:
    from edge_distil_apps.study.run import run_study

    return run_study(options, folder, _Bars())


def _merge(files: Sequence[Path], folder: StudyFolder) -> list[Measurements]:
    from edge_distil_apps.study.merge import merge

    return merge(files, folder)


def _report(found: Sequence[Measurements], folder: StudyFolder) -> bool:
    """Write the report, where what draws it is installed: a small device may only measure."""
    try:
        with console.needs_apps():
            from edge_distil_apps.study.report import write_report
    except MissingExtra as missing:
        documents = shlex.join(map(str, folder.documents()))
        console.note(
            f"the samples are complete ({documents}), but {missing}, and give the same command "
            "again for the report; or copy them to a machine that has it, and there: "
            "edge-distil study --merge FILES -o DIR"
        )
        return False
    write_report(found, folder)
    return True


def _show(folder: StudyFolder, reported: bool, as_json: bool) -> None:
    names = {"measurements": folder.documents()}
    if reported:
        names |= {"report": [folder.report], "summary": [folder.summary]}
    if as_json:
        console.document({name: [str(path) for path in paths] for name, paths in names.items()})
        return
    for name, paths in names.items():
        for path in paths:
            console.say(f"{name:13} {console.text(str(path))}")
