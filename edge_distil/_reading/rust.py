"""What the Rust library below the tokenizer raises, as an error of ours.

It raises ``Exception`` itself, and where it panics a ``PanicException``, which is no ``Exception``:
``except Exception`` lets it through.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from edge_distil._reading.printable import shortened
from edge_distil.errors import BundleCorrupt

_PANICS = "pyo3_runtime"  # the module that the class of a panic says it is of
_Method = TypeVar("_Method", bound=Callable[..., Any])


class _HasFile(Protocol):
    file: Path


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Turn what the library raises inside the block into `BundleCorrupt`."""
    try:
        yield
    except BaseException as error:
        if not _is_rust(error):
            raise
        raise _corrupt(file, error) from error


def guarded(method: _Method) -> _Method:
    """Do so in a method of an object whose ``file`` the library has read."""

    @functools.wraps(method)
    def guarded_method(self: _HasFile, *arguments: Any, **options: Any) -> Any:
        try:  # not `reading`, which takes longer than a short text's other steps
            return method(self, *arguments, **options)
        except BaseException as error:
            if not _is_rust(error):
                raise
            raise _corrupt(self.file, error) from error

    return cast(_Method, guarded_method)


def _is_rust(error: BaseException) -> bool:
    return type(error) is Exception or type(error).__module__ == _PANICS


def _corrupt(file: Path, error: BaseException) -> BundleCorrupt:
    reason = shortened(str(error), most=200)
    return BundleCorrupt(f"{file} cannot be used ({reason}): copy or export the bundle again")
