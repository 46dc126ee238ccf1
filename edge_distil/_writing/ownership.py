"""What may be replaced: directories in which everything was written by edge-distil."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from edge_distil.bundle import CORE_ML, MODEL_FILES, WEIGHTS_SUFFIX
from edge_distil.errors import BundleCorrupt, BundleExists
from edge_distil.manifest import FILE_NAME

_STEMS = tuple(
    file.removesuffix(".onnx") for file in MODEL_FILES.values() if file.endswith(".onnx")
)
# What a bundle holds beside the files that its manifest names.
_BUNDLE = (
    FILE_NAME,
    f".{FILE_NAME}.*.part",
    ".edge_distil.*",  # see `staging`
    ".edge_distil-budget.json",
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    *MODEL_FILES.values(),
    *(f"{stem}.onnx{WEIGHTS_SUFFIX}" for stem in _STEMS),
    *(f"{stem}.required_operators.config" for stem in _STEMS),
    *(f"{stem}.{'[0-9a-f]' * 16}.{form}" for stem in _STEMS for form in ("onnx", "ort")),
    f"{CORE_ML}*/model*.mlpackage/*",
    "report/int8.html",
    "report/int8.json",
    "study.json",
)
# What file managers leave wherever they look.
_OF_THE_SYSTEM = (".DS_Store", "._*", "Thumbs.db", "desktop.ini")
_SHOWN = 3  # names in a message


def strangers(folder: Path, own: Collection[str] | Callable[[str], bool]) -> list[str]:
    """Return the files of a directory that are not one's own, as posix paths inside it.

    A symbolic link is a file, wherever it leads.

    Args:
        folder: The directory.
        own: Patterns of paths inside it, as of `fnmatch`, or a function of such a path.
    """
    is_own = own if callable(own) else _matcher(own)
    names = (path.relative_to(folder).as_posix() for path in _files(folder))
    return sorted(name for name in names if not is_own(name) and not _is_of_the_system(name))


def check_replaceable(
    folder: Path, own: Collection[str] | Callable[[str], bool], what: str
) -> None:
    """Agree that a directory is replaced, or raise.

    Args:
        folder: The directory.
        own: See `strangers`.
        what: What --force replaces, such as "a bundle".

    Raises:
        BundleExists: It holds files of others, or is not a directory.
    """
    if not folder.is_dir():
        raise BundleExists(
            f"{folder} is a file: --force replaces {what} or an empty directory and nothing else; "
            "choose another path"
        )
    if found := strangers(folder, own):
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise BundleExists(
            f"{folder} holds files that edge-distil did not write ({', '.join(found[:_SHOWN])}"
            f"{more}): --force replaces {what} or an empty directory and nothing else; move them "
            "away, or choose another directory"
        )


def check_bundle(folder: Path) -> None:
    """Agree that a directory is replaced if it is a bundle and nothing else.

    Raises:
        BundleExists: It is none, or holds files of others.
    """
    if folder.is_dir() and not (folder / FILE_NAME).is_file():
        raise BundleExists(
            f"{folder} is not empty and is not a bundle (it has no {FILE_NAME}): --force replaces "
            "a bundle or an empty directory and nothing else; choose another directory"
        )
    recorded = frozenset(_recorded(folder / FILE_NAME)) if folder.is_dir() else frozenset()
    by_name = _matcher(_BUNDLE)
    check_replaceable(folder, lambda name: name in recorded or by_name(name), "a bundle")


def check_leftover(folder: Path) -> None:
    """Agree that what a killed replacement of a bundle had begun to clear away goes.

    An archive that was unpacked into a directory of the user's may hold a directory with the name
    of a replacement: ending it would remove the user's files.

    Raises:
        BundleCorrupt: The directory holds files of others.
    """
    manifests = (folder / FILE_NAME, *folder.glob(f".edge_distil.*.clearing/.old/{FILE_NAME}"))
    recorded = frozenset(name for manifest in manifests for name in _recorded(manifest))
    by_name = _matcher(_BUNDLE)
    if found := strangers(folder, lambda name: name in recorded or by_name(name)):
        raise BundleCorrupt(
            f"{folder} holds a replacement that was not finished (.edge_distil.*.clearing) and "
            f"files that edge-distil did not write ({', '.join(found[:_SHOWN])}), which would go "
            "with it: move them away, or remove that hidden directory"
        )


def _recorded(manifest: Path) -> Iterator[str]:
    """Yield the paths that a manifest names, as far as it can be read: it may be damaged."""
    try:
        document = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return
    if isinstance(document, dict):
        variants = document.get("variants")
        yield from _paths(document.get("files"))
        yield from _paths(list(variants.values()) if isinstance(variants, dict) else [])


def _paths(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and isinstance(value.get("path"), str):
        yield value["path"]
    elif isinstance(value, dict):
        for name in ("file", "parts"):
            yield from _paths(value.get(name))
    elif isinstance(value, list):
        for each in value:
            yield from _paths(each)


def _files(folder: Path) -> Iterator[Path]:
    """Yield all files and links below a directory."""
    for path in folder.iterdir():
        inside = path.is_dir() and not path.is_symlink()
        yield from _files(path) if inside else (path,)


def _matcher(patterns: Collection[str]) -> Callable[[str], bool]:
    return lambda name: any(fnmatchcase(name, pattern) for pattern in patterns)


def _is_of_the_system(name: str) -> bool:
    return _matcher(_OF_THE_SYSTEM)(name.rpartition("/")[2])
