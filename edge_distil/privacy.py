"""No library that we stand on reports to its maker, unless the user wants it to.

onnxruntime from 1.29 on writes a device id and a store of events under the user's cache folder and
uploads them, on Linux, macOS, Android and iOS. That begins with its import, and nothing that is
called later undoes it. So this module, which the package imports first, sets the variables that
the libraries look at; one that the user has set stands. Processes that we start inherit them.

OpenVINO has no such variable: its import sends its release and a count of imports through
openvino-telemetry, unless a file in the user's home declines. `silenced` imports it without that.

Sources: onnxruntime's docs/Privacy.md, seen with 1.31.1; huggingface_hub's and Ray's documentation
of these variables; openvino/tools/ovc/__init__.py and openvino_telemetry, seen with 2026.4.1 and
2025.2.0.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_ONNXRUNTIME = "onnxruntime"
# Library -> the variable that turns its reports off, and the value that does.
_SWITCHES = {
    _ONNXRUNTIME: ("ORT_DISABLE_TELEMETRY", "1"),
    "huggingface_hub": ("HF_HUB_DISABLE_TELEMETRY", "1"),
    "ray": ("RAY_USAGE_STATS_ENABLED", "0"),
}
# Library without such a variable -> the package of its reports.
_REPORTERS = {"openvino": "openvino_telemetry"}
_REPORTS: dict[str, bool] = {}  # such a library -> whether it reports, once it is imported
_YES = frozenset({"1", "true", "yes"})  # what onnxruntime takes for 1, in any case
_FIRST_THAT_REPORTS = (1, 29)  # release of onnxruntime


def variables() -> dict[str, str]:
    """Return the variables as they are set now, for processes that inherit nothing."""
    return {name: os.environ[name] for name, _ in _SWITCHES.values() if name in os.environ}


def wants_quiet(library: str = _ONNXRUNTIME) -> bool:
    """Say whether a library's variable turns its reports off."""
    name, quiet = _SWITCHES[library]
    value = os.environ.get(name, "").lower()
    return value == quiet or (quiet in _YES and value in _YES)


@contextmanager
def silenced(library: str) -> Iterator[None]:
    """Let the block import a library that reports, as if the package of its reports were not there.

    Libraries that can do without it do; other importers of the package find it again afterwards.
    Where the library was imported before, it has reported, which is said in one warning.
    """
    reporter = _REPORTERS[library]
    if library not in _REPORTS and library in sys.modules:
        _REPORTS[library] = reporter in sys.modules
        if _REPORTS[library]:
            warnings.warn(
                f"{library} was imported before edge_distil's engine, with {reporter}, by which it "
                "reports to its maker: load the model first, or decline with opt_in_out --opt_out",
                stacklevel=2,
            )
    if library in _REPORTS:
        yield
        return
    before = sys.modules.get(reporter)
    sys.modules[reporter] = None  # type: ignore[assignment]  # Python's word for "not there"
    try:
        yield
    finally:
        del sys.modules[reporter]
        if before is not None:
            sys.modules[reporter] = before
    _REPORTS[library] = False


def describe() -> dict[str, str]:
    """Say of each library whether its reports are off, and by what."""
    words = {}
    for library, (name, _) in _SWITCHES.items():
        late = library == _ONNXRUNTIME and _TOO_LATE
        state = "off" if wants_quiet(library) and not late else "on"
        reason = "imported before edge_distil" if late else f"{name}={os.environ.get(name, '')}"
        words[library] = f"{state} ({reason})"
    for library, reporter in _REPORTERS.items():
        on = _REPORTS.get(library, False)
        words[library] = "on (imported before)" if on else f"off (imported without {reporter})"
    return words


def _switch_off() -> bool:
    """Set what the user has not set; True where onnxruntime has begun to report already."""
    began = _ONNXRUNTIME in sys.modules and _SWITCHES[_ONNXRUNTIME][0] not in os.environ
    for name, quiet in _SWITCHES.values():
        os.environ.setdefault(name, quiet)
    return began and _reports(str(getattr(sys.modules[_ONNXRUNTIME], "__version__", "")))


def _reports(version: str) -> bool:
    """Say whether a release reports.

    >>> [_reports(version) for version in ("1.28.3", "1.29.0", "2.0.0rc1")]
    [False, True, True]
    """
    numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    return tuple(numbers) >= _FIRST_THAT_REPORTS


_TOO_LATE = _switch_off()
if _TOO_LATE:
    warnings.warn(
        "onnxruntime was imported before edge_distil and reports to its maker from this process: "
        "import edge_distil first, or set ORT_DISABLE_TELEMETRY=1 (0 if you want the reports)",
        stacklevel=2,
    )
