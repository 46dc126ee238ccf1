"""Two directories change places in one step, where the operating system can do that."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

_AT_FDCWD = -100  # Linux: relative paths begin at the working directory
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux's renameat2 and RENAME_SWAP of macOS's renamex_np
# What systems and file systems without it answer: NFS, FUSE, old kernels.
_UNKNOWN = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


def exchange(one: Path, other: Path) -> bool:
    """Let two paths change places; at no moment is either absent.

    Source: renameat2(2) of Linux 3.15 and glibc 2.28; renamex_np(2) of macOS 10.12.

    Returns:
        False where the system or the file system cannot do that: nothing has changed.

    Raises:
        OSError: It can, and failed.
    """
    call = _find()
    if call is None:
        return False
    sys.audit("os.rename", os.fspath(one), os.fspath(other), -1, -1)  # as Python does for its own
    if call(os.fsencode(one), os.fsencode(other)) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNKNOWN:
        return False
    raise OSError(code, os.strerror(code), os.fspath(one), None, os.fspath(other))


def _find() -> Callable[[bytes, bytes], int] | None:
    """Return the system's call for two paths, ``None`` where its library has none."""
    if sys.platform not in ("linux", "darwin"):
        return None
    library = ctypes.CDLL(None, use_errno=True)
    name = "renameat2" if sys.platform == "linux" else "renamex_np"
    call = getattr(library, name, None)
    if call is None:
        return None
    if sys.platform == "linux":
        return lambda one, other: int(call(_AT_FDCWD, one, _AT_FDCWD, other, _EXCHANGE))
    return lambda one, other: int(call(one, other, _EXCHANGE))
