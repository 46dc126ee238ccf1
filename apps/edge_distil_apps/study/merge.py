"""Several devices' measurements, brought together for one report."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge_distil.errors import InputError
from edge_distil_apps.study.folder import StudyFolder
from edge_distil_bench.records import Measurements, read_measurements, write_measurements


def merge(files: Sequence[Path], folder: StudyFolder) -> list[Measurements]:
    """Read documents of several devices and put a copy of each beside the report.

    Two of equal name are told apart by when they began: one device may be measured twice.

    Args:
        files: Documents of measurements; of one alone the report is made again.
        folder: Where the copies go, as ``measurements-1-NAME.json``.

    Returns:
        The measurements, in the order given, each with a name of its own.

    Raises:
        DataError: One is not such a document.
        InputError: There is none, or one is given twice.
        StorageError: The folder cannot be written.
    """
    if not files:
        raise InputError("got no file to merge, expected measurements.json of each device")
    folder.check_own(but=files)
    found = _named([read_measurements(file) for file in files], files)
    for number, measured in enumerate(found, 1):
        write_measurements(measured, folder.copy_of(number, _slug(measured)))
    return found


def _named(found: Sequence[Measurements], files: Sequence[Path]) -> list[Measurements]:
    seen: dict[tuple[str, str], Path] = {}
    for measured, file in zip(found, files, strict=True):
        first = seen.setdefault((measured.device, measured.created), file)
        if first is not file:
            raise InputError(
                f"{file} is the same study as {first} ({measured.device}, {measured.created}): "
                "name each once"
            )
    often = Counter(measured.device for measured in found)
    return [
        replace(m, device=f"{m.device} ({m.created})") if often[m.device] > 1 else m for m in found
    ]


def _slug(measured: Measurements) -> str:
    """Return the device's name as a file may have it."""
    return re.sub(r"[^a-z0-9]+", "-", measured.device.lower()).strip("-")[:60] or "device"
