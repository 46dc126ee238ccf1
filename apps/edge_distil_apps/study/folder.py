"""The folder of a study: its documents, its report, and what an interrupted one goes on from."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_distil._writing import locks, storage
from edge_distil._writing.ownership import strangers
from edge_distil._writing.temporary import temporaries_in
from edge_distil.errors import BundleExists, InputError
from edge_distil_apps.study.architectures import ARCHITECTURES
from edge_distil_bench.records import Measurements, read_measurements, write_measurements

_OWN = ("report.html", "summary.md", "frontier.svg", "work/*")  # beside the documents
_SHOWN = 3  # names in a message


@dataclass(frozen=True)
class StudyFolder:
    """What lies where.

    Attributes:
        path: The folder that ``-o`` names; it need not exist.
    """

    path: Path

    @property
    def document(self) -> Path:
        """The raw samples of the device that was measured."""
        return self.path / "measurements.json"

    def copy_of(self, number: int, name: str) -> Path:
        """Return where the document of one of several devices is copied to."""
        return self.path / f"measurements-{number}-{name}.json"

    def documents(self) -> list[Path]:
        """Return the documents that are there."""
        return sorted(self.path.glob("measurements*.json"))

    @property
    def report(self) -> Path:
        """The page."""
        return self.path / "report.html"

    @property
    def summary(self) -> Path:
        """Its figures in Markdown."""
        return self.path / "summary.md"

    @property
    def frontier(self) -> Path:
        """The picture in it."""
        return self.path / "frontier.svg"

    @property
    def models(self) -> Path:
        """Bundles that are made for the study."""
        return self._work / "models"

    @property
    def journal(self) -> Path:
        """Figures that are known already."""
        return self._work / "journal.json"

    @property
    def _work(self) -> Path:
        return self.path / "work"

    @property
    def _temporary(self) -> Path:
        return self._work / ".edge_distil.tmp"

    def measured(self, request: Mapping[str, Any]) -> Measurements | None:
        """Return the document that is there, if it is of this request; ``None`` where none is.

        Raises:
            InputError: It is of another request.
            DataError: It cannot be read.
        """
        if not self.document.exists():
            return None
        found = read_measurements(self.document)
        if found.protocol.get("request") == request:
            return found
        raise InputError(
            f"{self.document} is of other options ({found.protocol.get('name')}, "
            f"{found.created}): choose another -o, or delete it"
        )

    def write(self, found: Measurements) -> None:
        """Write the document."""
        write_measurements(found, self.document)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other studies out.

        Raises:
            PlaceBusy: Another one is at work there.
            StorageError: It cannot be written.
        """
        with ExitStack() as stack:
            self.check_own()
            with storage.storage_errors(self.path):
                stack.enter_context(storage.folder_for(self.document))
                stack.callback(self._remove_empty)
                stack.enter_context(locks.hold(locks.beside(self.path.resolve()), self.path))
            yield

    def check_own(self, but: Iterable[Path] = ()) -> None:
        """Agree that a study is, or goes on, in this folder: it is new, empty, or holds one.

        Args:
            but: Documents that are merged, which may lie in it.

        Raises:
            BundleExists: It holds files of others and no study.
        """
        if not self.path.is_dir() or self.documents() or self.journal.is_file():
            return
        here = self.path.resolve()
        given = [one.name for one in but if one.resolve().parent == here]
        if found := strangers(self.path, (*_OWN, *given)):
            raise BundleExists(
                f"{self.path} holds files that are not of a study ({', '.join(found[:_SHOWN])}): "
                "choose another directory, or an empty one"
            )

    def _remove_empty(self) -> None:
        """Remove the folders of models in which there is nothing, as after a failure."""
        for folder in (self.models, self._work):
            with suppress(OSError):  # models that are kept, files of the user
                folder.rmdir()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let temporary files be made where the next run finds them."""
        with temporaries_in(self._temporary):
            yield

    def clean_up(self, *, keep_models: bool) -> None:
        """Remove what only an interrupted study needs, and nothing that it did not write.

        The journal goes last: where there is none, the models are some that the user keeps.
        """
        if self.journal.exists():
            for architecture in () if keep_models else ARCHITECTURES:
                shutil.rmtree(self.models / architecture.name, ignore_errors=True)
            shutil.rmtree(self._temporary, ignore_errors=True)
            self.journal.unlink()
        self._remove_empty()
