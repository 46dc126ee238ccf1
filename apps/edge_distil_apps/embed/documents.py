"""Documents as a source of rows: a passage a row, cut and headed as `search` has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from edge_distil.errors import RowsError
from edge_distil.rows import BadRow, Column, Place, Values
from edge_distil_apps.search import folder as folders
from edge_distil_apps.search.build import embedded_text
from edge_distil_apps.search.passages import split

ENDINGS = (".md", ".markdown", ".rst")
_COLUMNS = ("text", "file", "start", "end", "heading")


class Document:
    """The passages of a file: what is embedded, its file, first and last line, and headings.

    Args:
        path: The file.
        root: What its name is to begin in; by default the folder that holds it.
    """

    columns = tuple(Column(name, name == "text") for name in _COLUMNS)

    def __init__(self, path: Path, root: Path | None = None) -> None:
        self.path = path
        self._name = path.relative_to(root or path.parent).as_posix()

    def places(self) -> Iterator[Place]:
        """Yield where each passage begins."""
        return (place for place, _ in self.rows(None, ()))

    def rows(
        self, place: Place | None, need: Sequence[str], want: Sequence[str] = ()
    ) -> Iterator[tuple[Place, Values | BadRow]]:
        """Yield the passages from a place on; a file that is no text is one bad row."""
        chosen = [_COLUMNS.index(name) for name in (*need, *want)]
        for number, (line, values) in enumerate(self._passages()):
            if number < (place[0] if place else 0):
                continue
            if isinstance(values, BadRow):
                yield (number, line), values
            else:
                yield (number, line), tuple(values[index] for index in chosen)

    def _passages(self) -> Iterator[tuple[int, Values | BadRow]]:
        state = self.path.stat()
        source = folders.Source(self.path.name, state.st_size, state.st_mtime_ns)
        try:
            text, _ = folders.read(self.path.parent, source)
        except (OSError, RowsError) as error:
            yield 1, BadRow(f"{self._name}: {error}")
            return
        for one in split(text, markdown=source.markdown):
            lines = (str(one.start), str(one.end))
            yield one.start, (embedded_text(one), self._name, *lines, one.heading)


def documents(folder: Path) -> tuple[Path, ...]:
    """Return the documents below a folder, in order of their names, as `search` lists them.

    Raises:
        InputError: There is none.
    """
    return tuple(folder / one.name for one in folders.text_files(folder).sources)
