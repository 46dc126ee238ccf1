"""The folder of a frontier: students, bundles, samples, report; what is whole stays."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_distil._writing import locks, storage
from edge_distil.errors import InputError


@dataclass(frozen=True)
class FrontierFolder:
    """What lies where.

    Attributes:
        path: The folder that ``-o`` names; it need not exist.
    """

    path: Path

    def student(self, name: str) -> Path:
        """Return where a student's checkpoint is."""
        return self.path / "students" / name

    @property
    def answers(self) -> Path:
        """What the teacher said, for all students, until they are trained."""
        return self.path / ".answers"

    def bundle(self, name: str) -> Path:
        """Return where a model's bundle is."""
        return self.path / "bundles" / name

    @property
    def measurements(self) -> Path:
        """The raw samples."""
        return self.path / "measurements.json"

    @property
    def document(self) -> Path:
        """The points and the choice, for machines."""
        return self.path / "frontier.json"

    @property
    def report(self) -> Path:
        """The page."""
        return self.path / "report.html"

    @property
    def drawing(self) -> Path:
        """The picture in it."""
        return self.path / "frontier.svg"

    @property
    def journal(self) -> Path:
        """Figures that are known already."""
        return self.path / ".edge_distil.measuring.json"

    @contextmanager
    def held(self, request: Mapping[str, Any]) -> Iterator[None]:
        """Keep others out, and go on with the same request alone.

        Args:
            request: What decides the students, ready for JSON; layers may be added later.

        Raises:
            InputError: The folder holds students of another request, or files of others.
            PlaceBusy: Another process is at work there.
            StorageError: It cannot be written.
        """
        with ExitStack() as stack:
            with storage.storage_errors(self.path):
                storage.make_folder(self.path)
                stack.enter_context(locks.hold(locks.inside(self.path), self.path))
            self._check(request)
            yield

    def _check(self, request: Mapping[str, Any]) -> None:
        text = json.dumps(request, indent=2, sort_keys=True) + "\n"
        file = self.path / "request.json"
        if file.is_file():
            if file.read_text(encoding="utf-8") == text:
                return
            raise InputError(
                f"{self.path} holds students of another teacher, data or recipe (request.json "
                "says which): give the same command to go on, or choose another -o"
            )
        others = [p.name for p in self.path.iterdir() if not p.name.startswith(".")]
        if others:
            raise InputError(
                f"{self.path} is not empty ({', '.join(sorted(others)[:3])}) and holds no "
                "frontier: choose another -o"
            )
        with storage.atomic_file(file) as temporary:
            temporary.write_text(text, encoding="utf-8")
