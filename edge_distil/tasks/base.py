"""What all task objects share: they are opened from a bundle of their task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Self, TypeVar

from edge_distil.bundle import Bundle
from edge_distil.encoder import Encoder, open_encoder

T = TypeVar("T")


class Task:
    """A task object over an opened encoder.

    Attributes:
        names: The bundle tasks that the class serves.
        encoder: Tokenizer and session.
    """

    names: ClassVar[tuple[str, ...]] = ()

    def __init__(self, encoder: Encoder) -> None:
        """Serve `encoder`.

        Raises:
            TaskError: Its bundle is for another task.
        """
        encoder.bundle.require_task(*self.names)
        self.encoder = encoder

    @property
    def bundle(self) -> Bundle:
        """The bundle that runs."""
        return self.encoder.bundle

    @property
    def variant(self) -> str:
        """The name of the variant that runs."""
        return self.encoder.variant

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        variant: str | None = None,
        engine: str | None = None,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
        verify: bool = False,
        compute_units: str | None = None,
        huge_pages: bool | None = None,
        untrusted: bool = False,
    ) -> Self:
        """Open a bundle as this task; see `edge_distil.load` for the arguments."""
        return cls(
            open_encoder(
                path,
                variant=variant,
                engine=engine,
                threads=threads,
                providers=providers,
                verify=verify,
                compute_units=compute_units,
                huge_pages=huge_pages,
                untrusted=untrusted,
            )
        )


def only(results: Iterator[T]) -> T:
    """Return the one result of work on one input."""
    [result] = results
    return result
