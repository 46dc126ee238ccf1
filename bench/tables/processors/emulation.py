"""Other processors on this machine: qemu's user mode, and a Debian for Arm to run in it.

Nothing is installed or booted: packages of Debian's arm64 are unpacked into a folder, wheels for
aarch64 beside it, and ``qemu-aarch64-static`` translates one Python process, instruction by
instruction, for the core that ``-cpu`` names. x86 cores run this very environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from environments import ensure, stamp_of
from tables.shared.places import REPOSITORY

HOME = REPOSITORY / ".arm"
INSTALL = "apt-get install qemu-user-static debootstrap"
_TOOLS = ("debootstrap", "dpkg", "qemu-aarch64-static", "qemu-x86_64-static")
_RELEASE = "bookworm"
_PYTHON = "3.11"  # of that release
_PACKAGES = "python3,libgomp1,libstdc++6"
_WHEELS = ("numpy", "onnxruntime", "tokenizers")  # all that the runtime imports
_PLATFORMS = ("2_17", "2_26", "2_27", "2_28")  # manylinux tags that Debian 12's C library meets
_ERROR_TAIL = 2000  # characters of a failed process's errors that go into ours
# What an Arm kernel writes there. Without it a process in emulation reads the host's file, of an
# x86: onnxruntime 1.29 and later then crash at import, in what they make of it.
_CPUINFO = """processor\t: 0
BogoMIPS\t: 50.00
Features\t: fp asimd
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: {part:#05x}
CPU revision\t: 0

"""


@dataclass(frozen=True)
class Cpu:
    """A processor to emulate.

    Attributes:
        model: What qemu calls it, with features taken away.
        about: What its integer kernels have.
        part: Arm's part number, by which the cpuinfo library overrides what the kernel says;
            ``None`` for x86.
    """

    model: str
    about: str
    part: int | None = None


class EmulationError(RuntimeError):
    """A tool is missing, or a process failed in emulation."""


def run_on(cpu: Cpu, script: Path, *arguments: str | Path) -> None:
    """Run a Python script as on another processor; its standard output goes to our errors.

    Raises:
        EmulationError: A tool is missing, or the script failed.
    """
    require_tools()
    python = _x86(cpu) if cpu.part is None else _arm(cpu, cpu.part)
    done = subprocess.run(
        [*python, str(script), *map(str, arguments)],
        stdout=sys.stderr,
        stderr=subprocess.PIPE,  # qemu warns of every feature that it lacks
        env={**os.environ, "PYTHONPATH": _python_path(cpu), "OMP_NUM_THREADS": "1"},
        text=True,
        check=False,
    )
    if done.returncode:
        tail = done.stderr[-_ERROR_TAIL:]
        raise EmulationError(f"{script.name} failed on {cpu.model} ({done.returncode}):\n{tail}")


def require_tools() -> None:
    """Check that qemu and debootstrap are installed.

    Raises:
        EmulationError: Something is missing; the message says how to install it.
    """
    if missing := missing_tools():
        raise EmulationError(f"{', '.join(missing)} not found: {INSTALL}")


def missing_tools() -> list[str]:
    """Return the programs that emulation needs and this machine lacks."""
    return [tool for tool in _TOOLS if not shutil.which(tool, path=_places())]


def _places() -> str:
    # debootstrap lies where only root's path leads.
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def _x86(cpu: Cpu) -> list[str]:
    return ["qemu-x86_64-static", "-cpu", cpu.model, sys.executable]


def _arm(cpu: Cpu, part: int) -> list[str]:
    root = _debian()
    # One process at a time, so one file for all cores.
    (root / "proc" / "cpuinfo").write_text(_CPUINFO.format(part=part))
    return [
        "qemu-aarch64-static", "-cpu", cpu.model, "-L", str(root),
        str(root / "usr" / "bin" / f"python{_PYTHON}"),
    ]  # fmt: skip


def _python_path(cpu: Cpu) -> str:
    places = [REPOSITORY] if cpu.part is None else [REPOSITORY, _arm_packages()]
    return os.pathsep.join(map(str, places))


def _debian() -> Path:
    """Return the root of a Debian for Arm, unpacked at the first use (half a minute)."""
    folder = HOME / "debian"
    root = folder / "root"

    def install() -> None:
        _say(f"unpacking Debian {_RELEASE} for arm64 (once)")
        _quietly("debootstrap", "--arch=arm64", "--foreign", "--variant=minbase",
                 f"--include={_PACKAGES}", _RELEASE, root)  # fmt: skip
        # Its second stage would run them in emulation as root; files are all that we need.
        for package in sorted((root / "var" / "cache" / "apt" / "archives").glob("*.deb")):
            _quietly("dpkg", "-x", package, root)

    ensure(folder, stamp_of([], f"{_RELEASE} {_PACKAGES}"), install)
    return root


def _arm_packages() -> Path:
    """Return a folder with aarch64 wheels of the versions that are installed here."""
    folder = HOME / "packages"
    wanted = [f"{name}=={metadata.version(name)}" for name in _WHEELS]

    def install() -> None:
        _say(f"fetching {', '.join(wanted)} for aarch64 (once)")
        tags = [f"--platform=manylinux_{tag}_aarch64" for tag in _PLATFORMS]
        _quietly(sys.executable, "-P", "-m", "pip", "install", "--quiet", "--no-deps",
                 "--only-binary=:all:", f"--python-version={_PYTHON}", *tags,
                 "--target", folder, *wanted)  # fmt: skip

    ensure(folder, stamp_of([], " ".join(wanted)), install)
    return folder


def _quietly(*command: str | Path) -> None:
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": _places()},
        check=False,
    )
    if done.returncode:
        raise EmulationError(f"{command[0]} failed:\n{(done.stderr or done.stdout)[-_ERROR_TAIL:]}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
