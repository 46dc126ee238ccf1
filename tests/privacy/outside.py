"""A command seen from outside: what it leaves behind and whom it talks to.

It runs in an empty home, without our environment, in a network namespace with nothing but the
loopback device, under strace, which follows every process that it starts.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TRACED = "connect,sendto,sendmsg,sendmmsg,bind,open,openat,openat2,creat,mkdir,mkdirat"
_OPENED = re.compile(r"^(?:open|openat|openat2|creat)\(.* = \d+<(?P<path>[^>]*)>")
_MADE = re.compile(r'^mkdir(?:at)?\(.*"(?P<path>[^"]*)".* = 0')
_WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|^creat\(")
_ADDRESS = re.compile(r'sa_family=AF_INET6?\b.*?(?:inet_addr\("|inet_pton\(AF_INET6, ")([^"]+)"')
_PYTHON = "PYTHONDONTWRITEBYTECODE"  # its own cache of compiled files, beside the packages


@dataclass(frozen=True)
class Seen:
    """What a command did.

    Attributes:
        status: Its exit status.
        out: Its stdout.
        err: Its stderr.
        left: Files in the home, the working directory and the temporary directory when it ended.
        written: Every file and folder that it opened for writing or made.
        addresses: Every internet address that it named to the kernel.
    """

    status: int
    out: str
    err: str
    left: tuple[str, ...]
    written: frozenset[str]
    addresses: frozenset[str]


@cache
def missing() -> str:
    """Say what this needs and does not find; empty where all is there."""
    for program, package in {"strace": "strace", "unshare": "util-linux", "ip": "iproute2"}.items():
        if shutil.which(program) is None:
            return f"there is no {program}: apt-get install {package}"
    probe = [*_namespace(), *_strace(Path(os.devnull)), "true"]
    done = subprocess.run(probe, capture_output=True, text=True, check=False)
    return f"no namespace or no tracing here ({done.stderr.strip()})" if done.returncode else ""


def watch(
    root: Path, *arguments: str | Path, python: str | Path = sys.executable, **variables: str
) -> Seen:
    """Run Python in an empty home below `root` and watch it."""
    home, work, temporary, trace = (root / n for n in ("home", "work", "tmp", "trace"))
    for folder in (home, work, temporary, trace):
        folder.mkdir(parents=True)
    environment = {
        "HOME": str(home), "TMPDIR": str(temporary), "PATH": os.environ["PATH"], _PYTHON: "1",
        "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", **variables,
    }  # fmt: skip
    command = [*_namespace(), *_strace(trace / "t"), str(python), "-P", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=work, env=environment, capture_output=True, text=True, check=False
    )
    calls = list(_calls(trace))
    left = [p for folder in (home, work, temporary) for p in folder.rglob("*")]
    return Seen(
        done.returncode,
        done.stdout,
        done.stderr,
        tuple(sorted(path.relative_to(root).as_posix() for path in left)),
        frozenset(_written(calls)),
        frozenset(address for call in calls for address in _ADDRESS.findall(call)),
    )


def _namespace() -> list[str]:
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    # loopback stays, for processes that talk with each other on this machine
    script = 'ip link set lo up && exec "$@"'
    return ["unshare", "--net", *user, "sh", "-c", script, "sh"]


def _strace(trace: Path) -> list[str]:
    # a file a process: lines of one that is interrupted by another's would be in two parts
    how = ["-ff", "-qq", "--seccomp-bpf", "-y", "-s", "200", "-e", f"trace={_TRACED}"]
    return ["strace", *how, "-o", str(trace)]


def _calls(trace: Path) -> Iterator[str]:
    for file in trace.iterdir():
        yield from file.read_text("utf-8", "replace").splitlines()


def _written(calls: list[str]) -> Iterator[str]:
    for call in calls:
        opened = _OPENED.match(call)
        if opened and _WRITES.search(call):
            yield opened["path"]
        elif made := _MADE.match(call):
            yield made["path"]
