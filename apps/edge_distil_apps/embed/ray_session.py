"""A connection to Ray: a local one started for one run, or a cluster by its address.

Ray prints what happens to its processes on the driver's stdout and stderr. stdout belongs to the
result here, so all of it goes to Ray's own log files; what a user must know is an error.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import edge_distil
import edge_distil_apps
from edge_distil import privacy
from edge_distil.errors import EngineError

# Shards and records are a few hundred bytes: Ray's default, 30 % of the memory, is for data sets.
_OBJECT_STORE = 80 << 20  # bytes; Ray refuses less than 75 MiB
_PATIENCE = 10.0  # seconds: for a cluster to answer, for processes to end

# Read by Ray when it is imported or started; what the user has set stays.
_QUIET = {
    "RAY_DATA_LOG_LEVEL": "CRITICAL",  # what it calls an error is raised, too
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # it calls every restarted worker an error
}
# A token made on first use keeps other users of this machine out; Ray's own default since 2.60,
# which says so on stderr unless it is asked for.
_LOCAL = {"RAY_AUTH_MODE": "token"}


@contextmanager
def ray_session(address: str | None, cpus: int) -> Iterator[ModuleType]:
    """Connect to Ray, and leave or shut it down when the block ends.

    A Ray that this process is connected to already is used and stays.

    Args:
        address: ``None`` starts one on this machine; ``"auto"`` and ``"host:port"`` are those of
            `ray.init`, on a machine of the cluster.
        cpus: The cores that a local one has to give.

    Yields:
        The module `ray`.

    Raises:
        EngineError: There is no Ray at the address, or none can be started here.
    """
    if address and address.startswith("ray://"):
        raise EngineError(
            f"Ray Data does not run over {address} (Ray's client): run this on a node of the "
            "cluster with --address auto, as ray job submit does"
        )
    for name, value in (_QUIET | ({} if address else _LOCAL)).items():
        os.environ.setdefault(name, value)
    import ray

    logging.getLogger("ray").setLevel(logging.ERROR)
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(stack.enter_context(Path(os.devnull).open("w"))))
        if not ray.is_initialized():
            settings = {"address": address} if address else _here(cpus, stack)
            # Ray puts the driver's working directory first on the path of every worker: a
            # stranger's json.py there would run in all of them. An empty one takes its place, for
            # as long as Ray's processes are in it.
            empty = stack.enter_context(tempfile.TemporaryDirectory())
            stack.callback(ray.shutdown)
            with chdir(empty):
                _connect(ray, settings, address)
        yield ray


def _connect(ray: ModuleType, settings: dict[str, Any], address: str | None) -> None:
    try:
        if address:
            _knock(address)
        with _stderr_to_nowhere():
            ray.init(
                log_to_driver=False,
                logging_level=logging.ERROR,
                runtime_env={"env_vars": _environment()},
                **settings,
            )
    except (OSError, RuntimeError, ValueError) as error:
        first = str(error).strip().split("\n")[0]
        where = f"reach Ray at {address}" if address else "start Ray on this machine"
        todo = (
            "check the address and that the cluster runs (ray status), and set RAY_AUTH_MODE=token "
            "if it asks for a token"
            if address
            else "use the local engine, or give the address of a cluster"
        )
        raise EngineError(f"cannot {where} ({first}): {todo}") from error


def _here(cpus: int, stack: ExitStack) -> dict[str, Any]:
    """Return the settings of a Ray of our own, whose files go when it does."""
    # Not the temporary directory of the environment where that is long: a socket's path has
    # at most 107 bytes, and Ray takes 70 of them.
    parent = "/tmp" if Path("/tmp").is_dir() else None
    folder = tempfile.mkdtemp(prefix="ray-", dir=parent)
    stack.callback(_remove, Path(folder))
    return {
        "address": "local",
        "num_cpus": cpus,
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE,
        "_temp_dir": folder,
    }


def _knock(address: str) -> None:
    """See that something listens at ``host:port``: Ray itself would wait for ever.

    Raises:
        OSError: Nothing does.
    """
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()


def _remove(folder: Path) -> None:
    """Remove Ray's files; its last processes may still be writing their logs."""
    end = time.monotonic() + _PATIENCE
    while folder.exists() and time.monotonic() < end:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.1)


def _environment() -> dict[str, str]:
    """Return what a worker needs to report to nobody and to import a source checkout's code."""
    packages = Path(sysconfig.get_path("purelib"))
    roots = [Path(module.__path__[0]).parent for module in (edge_distil, edge_distil_apps)]
    ours = [str(root) for root in roots if root != packages]
    # Ray puts the node's own value in the place of the last.
    path = {"PYTHONPATH": os.pathsep.join([*ours, "${PYTHONPATH}"])} if ours else {}
    return {**path, **privacy.variables()}


@contextmanager
def _stderr_to_nowhere() -> Iterator[None]:
    """Drop what Ray's C++ code prints while it starts (that its log level was set)."""
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
