"""Values of the command line that are what they are to be: texts, paths and defaults.

typer (0.29) gives every value to pydantic, whose import takes a tenth of a second, as long as that
of numpy. Most are texts that stay texts, or become a `Path`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

import typer


def _path(text: str) -> Path:
    """Refuse what `Path` would take for the current folder, as an unset variable of a shell."""
    if not text.strip():
        raise typer.BadParameter("the name is empty, expected a path: give one")
    return Path(text)


_UNCHANGED: dict[Any, Callable[[str], Any]] = {str: str, Path: _path}


def let_pass(command: Any) -> None:
    """Let a command's values that need no conversion pass typer's, those of ``--help`` too."""
    known = command.get_params
    command.get_params = lambda ctx: quick(known(ctx))


def quick(params: Sequence[Any]) -> list[Any]:
    """Return parameters that convert what has to be; those of other releases are as they were."""
    for param in params:
        build = getattr(param, "get_runtime_param", None)
        if build and hasattr(param, "type_descriptor") and not isinstance(build, _Plain):
            param.get_runtime_param = _Plain(build, param.type_descriptor)
    return list(params)


class _Plain:
    """Stands in for what typer converts a parameter with, until there is something to convert."""

    def __init__(self, build: Callable[[], Any], described: Any) -> None:
        self._build = build
        self._wanted = described.annotation

    def __call__(self) -> _Plain:
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value as the function takes it; see typer's `RuntimeParam`."""
        if value is None or (type(value) is self._wanted and value == param.default):
            return value if value is not None or not _is_many(param) else ()
        if isinstance(value, str) and self._wanted in _UNCHANGED and not _is_many(param):
            return _UNCHANGED[self._wanted](value)
        items = get_args(self._wanted)
        if get_origin(self._wanted) is list and items[0] in _UNCHANGED and _are_texts(value):
            return [_UNCHANGED[items[0]](one) for one in value]
        return self._build().coerce(value, param=param, ctx=ctx)


def _is_many(param: Any) -> bool:
    return bool(param.multiple or param.nargs == -1)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
