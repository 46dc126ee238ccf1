"""Long contexts of `run`: how far they are read, and documents of whose windows a few are read."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from edge_distil import Document, Embedding
from edge_distil._tokenizing.reading import naming
from edge_distil_apps.cli import console
from edge_distil_apps.cli.flow.given import Given

_LONG = 100_000  # characters; some seconds of a small model's time


def progress(characters: int, unit: str) -> AbstractContextManager[Any]:
    """Give what shows how far a model is with so many characters, to a person who watches."""
    if characters < _LONG or not console.interactive():
        return nullcontext(False)
    return console.progress_bar(unit)


@dataclass
class Documents:
    """Makes documents of contexts: one of each, where its questions follow each other.

    Attributes:
        embedding: Embeds their passages.
        last: The last one.
    """

    embedding: Embedding
    last: Document | None = None

    def prepared(self, given: Given) -> Given:
        """Put a document into the place of a context.

        Raises:
            InputError: It cannot be embedded.
        """
        question, context = given.input[0], given.input[1]
        assert isinstance(context, str)  # no list of choices
        if self.last is None or self.last != context:
            where = given.where and f"{given.where}: "
            with naming(where), progress(len(context), "passages") as show:
                self.last = Document(context, self.embedding, show_progress=show)
        return given._replace(input=(question, self.last))
