"""How this package came to be here, and so which command brings more of it or a later one."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

_NAME = "edge-distil"
_CLONE = Path(__file__).parents[2]  # where this is one


def pip(*arguments: str) -> str:
    """Return a command of the pip that installs for this interpreter."""
    import shutil  # needed for a remedy alone, as metadata is

    found = shutil.which("pip")
    own = found is not None and Path(found).parent == Path(sys.executable).parent
    program = "pip" if own else f"{shlex.quote(sys.executable)} -m pip"
    return f"{program} {shlex.join(arguments)}"


def install(extra: str) -> str:
    """Return the command that installs an extra from where the package came: a clone, a file."""
    if is_clone():
        return pip("install", "-e", f"{_CLONE}[{extra}]")
    source = _source()
    return pip("install", f"{_NAME}[{extra}] @ {source}" if source else f"{_NAME}[{extra}]")


def upgrade() -> str:
    """Return the command that brings a later release."""
    if is_clone():
        return shlex.join(["git", "-C", str(_CLONE), "pull"])
    return pip("install", "-U", _NAME)


def is_clone() -> bool:
    """Return whether this code lies in a clone of the repository."""
    return (_CLONE / "pyproject.toml").is_file() and (_CLONE / "apps").is_dir()


def clone() -> Path:
    """Return the root of the clone, see `is_clone`."""
    return _CLONE


def _source() -> str | None:
    """Return the address that pip took the package from (PEP 610); ``None`` for an index."""
    from importlib import metadata

    try:
        record = metadata.distribution(_NAME).read_text("direct_url.json")
        found = json.loads(record)["url"] if record else None
    except (metadata.PackageNotFoundError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None
